import { jsonOf, sql, type Queryable, type Row } from '#event-store';
import { typeOf } from '../changes/index.js';
import { concerns, livesIn, type Table } from '../table/table.js';

/** Names of the tables that live there by what history says, for when the database itself cannot tell. */
export async function tablesIn(db: Queryable, id: string): Promise<string[]> {
  const rows = await db.query(
    sql`select t.state as state from table_databases d join tables t on t.table_id = d.table_id
      where d.database_id = ${id}`,
  );
  const tables = rows.map((row) => jsonOf<{ name: string; exists: boolean }>(row, 'state'));
  return tables
    .filter((table) => table.exists)
    .map((table) => table.name)
    .sort();
}

/** Tables that a database which is lost must be let go of by, or that a change under way would bring there. */
export async function tablesConcerned(db: Queryable, id: string): Promise<Table[]> {
  const rows = await db.query(sql`select state from tables where status <> 'failed' and state like ${`%"${id}"%`}`);
  const adding = (table: Table): boolean =>
    table.pending.some(({ change }) => livesIn({ databases: typeOf(change).bringsTo(change) }, id));
  return rows.map((row) => jsonOf<Table>(row, 'state')).filter((table) => concerns(table, id) || adding(table));
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
  const tables = rows.map((row) => jsonOf<Table>(row, 'state'));
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
  const seen = (row: Row): Seen => jsonOf<Seen>(row, 'state');
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
