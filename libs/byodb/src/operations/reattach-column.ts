import type { Ddl } from '../engine.js';
import { DatabaseError } from '../errors.js';
import type { LiveTable } from '../live.js';
import { inTodaysNames, othersNow, renderedNow, statementsOf, type Operation } from '../operation.js';
import { meetNeeds, refuseRows, refuseShared } from '../rows.js';
import type { Column } from '../schema.js';
import { asTheyStand, insertColumn } from './restore-column.js';

/** `aside`: the table that holds its values; `kept`: that table as prepare found it; else as restore_column. */
interface Params {
  table: string;
  aside: string;
  column: Column;
  former: LiveTable;
  after: string | null;
  kept: LiveTable;
  others?: LiveTable[];
}

/**
 * Undoes a drop_column whose column was taken out of its table since: it is made again, with the values that it had.
 */
export const reattachColumn: Operation<Params> = {
  kind: 'reattach_column',
  looksAtRows: { apply: true, compensate: true },
  plan({ table, aside, column, former, after, kept, others }, before, { engine, columns }) {
    if (before!.primaryKey.length === 0 || engine.ddl.reattachColumn === undefined)
      throw new DatabaseError(
        'unsupported_change',
        `${table} has no primary key any more by which the values of ${column.name} could come back`,
      );
    const done = engine.ddl.reattachColumn(before!, kept, { ...former, name: table }, column.name, after, others);
    const whole = asTheyStand(insertColumn(columns, column, after), done.live!);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [
        { table, columns, without: [column.name] },
        { table: aside, columns: 'any' },
      ],
      after: [
        { table, columns: whole },
        { table: aside, columns: 'any' },
      ],
      columns_after: whole,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.detachColumn!(done.live!, column.name, kept).statements,
      reason: `bring column ${column.name} of ${table} back with its values from ${aside}`,
      ...(done.needs === undefined ? {} : { needs: done.needs }),
      ...(done.fills === undefined ? {} : { fills: done.fills }),
    };
  },
  async check(session, { table, params: { aside, column, former, others, after } }, live, _limits, ddl) {
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    // A key's columns may have been renamed by a change before this one, or may be still to be.
    const [now, kept] = [await session.introspect(table), await keptIn(session, aside)];
    if (now === null) throw new DatabaseError('drift_detected', `${table} is not there any more`);
    const was = { ...(await inTodaysNames(session, former)), name: table };
    const before = await othersNow(session, others);
    // In prepare its key may be still to come back, with a column before this one: it is looked at then.
    const rendered =
      now.primaryKey.length === 0
        ? null
        : renderedNow(() => ddl.reattachColumn!(now, kept, was, column.name, after, before));
    if (rendered === null) return;
    const { needs = [], takes = [], fills = false } = rendered;
    const [quoted, rows] = [ddl.quote(table), joined(ddl, now, kept)];
    if (!column.nullable && !fills)
      await refuseRows(
        session,
        quoted,
        live,
        `not exists (select 1 from ${rows} and _saga_kept.v is not null)`,
        (n) => `${n} row(s) were written without ${column.name}, which is NOT NULL`,
      );
    if (column.unique)
      await refuseShared(
        session,
        `(select _saga_kept.* from ${quoted}, ${rows}) d`,
        'd.v',
        null,
        (n) => `${column.name} is not unique any more: ${n} row(s) hold a value that another one holds`,
      );
    for (const name of takes) {
      const other = await session.occupant(name);
      if (other !== null)
        throw new DatabaseError(
          'table_name_taken',
          `a ${other} named ${name} is there already, which ${column.name} of ${table} had: rename it first`,
        );
    }
    await meetNeeds(session, live, needs);
  },
  async apply(session, { table, params: { aside, former, others, column, after } }, live, ddl) {
    const was = { ...(await inTodaysNames(session, former)), name: table };
    return statementsOf(
      ddl.reattachColumn!(
        live!,
        await keptIn(session, aside),
        was,
        column.name,
        after,
        await othersNow(session, others),
      ),
    );
  },
  async compensate(session, { params: { aside, column } }, live, ddl) {
    return statementsOf(ddl.detachColumn!(live!, column.name, await keptIn(session, aside)));
  },
};

/** The rest of a query over the table: its kept rows as _saga_kept. */
export function joined(ddl: Ddl, live: LiveTable, kept: LiveTable): string {
  const same = live.primaryKey
    .map((name, i) => `${ddl.quote(live.name)}.${ddl.quote(name)} = _saga_kept.k${i + 1}`)
    .join(' and ');
  return `${ddl.quote(kept.name)} _saga_kept where ${ddl.sameKey?.(live, kept) ?? same}`;
}

async function keptIn(
  session: { introspect(table: string): Promise<LiveTable | null> },
  aside: string,
): Promise<LiveTable> {
  const kept = await session.introspect(aside);
  if (kept === null)
    throw new DatabaseError('drift_detected', `${aside}, which held the values, is not there any more`);
  return kept;
}
