import { asTheyStand, withColumnBack } from '../columns.js';
import type { Ddl, Rendered } from '../ddl.js';
import { DatabaseError } from '../errors.js';
import { formerAs, othersInTodaysNames, renderedNow } from '../former.js';
import type { LiveTable } from '../live.js';
import { existingTable, statementsOf, type Operation } from '../operation.js';
import { meetNeeds, refuseRows, refuseShared } from '../rows.js';
import type { Column } from '../schema/column.js';
import type { Session } from '../session.js';
import { refuseOccupied, requireRight } from './checks.js';
import { detacher } from './detach-column.js';

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
    const now = existingTable(before, table);
    if (now.primaryKey.length === 0 || engine.ddl.reattachColumn === undefined)
      throw new DatabaseError(
        'unsupported_change',
        `${table} has no primary key any more by which the values of ${column.name} could come back`,
      );
    const done = engine.ddl.reattachColumn(now, kept, { ...former, name: table }, column.name, after, others);
    const left = existingTable(done.live, table);
    const whole = asTheyStand(withColumnBack(columns, column, after), left);
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
      live: left,
      statements: done.statements,
      compensation: detacher(engine.ddl)(left, column.name, kept).statements,
      reason: `bring column ${column.name} of ${table} back with its values from ${aside}`,
      ...(done.needs === undefined ? {} : { needs: done.needs }),
      ...(done.fills === undefined ? {} : { fills: done.fills }),
    };
  },
  async check({ session, engine: { ddl } }, { table, params }, live) {
    const { column } = params;
    await requireRight(session, 'alter', table);
    // A key's columns may have been renamed by a change before this one, or may be still to be.
    const found = await session.introspect(table);
    const [kept, now] = [await keptIn(session, params.aside), existingTable(found, table)];
    const render = await rendering(session, ddl, table, params);
    // In prepare its key may be still to come back, with a column before this one: it is looked at then.
    const rendered = now.primaryKey.length === 0 ? null : renderedNow(() => render(now, kept));
    if (rendered === null) return;
    await refuseUnfit(session, ddl, params, { table: now, kept, live }, rendered);
    for (const name of rendered.takes ?? [])
      await refuseOccupied(session, name, `, which ${column.name} of ${table} had: rename it first`);
    await meetNeeds(session, live, rendered.needs ?? []);
  },
  async apply({ session, engine: { ddl } }, { table, params }, live) {
    const render = await rendering(session, ddl, table, params);
    return statementsOf(render(existingTable(live, table), await keptIn(session, params.aside)));
  },
  async compensate({ session, engine: { ddl } }, { table, params: { aside, column } }, live) {
    return statementsOf(detacher(ddl)(existingTable(live, table), column.name, await keptIn(session, aside)));
  },
};

/** The way back as the engine renders it today, for a table and for what is kept as they stand. */
async function rendering(
  session: Session,
  ddl: Ddl,
  table: string,
  { former, others, column, after }: Params,
): Promise<(live: LiveTable, kept: LiveTable) => Rendered> {
  const [was, before] = [await formerAs(session, former, table), await othersInTodaysNames(session, others)];
  return (live, kept) => {
    if (ddl.reattachColumn === undefined)
      throw new DatabaseError('unsupported_change', 'this engine puts no column back into its table');
    return ddl.reattachColumn(live, kept, was, column.name, after, before);
  };
}

/** Rows that were written while the column was away have no value in it, and others may have got theirs in common. */
async function refuseUnfit(
  session: Session,
  ddl: Ddl,
  { table: name, column }: Params,
  { table, kept, live }: { table: LiveTable; kept: LiveTable; live: LiveTable | null },
  { fills }: Rendered,
): Promise<void> {
  const [quoted, rows] = [ddl.quote(name), joined(ddl, table, kept)];
  if (!column.nullable && fills !== true)
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
      ['d.v'],
      null,
      (n) => `${column.name} is not unique any more: ${n} row(s) hold a value that another one holds`,
    );
}

/** The rest of a query over the table: its kept rows as _saga_kept. */
function joined(ddl: Ddl, live: LiveTable, kept: LiveTable): string {
  const same = live.primaryKey
    .map((name, i) => `${ddl.quote(live.name)}.${ddl.quote(name)} = _saga_kept.k${i + 1}`)
    .join(' and ');
  return `${ddl.quote(kept.name)} _saga_kept where ${ddl.sameKey?.(live, kept) ?? same}`;
}

async function keptIn(session: Session, aside: string): Promise<LiveTable> {
  const kept = await session.introspect(aside);
  if (kept === null)
    throw new DatabaseError('drift_detected', `${aside}, which held the values, is not there any more`);
  return kept;
}
