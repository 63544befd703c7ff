import { DatabaseError } from '../errors.js';
import { findColumn, foldName, type LiveTable } from '../live.js';
import {
  inTodaysNames,
  othersNow,
  renderedNow,
  refuseUnremakeable,
  statementsOf,
  type Operation,
} from '../operation.js';
import { meetNeeds, refuseRows, refuseShared } from '../rows.js';
import type { Column } from '../schema.js';

/**
 * `aside`: its name while set aside; `former`: the table as it was before; `after`: the managed column that it follows,
 * null: it is the first.
 */
interface Params {
  table: string;
  aside: string;
  column: Column;
  former: LiveTable;
  after: string | null;
  key?: string[];
  others?: LiveTable[];
  quotedTable: string;
  quotedAside: string;
}

/** Undoes a drop_column some time later: the column comes back with the values that it had. */
export const restoreColumn: Operation<Params> = {
  kind: 'restore_column',
  plan({ table, aside, column, former, after, key, others }, before, { engine, columns }) {
    const was = { ...former, name: table };
    const done = engine.ddl.bringBackColumn(before!, aside, was, column.name, others);
    const whole = asTheyStand(insertColumn(columns, column, after, key), done.live!);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, without: [column.name], with: [aside] }],
      after: [{ table, columns: whole, without: [aside] }],
      columns_after: whole,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.setAsideColumn(done.live!, column.name, aside).statements,
      reason: `bring column ${column.name} of ${table} back from ${aside}`,
      ...(done.needs === undefined ? {} : { needs: done.needs }),
      ...(done.fills === undefined ? {} : { fills: done.fills }),
    };
  },
  looksAtRows: { apply: true },
  /** Rows that were written while the column was away have no value in it. */
  async check(
    session,
    { table, params: { aside, column, former, others, quotedTable, quotedAside }, fills = false },
    live,
    _limits,
    ddl,
  ) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await refuseUnremakeable(session, live, null);
    if (!column.nullable && !fills)
      await refuseRows(
        session,
        quotedTable,
        live,
        `${quotedAside} is null`,
        (n) => `${n} row(s) were written without ${column.name}, which is NOT NULL`,
      );
    if (column.unique)
      await refuseShared(
        session,
        quotedTable,
        quotedAside,
        live,
        (n) => `${column.name} is not unique any more: ${n} row(s) hold a value that another one holds`,
      );
    const now = await session.introspect(table);
    if (now === null || findColumn(now, aside) === undefined) return;
    const was = { ...(await inTodaysNames(session, former)), name: table };
    const before = await othersNow(session, others);
    await meetNeeds(
      session,
      live,
      renderedNow(() => ddl.bringBackColumn(now, aside, was, column.name, before))?.needs ?? [],
    );
  },
  async apply(session, { table, params: { aside, former, others, column } }, live, ddl) {
    return statementsOf(
      ddl.bringBackColumn(
        live!,
        aside,
        { ...(await inTodaysNames(session, former)), name: table },
        column.name,
        await othersNow(session, others),
      ),
    );
  },
  async compensate(_session, { params: { aside, column } }, live, ddl) {
    return statementsOf(ddl.setAsideColumn(live!, column.name, aside));
  },
};

/**
 * Where it stood: a column that is set aside keeps its place. `key`: columns that are the primary key again with it.
 */
export function insertColumn(columns: Column[], column: Column, after: string | null, key: string[] = []): Column[] {
  const at = after === null ? 0 : columns.findIndex((c) => foldName(c.name) === foldName(after)) + 1;
  const whole = [...columns.slice(0, at), column, ...columns.slice(at)];
  return whole.map((c) =>
    key.some((name) => foldName(name) === foldName(c.name)) ? { ...c, primary_key: true, nullable: false } : c,
  );
}

/** In the order of the live table: not every engine can put a column where it stood. */
export function asTheyStand(columns: Column[], live: LiveTable): Column[] {
  const place = (column: Column): number => live.columns.findIndex((c) => foldName(c.name) === foldName(column.name));
  return columns.every((column) => findColumn(live, column.name) !== undefined)
    ? [...columns].sort((a, b) => place(a) - place(b))
    : columns;
}
