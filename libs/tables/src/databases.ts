import type { Drift } from '#byodb';
import { concerns, type DatabaseRef, type Table } from './table.js';
import { sql, type InlineProjection, type Queryable, type Row, type StoredEvent, type Tx } from '#event-store';

/** Of what is kept of a database, see ReadModel. */
export const DATABASE_SHAPE = 1;

/** A customer's database as registered; its address is not here but sealed in `credentials`. */
export interface Database {
  database_id: string;
  version: number;
  /** The version at which it got its present address: who holds a connection looks at this one. */
  address_version: number;
  name: string;
  engine: 'postgres' | 'mysql' | 'sqlite';
  /** The drift that the last check found, by its digest; null: none. */
  drift: { digest: string; detected_at: string } | null;
  created_at: string;
  updated_at: string;
}

export type DatabaseEvent =
  /** `taken_over`: from the service of that core, which gave it up. */
  | {
      type: 'DatabaseRegistered';
      name: string;
      engine: Database['engine'];
      taken_over?: { core_id: string; reason: string };
    }
  | { type: 'DatabaseAddressChanged' }
  | { type: 'DatabaseRemoved'; reason?: string; lost?: true }
  /** `digest` tells one drift from another: the same is recorded once. */
  | { type: 'DriftDetected'; digest: string; drift: Drift[] }
  | { type: 'DriftEnded' };

/** As tables and sagas name it. */
export function refOf({ database_id, name, engine }: Database): DatabaseRef {
  return { id: database_id, name, engine };
}

export const databaseStream = (id: string): string => `database-${id}`;

export const databasesProjection: InlineProjection = {
  name: 'databases',
  async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
    for (const event of events) {
      if (!event.stream.startsWith('database-')) continue;
      const id = event.stream.slice('database-'.length);
      const body = { ...event.data, type: event.type } as DatabaseEvent;
      if (body.type === 'DatabaseRegistered') {
        const database: Database = {
          database_id: id,
          version: event.version,
          address_version: event.version,
          name: body.name,
          engine: body.engine,
          drift: null,
          created_at: event.recorded_at,
          updated_at: event.recorded_at,
        };
        await tx.execute(
          sql`insert into customer_databases (database_id, name, position, state) values (${id}, ${body.name},
            ${event.position}, ${JSON.stringify(database)})`,
        );
      } else if (body.type !== 'DatabaseRemoved') {
        const before = (await loadDatabase(tx, id))!;
        const database: Database =
          body.type === 'DatabaseAddressChanged'
            ? { ...before, version: event.version, address_version: event.version, updated_at: event.recorded_at }
            : {
                ...before,
                version: event.version,
                drift: body.type === 'DriftDetected' ? { digest: body.digest, detected_at: event.recorded_at } : null,
              };
        await tx.execute(
          sql`update customer_databases set state = ${JSON.stringify(database)} where database_id = ${id}`,
        );
      } else {
        await tx.execute(sql`delete from customer_databases where database_id = ${id}`);
        await tx.execute(sql`delete from credentials where database_id = ${id}`);
      }
    }
  },
};

export async function loadDatabase(db: Queryable, id: string): Promise<Database | null> {
  const [row] = await db.query(sql`select state from customer_databases where database_id = ${id}`);
  return row === undefined ? null : (JSON.parse(String(row['state'])) as Database);
}

export async function findDatabase(db: Queryable, name: string): Promise<Database | null> {
  const [row] = await db.query(sql`select state from customer_databases where name = ${name}`);
  return row === undefined ? null : (JSON.parse(String(row['state'])) as Database);
}

/** Newest first. */
export async function listDatabases(
  db: Queryable,
  filter: { before?: number; limit: number },
): Promise<{ database: Database; position: number }[]> {
  const rows = await db.query(
    sql`select state, position from customer_databases where position < ${filter.before ?? Number.MAX_SAFE_INTEGER}
      order by position desc limit ${filter.limit}`,
  );
  return rows.map((row) => ({
    database: JSON.parse(String(row['state'])) as Database,
    position: Number(row['position']),
  }));
}

/** Names of the tables that live there by what history says, for when the database itself cannot tell. */
export async function tablesIn(db: Queryable, id: string): Promise<string[]> {
  const rows = await db.query(
    sql`select t.state as state from table_databases d join tables t on t.table_id = d.table_id
      where d.database_id = ${id}`,
  );
  const tables = rows.map((row) => JSON.parse(String(row['state'])) as { name: string; exists: boolean });
  return tables
    .filter((table) => table.exists)
    .map((table) => table.name)
    .sort();
}

/** Tables that a database which is lost must be let go of by, or that a change under way would bring there. */
export async function tablesConcerned(db: Queryable, id: string): Promise<Table[]> {
  const rows = await db.query(sql`select state from tables where status <> 'failed' and state like ${`%"${id}"%`}`);
  const adding = (table: Table): boolean =>
    table.pending.some(({ change }) => change.kind === 'table.databases' && change.add.some((d) => d.id === id));
  return rows
    .map((row) => JSON.parse(String(row['state'])) as Table)
    .filter((table) => concerns(table, id) || adding(table));
}

/**
 * By database: tables that were let go there when it was given up for lost, and that do not live there again. One look
 * for all.
 */
export async function tablesLetGo(
  db: Queryable,
  ids: readonly string[],
): Promise<Map<string, { table_id: string; name: string }[]>> {
  const rows = await db.query(sql`select state from tables where state like ${'%"let_go":{"%'}`);
  const tables = rows.map((row) => JSON.parse(String(row['state'])) as Table);
  const letGoIn = (id: string): { table_id: string; name: string }[] =>
    tables.flatMap((table) => {
      const there = table.let_go?.[id];
      return there === undefined || concerns(table, id) ? [] : [{ table_id: table.table_id, name: there.name }];
    });
  return new Map(ids.map((id) => [id, letGoIn(id)]));
}

/** Whether a table lives there, or something of one is set aside there. */
export async function isInUse(db: Queryable, id: string): Promise<boolean> {
  interface Seen {
    ended: string | null;
    set_aside: { databases?: { id: string }[] }[];
    pending: { change: { add?: { id: string }[] } }[];
  }
  const seen = (row: Row): Seen => JSON.parse(String(row['state'])) as Seen;
  const living = (
    await db.query(
      sql`select t.state as state from table_databases d join tables t on t.table_id = d.table_id
        where d.database_id = ${id} and t.status <> 'failed'`,
    )
  ).map(seen);
  if (
    living.some(
      (table) =>
        table.ended === null || table.set_aside.some((a) => a.databases === undefined) || table.pending.length > 0,
    )
  )
    return true;
  const aside = (
    await db.query(sql`select t.state as state from purges_due p join tables t on t.table_id = p.table_id`)
  ).map(seen);
  // With a restore, a revert or a purge on its way nothing of it is due.
  const moving = (
    await db.query(
      sql`select state from tables where status in ('creating', 'changing', 'dropping') or (status = 'dropped' and
        state not like ${'%"pending":[]%'})`,
    )
  ).map(seen);
  const here = (refs: { id: string }[] | undefined): boolean => refs?.some((d) => d.id === id) === true;
  return [...aside, ...moving].some(
    (table) => table.set_aside.some((a) => here(a.databases)) || table.pending.some(({ change }) => here(change.add)),
  );
}
