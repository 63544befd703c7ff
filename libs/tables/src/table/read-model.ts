import {
  jsonOf,
  readPage,
  sql,
  type InlineProjection,
  type Queryable,
  type Row,
  type Sql,
  type StoredEvent,
  type Tx,
} from '#event-store';
import { foldName } from '#byodb';
import { typeOf } from '../changes/index.js';
import { evolve } from './evolve.js';
import { namesAhead, purgeOf, statusOf } from './outlook.js';
import { tableStreams } from './stream.js';
import type { Table } from './table.js';

/** One row per table, folded, and the names that are spoken for; kept in the appending transaction. */
export const tablesProjection: InlineProjection = {
  name: 'tables',
  async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
    for (const event of events) {
      const tableId = tableStreams.idOf(event.stream);
      if (tableId === null) continue;
      const before = event.version === 1 ? null : await loadTable(tx, tableId);
      const table = evolve(before, tableStreams.decode(event), {
        version: event.version,
        recorded_at: event.recorded_at,
        table_id: tableId,
      });
      const state = JSON.stringify(table);
      lately.keep(tableId, state, table);
      if (before === null) {
        await tx.execute(
          sql`insert into tables (table_id, name, status, position, state) values (${tableId}, ${table.name},
            ${statusOf(table)}, ${event.position}, ${state})`,
        );
      } else {
        await tx.execute(
          sql`update tables set name = ${table.name}, status = ${statusOf(table)}, state = ${state}
            where table_id = ${tableId}`,
        );
      }
      await settle(tx, before, table);
      await reserve(tx, before, table);
      const [had, has] = [before === null ? null : purgeOf(before), purgeOf(table)];
      if (has !== null && has.due_at !== had?.due_at)
        await tx.upsert('purges_due', ['table_id'], { table_id: tableId, due_at: Date.parse(has.due_at) });
      if (has === null && had !== null) await tx.execute(sql`delete from purges_due where table_id = ${tableId}`);
    }
  },
};

/** Every name that the table has or may get is its own in each of its databases: a second one meets the primary key. */
function namesOf(table: Table | null): Set<string> {
  if (table === null) return new Set();
  return new Set([...(table.ended === null ? [table.name] : []), ...namesAhead(table)].map(foldName));
}

interface Reservation {
  database_id: string;
  name_key: string;
}

/** Where the table lives, or is to live, under each name that is its own. */
function reservationsOf(table: Table | null): Reservation[] {
  if (table === null) return [];
  const places = new Set(
    [...table.databases, ...table.pending.flatMap(({ change }) => typeOf(change).bringsTo(change))].map(({ id }) => id),
  );
  return [...places].flatMap((database_id) => [...namesOf(table)].map((name_key) => ({ database_id, name_key })));
}

async function reserve(tx: Tx, before: Table | null, after: Table): Promise<void> {
  const [had, has] = [reservationsOf(before), reservationsOf(after)];
  const without = (all: Reservation[], others: Reservation[]): Reservation[] =>
    all.filter(
      (one) => !others.some((other) => other.database_id === one.database_id && other.name_key === one.name_key),
    );
  for (const { database_id, name_key } of without(had, has))
    await tx.execute(
      sql`delete from table_names where database_id = ${database_id} and name_key = ${name_key}
        and table_id = ${after.table_id}`,
    );
  for (const { database_id, name_key } of without(has, had))
    await tx.execute(
      sql`insert into table_names (database_id, name_key, table_id) values (${database_id}, ${name_key},
        ${after.table_id})`,
    );
}

async function settle(tx: Tx, before: Table | null, after: Table): Promise<void> {
  const [had, has] = [before?.databases ?? [], after.databases];
  for (const { id } of had)
    if (!has.some((d) => d.id === id))
      await tx.execute(sql`delete from table_databases where table_id = ${after.table_id} and database_id = ${id}`);
  for (const { id } of has)
    if (!had.some((d) => d.id === id))
      await tx.execute(sql`insert into table_databases (table_id, database_id) values (${after.table_id}, ${id})`);
}

export async function loadTable(db: Queryable, tableId: string): Promise<Table | null> {
  const [row] = await db.query(sql`select state from tables where table_id = ${tableId}`);
  return row === undefined ? null : lately.read(tableId, String(row['state']));
}

/**
 * Tables as they were read or written last, by the very text that stands for them. Who accepts a thousand changes on
 * one table
 * would else parse all that are pending for each. The table that is given is shared: nobody may change it.
 */
class Lately {
  private readonly tables = new Map<string, { text: string; table: Table }>();

  constructor(private readonly most: number) {}

  read(tableId: string, text: string): Table {
    const known = this.tables.get(tableId);
    if (known?.text === text) return known.table;
    const table = JSON.parse(text) as Table;
    this.keep(tableId, text, table);
    return table;
  }

  keep(tableId: string, text: string, table: Table): void {
    this.tables.delete(tableId);
    this.tables.set(tableId, { text, table });
    const oldest = this.tables.keys().next();
    if (this.tables.size > this.most && !oldest.done) this.tables.delete(oldest.value);
  }
}

const lately = new Lately(16);

/**
 * Tables of which something is to be destroyed by now, the longest overdue first. `now` in milliseconds since the
 * epoch.
 */
export async function purgesDue(db: Queryable, now: number): Promise<Table[]> {
  const rows = await db.query(
    sql`select t.state as state from purges_due p join tables t on t.table_id = p.table_id where p.due_at <= ${now}
      order by p.due_at limit 100`,
  );
  return rows.map((row) => jsonOf<Table>(row, 'state'));
}

export interface TableFilter {
  status?: string;
  database_id?: string;
  name?: string;
  before?: number;
  limit: number;
}

/** Newest first; dropped and failed ones only when asked for by status. */
export async function listTables(db: Queryable, filter: TableFilter): Promise<{ table: Table; position: number }[]> {
  return listed(
    await db.query(
      sql`select state, position from tables where ${matching(filter)} order by position desc limit ${filter.limit}`,
    ),
  );
}

/** The same, but no more of them than about a megabyte, and one at least where there is one. */
export async function pageOfTables(
  db: Queryable,
  filter: TableFilter,
): Promise<{ tables: { table: Table; position: number }[]; more: boolean }> {
  const { rows, more } = await readPage(db, {
    from: sql`from tables where ${matching(filter)}`,
    key: 'position',
    order: 'desc',
    heavy: 'state',
    columns: sql`state, position`,
    limit: filter.limit,
  });
  return { tables: listed(rows), more };
}

function listed(rows: Row[]): { table: Table; position: number }[] {
  return rows.map((row) => ({ table: jsonOf<Table>(row, 'state'), position: Number(row['position']) }));
}

function matching(filter: TableFilter): Sql {
  const where: Sql[] = [
    filter.status === undefined ? sql`status not in ('dropped', 'failed')` : sql`status = ${filter.status}`,
  ];
  if (filter.name !== undefined) where.push(sql`name = ${filter.name}`);
  if (filter.database_id !== undefined)
    where.push(sql`table_id in (select table_id from table_databases where database_id = ${filter.database_id})`);
  if (filter.before !== undefined) where.push(sql`position < ${filter.before}`);
  return where.reduce((all, one) => sql`${all} and ${one}`);
}

/** The table that a name in one of these databases is spoken for by. */
export async function nameOwner(db: Queryable, databaseIds: string[], name: string): Promise<string | null> {
  for (const id of databaseIds) {
    const [row] = await db.query(
      sql`select table_id from table_names where database_id = ${id} and name_key = ${foldName(name)}`,
    );
    if (row !== undefined) return String(row['table_id']);
  }
  return null;
}
