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

/** A database, or one of its schemas. */
export interface Place {
  url: string;
  schema?: string;
}

/** One statement on each of many databases, so many at once; the connections stay. */
export async function ddlOnMany({
  places,
  clients,
  statement,
}: {
  places: Place[];
  clients: number;
  statement: Ddl;
}): Promise<Sample> {
  return byClients(clients, places, ({ url, schema }) => carryOut(open(url, 1, schema), statement));
}

function carryOut(db: Knex, statement: Ddl): Promise<void> {
  return statement.do === 'create' ? create(db, statement.table) : addColumn(db, statement.table, statement.column);
}

function open(url: string, connections: number, schema?: string): Knex {
  const key = `${url} ${connections} ${schema}`;
  const known = pools.get(key);
  if (known !== undefined) return known;
  const made = make(url, connections, schema);
  pools.set(key, made);
  return made;
}

interface SqliteConnection {
  pragma(text: string): unknown;
}

function make(url: string, connections: number, schema?: string): Knex {
  if (!url.startsWith('sqlite:'))
    return knex({
      client: url.startsWith('postgres') ? 'pg' : 'mysql2',
      connection: url,
      pool: { min: 0, max: connections },
      ...(schema === undefined ? {} : { searchPath: [schema] }),
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
