import knex, { type Knex } from 'knex';
import type { Sample } from '../measure.js';
import { byClients } from './clients.js';

/** The same table that the service is asked for (`columns` in ../changes.ts), by Knex alone. */
function create(db: Knex, name: string): Promise<void> {
  return db.schema.createTable(name, (t) => {
    t.integer('id').notNullable().primary();
    t.string('code', 120).notNullable();
    t.string('note', 200);
    t.decimal('amount', 12, 2);
    t.timestamp('seen');
  });
}

function addColumn(db: Knex, name: string, column: string): Promise<void> {
  return db.schema.alterTable(name, (t) => {
    t.string(column, 120);
  });
}

export type Ddl = { do: 'create'; table: string } | { do: 'add'; table: string; column: string };

export interface DdlJob {
  /** Each statement goes to all of them, side by side. */
  urls: string[];
  /** How many statements are under way at once; each url has as many connections. */
  clients: number;
  statements: Ddl[];
}

const pools = new Map<string, Knex>();

export async function ddl({ urls, clients, statements }: DdlJob): Promise<Sample> {
  const all = urls.map((url) => open(url, clients));
  return byClients(clients, statements, async (statement) => {
    await Promise.all(all.map((db) => carryOut(db, statement)));
  });
}

/** One statement on each of many databases, so many at once; the connections are made and closed within. */
export async function ddlOnMany({
  urls,
  clients,
  statement,
}: {
  urls: string[];
  clients: number;
  statement: Ddl;
}): Promise<Sample> {
  return byClients(clients, urls, async (url) => {
    const db = make(url, 1);
    try {
      await carryOut(db, statement);
    } finally {
      await db.destroy();
    }
  });
}

function carryOut(db: Knex, statement: Ddl): Promise<void> {
  return statement.do === 'create' ? create(db, statement.table) : addColumn(db, statement.table, statement.column);
}

function open(url: string, connections: number): Knex {
  const key = `${url} ${connections}`;
  const known = pools.get(key);
  if (known !== undefined) return known;
  const made = make(url, connections);
  pools.set(key, made);
  return made;
}

interface SqliteConnection {
  pragma(text: string): unknown;
}

function make(url: string, connections: number): Knex {
  if (!url.startsWith('sqlite:'))
    return knex({
      client: url.startsWith('postgres') ? 'pg' : 'mysql2',
      connection: url,
      pool: { min: 0, max: connections },
    });
  return knex({
    client: 'better-sqlite3',
    connection: { filename: url.slice('sqlite:'.length) },
    useNullAsDefault: true,
    pool: {
      afterCreate: (connection: SqliteConnection, done: (error: null, connection: SqliteConnection) => void) => {
        // As durable as the service: see libs/byodb/src/engines/sqlite.
        connection.pragma('journal_mode = WAL');
        connection.pragma('synchronous = FULL');
        done(null, connection);
      },
    },
  });
}

export async function closeAll(): Promise<void> {
  await Promise.all([...pools.values()].map((db) => db.destroy()));
}
