import type { Ddl, Session } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { foldName, type LiveTable } from '../live.js';
import { countRows, refuseDependents, refuseUnremakeable, uniqueName, type Operation } from '../operation.js';
import { refuseRows, refuseShared } from '../rows.js';
import { sameType, type Column } from '../schema.js';

/**
 * `keep`: the table of former values that keep_values made; null: nothing can be lost, or there is no primary key to
 * keep them by.
 * `lost`, `lostBack`: conditions on rows that would not survive the way there and the way back; null: none is needed.
 */
interface Params {
  former?: Former;
  table: string;
  from: Column;
  to: Column;
  keep: string | null;
  step_id: string;
  quoted: string;
  lost: string | null;
  lostBack?: string | null;
  quotedTable: string;
}

/**
 * What a column was before it was altered, when that is to be undone: the table as the step found it (its plan's
 * `was`), what the
 * column was called there, and the table of its former values (null: none were kept). Its native type, default and the
 * like
 * then come from there to the letter, and its values where nobody wrote others since.
 */
export interface Former {
  table: LiveTable;
  name: string;
  keep: string | null;
}

export const alterColumn: Operation<Params> = {
  kind: 'alter_column',
  looksAtRows: { apply: true, compensate: true },
  plan({ table, from, to, former }, before, { engine, stepId, columns }) {
    const altered = columns.map((c) => (foldName(c.name) === foldName(from.name) ? to : c));
    const reason = engine.refuses(altered);
    if (reason !== null) throw new DatabaseError('unsupported_change', `${engine.name}: ${reason}`);
    const done =
      former === undefined
        ? engine.ddl.alterColumn(before!, from.name, to, uniqueName(stepId))
        : engine.ddl.restoreColumn(before!, from.name, asCalled(former, from.name, table, engine.ddl));
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns }],
      after: [{ table, columns: altered }],
      columns_after: altered,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.restoreColumn(done.live!, from.name, before!).statements,
      reason: `alter column ${from.name} of ${table}`,
    };
  },
  async check(session, plan, live, limits, ddl) {
    const {
      table,
      params: { from, to, lost, quoted, quotedTable },
    } = plan;
    const lacking = await session.lacksRight('alter', table);
    if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
    await refuseUnremakeable(session, live, null);
    const retyped = !sameType(from, to);
    // A check is kept, or made again, by the renderers themselves.
    const dependents = [
      ...(retyped ? await session.dependents(table, from.name, 'retype') : []).filter((d) => d.kind !== 'check'),
      ...(live === null ? [] : ((await session.forbidding?.(live, from, to)) ?? [])),
    ];
    refuseDependents(dependents, `${table}.${from.name}`);
    if (retyped && lost !== null) await refuseLoss(session, quotedTable, live, lost, from, to, limits.maxRewriteRows);
    if (from.nullable && !to.nullable)
      await refuseRows(session, quotedTable, live, `${quoted} is null`, (n) => `${from.name} is NULL in ${n} row(s)`);
    if (!from.unique && to.unique && ddl.tooLongForIndex !== undefined)
      await refuseRows(
        session,
        quotedTable,
        live,
        ddl.tooLongForIndex(quoted),
        (n) => `${n} value(s) of ${from.name} are too long for an index, without which it cannot be unique`,
      );
    if (!from.unique && to.unique)
      await refuseShared(
        session,
        quotedTable,
        quoted,
        live,
        (n) => `${from.name} is not unique: ${n} row(s) hold a value that another one holds`,
      );
  },
  async apply(_session, { table, params }, live, ddl) {
    const { former, from, to } = params;
    if (former === undefined)
      return ddlOnly(ddl.alterColumn(live!, from.name, to, uniqueName(params.step_id)).statements);
    return ddlOnly(ddl.restoreColumn(live!, from.name, asCalled(former, from.name, table, ddl)).statements);
  },
  async compensate(session, { params, was }, live, ddl) {
    if (params.lostBack != null)
      await refuseLoss(session, params.quotedTable, live, params.lostBack, params.to, params.from, null);
    return ddlOnly(ddl.restoreColumn(live!, params.from.name, was!).statements);
  },
  async settle(session, { table, params: { former, from, to, keep } }, direction, ddl) {
    if (direction === 'compensate') return giveBack(session, ddl, table, { from, to, keep });
    // The values were converted from what the column is to be again.
    return former === undefined ? [] : giveBack(session, ddl, table, { from: to, to: from, keep: former.keep, former });
  },
};

/** Under the names that table and column have by now. */
function asCalled({ table: was, name }: Former, now: string, table: string, ddl: Ddl): LiveTable {
  const renamed = foldName(name) === foldName(now) ? was : ddl.renameColumn(was, name, now).live!;
  return { ...renamed, name: table };
}

function ddlOnly(statements: string[]): { statements: string[] } {
  return { statements };
}

/** Once the column is restored. `from`: what it is again. */
async function giveBack(
  session: Session,
  ddl: Ddl,
  table: string,
  { from, to, keep, former }: Pick<Params, 'from' | 'to' | 'keep' | 'former'>,
): Promise<string[]> {
  if (
    keep === null ||
    (await session.introspect(keep)) === null ||
    (await countRows(session, ddl, table, '1 = 1')) === 0
  )
    return [];
  const live = (await session.introspect(table))!;
  const then = former === undefined ? undefined : { column: former.name, key: former.table.primaryKey };
  // By another key no row would be found again, or a wrong one.
  if (then !== undefined && then.key.length !== live.primaryKey.length) return [];
  return ddl.giveBackValues(live, from.name, keep, from, to, then);
}

async function refuseLoss(
  session: Session,
  table: string,
  live: LiveTable | null,
  lost: string,
  from: Column,
  to: Column,
  maxRows: number | null,
): Promise<void> {
  if (maxRows !== null) await refuseTooMany(session, table, maxRows);
  await refuseRows(session, table, live, lost, (n) => `${n} value(s) of ${from.name} would not survive as ${to.type}`, {
    code: 'lossy_conversion',
    keyless: [from.name],
  });
}

async function refuseTooMany(session: Session, table: string, maxRows: number): Promise<void> {
  const [many] = await session.query(
    `select count(*) as n from (select 1 as one from ${table} limit ${maxRows + 1}) as r`,
  );
  if (Number(many?.['n'] ?? 0) > maxRows)
    throw new DatabaseError('table_too_large', `more than ${maxRows} rows would have to be rewritten`);
}
