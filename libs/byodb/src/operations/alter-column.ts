import type { Ddl, Rendered } from '../ddl.js';
import type { Engine } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { indexesBefore, namesOf } from '../live-indexes.js';
import { foldName, type LiveTable } from '../live.js';
import {
  asideName,
  existingTable,
  statementsOf,
  stepOf,
  tableBefore,
  uniqueName,
  type CheckContext,
  type Operation,
  type Plan,
} from '../operation.js';
import { countRows, hasMoreRows, refuseRows, refuseShared } from '../rows.js';
import { convertible } from '../schema/column-types.js';
import { sameType, type Column } from '../schema/column.js';
import type { Session } from '../session.js';
import { refuseDependents, refuseUnremakeable, refuseUnsupported, requireRight } from './checks.js';
import { keepValues } from './keep-values.js';

interface AlterColumn {
  do: 'alter_column';
  table: string;
  from: Column;
  to: Column;
  former?: Former;
}

/**
 * What a column was before it was altered, when that is to be undone: the table as the step found it (its plan's
 * `was`), what the column was called there, and the table of its former values (null: none were kept). Its native type,
 * default and the like then come from there to the letter, and its values where nobody wrote others since.
 */
export interface Former {
  table: LiveTable;
  name: string;
  keep: string | null;
  /** What managed indexes were called there. Missing: there were none. */
  indexes?: string[];
}

/**
 * `keep`: the table of former values that keep_values made; null: nothing can be lost, or there is no primary key to
 * keep them by.
 */
interface Params {
  table: string;
  from: Column;
  to: Column;
  former?: Former;
  step_id: string;
  keep: string | null;
}

export const alterColumn: Operation<Params, AlterColumn> = {
  kind: 'alter_column',
  looksAtRows: { apply: true, compensate: true },
  /** Where the conversion rewrites values, the former ones are kept before it. */
  async expand({ table, from, to, former }, { engine, live, newStepId }) {
    if (!convertible(from.type, to.type))
      throw new DatabaseError('unsupported_change', `${from.type} cannot become ${to.type}`);
    const stepId = newStepId();
    const keeps = rewrites(engine.ddl, from, to) && live !== null && live.primaryKey.length > 0 && !from.primary_key;
    const keepId = keeps ? newStepId() : null;
    const params: Params = {
      table,
      from,
      to,
      ...(former === undefined ? {} : { former }),
      step_id: stepId,
      keep: keepId === null ? null : asideName(keepId),
    };
    const alter = stepOf(alterColumn, params, stepId);
    if (keepId === null) return { steps: [alter] };
    return { steps: [stepOf(keepValues, { table, name: from.name, step_id: keepId }, keepId), alter] };
  },
  plan(params, before, { engine, columns, indexes }) {
    const { table, from, to } = params;
    const apart = namesOf(indexes);
    const altered = columns.map((c) => (foldName(c.name) === foldName(from.name) ? to : c));
    refuseUnsupported(engine, altered);
    const was = existingTable(before, table);
    const done = altering(engine.ddl, params, was, apart);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns }],
      after: [{ table, columns: altered }],
      columns_after: altered,
      live: done.live,
      statements: done.statements,
      compensation: engine.ddl.restoreColumn(existingTable(done.live, table), from.name, was, apart).statements,
      reason: `alter column ${from.name} of ${table}`,
    };
  },
  columnOf: ({ from }) => from.name,
  async check(context, plan, live) {
    const { session } = context;
    const subject = lookedAt(context, plan);
    await requireRight(session, 'alter', plan.table);
    await refuseUnremakeable(session, live, null);
    await refuseHanging(session, plan.table, subject, live);
    await refuseUnfit(context, subject, live);
  },
  async apply({ engine }, plan, live) {
    const apart = namesOf(indexesBefore(plan));
    return statementsOf(altering(engine.ddl, plan.params, existingTable(live, plan.table), apart));
  },
  async compensate({ session, engine }, plan, live) {
    const { table, params } = plan;
    const lost = lostBack(engine, params);
    if (lost !== null) {
      const rows = engine.ddl.quote(table);
      await refuseLoss(session, { rows, lost, from: params.to, to: params.from }, live);
    }
    const apart = namesOf(indexesBefore(plan));
    return statementsOf(
      engine.ddl.restoreColumn(existingTable(live, table), params.from.name, tableBefore(plan), apart),
    );
  },
  async settle({ session, engine: { ddl } }, { table, params: { former, from, to, keep } }, direction) {
    if (direction === 'compensate') return giveBack(session, ddl, table, { from, to, keep });
    // The values were converted from what the column is to be again.
    return former === undefined ? [] : giveBack(session, ddl, table, { from: to, to: from, keep: former.keep, former });
  },
};

/** Whether the conversion touches values, which may then be lost. */
function rewrites(ddl: Ddl, from: Column, to: Column): boolean {
  return !sameType(from, to) && !ddl.metadataOnly(from, to);
}

/** To what was asked for, or back to what the column was. `apart`: names of managed indexes, which stay. */
function altering(
  ddl: Ddl,
  { table, from, to, former, step_id }: Params,
  live: LiveTable,
  apart: readonly string[],
): Rendered {
  if (former === undefined) return ddl.alterColumn(live, from.name, to, uniqueName(step_id), apart);
  const all = [...apart, ...(former.indexes ?? [])];
  return ddl.restoreColumn(live, from.name, asCalled(former, from.name, table, ddl), all);
}

/** Under the names that table and column have by now. */
function asCalled({ table: was, name }: Former, now: string, table: string, ddl: Ddl): LiveTable {
  const renamed = foldName(name) === foldName(now) ? was : existingTable(ddl.renameColumn(was, name, now).live, table);
  return { ...renamed, name: table };
}

/**
 * What a check looks at: the column under the name that it has now, its values by quoted table and column, and the
 * condition on those that would not survive (null: all do).
 */
interface Subject {
  from: Column;
  to: Column;
  rows: string;
  value: string;
  lost: string | null;
}

function lookedAt({ engine: { ddl }, stands }: CheckContext, { table, params: { from, to } }: Plan<Params>): Subject {
  const kept = stands?.kept ?? null;
  const name = stands === undefined || kept !== null ? from.name : stands.name;
  const [rows, value] = kept === null ? [ddl.quote(table), ddl.quote(name)] : [ddl.quote(kept.name), ddl.quote('v')];
  return { from: { ...from, name }, to, rows, value, lost: rewrites(ddl, from, to) ? ddl.lost(from, to, value) : null };
}

async function refuseHanging(
  session: Session,
  table: string,
  { from, to }: Subject,
  live: LiveTable | null,
): Promise<void> {
  // A check is kept, or made again, by the renderers themselves.
  const onType = sameType(from, to)
    ? []
    : (await session.dependents(table, from.name, 'retype')).filter((d) => d.kind !== 'check');
  const forbidding = live === null ? [] : ((await session.forbidding?.(live, from, to)) ?? []);
  refuseDependents([...onType, ...forbidding], `${table}.${from.name}`);
}

/** Refuses values that would be lost, NULLs where none may be any more, and what cannot be unique. */
async function refuseUnfit(
  { session, engine: { ddl }, limits }: CheckContext,
  { from, to, rows, value, lost }: Subject,
  live: LiveTable | null,
): Promise<void> {
  if (lost !== null) {
    await refuseTooMany(session, rows, limits.maxRewriteRows);
    await refuseLoss(session, { rows, lost, from, to }, live);
  }
  if (from.nullable && !to.nullable)
    await refuseRows(session, rows, live, `${value} is null`, (n) => `${from.name} is NULL in ${n} row(s)`);
  if (from.unique || !to.unique) return;
  if (ddl.tooLongForIndex !== undefined)
    await refuseRows(
      session,
      rows,
      live,
      ddl.tooLongForIndex([value]),
      (n) => `${n} value(s) of ${from.name} are too long for an index, without which it cannot be unique`,
    );
  await refuseShared(
    session,
    rows,
    [value],
    live,
    (n) => `${from.name} is not unique: ${n} row(s) hold a value that another one holds`,
  );
}

/**
 * The condition on rows written meanwhile that the way back would bend; null: none is needed. Where DDL is
 * transactional the statement itself refuses them. MySQL rounds a number without a word, and MariaDB takes
 * `CHECK (json_valid(…))` with MODIFY for granted.
 */
function lostBack({ ddl, facts }: Engine, { from, to }: Params): string | null {
  return facts.transactionalDdl || !rewrites(ddl, to, from) ? null : ddl.lost(to, from, ddl.quote(from.name));
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
  const live = existingTable(await session.introspect(table), table);
  const then = former === undefined ? undefined : { column: former.name, key: former.table.primaryKey };
  // By another key no row would be found again, or a wrong one.
  if (then !== undefined && then.key.length !== live.primaryKey.length) return [];
  return ddl.giveBackValues(live, from.name, keep, from, to, then);
}

async function refuseLoss(
  session: Session,
  { rows, lost, from, to }: Pick<Subject, 'rows' | 'from' | 'to'> & { lost: string },
  live: LiveTable | null,
): Promise<void> {
  await refuseRows(session, rows, live, lost, (n) => `${n} value(s) of ${from.name} would not survive as ${to.type}`, {
    code: 'lossy_conversion',
    keyless: [from.name],
  });
}

async function refuseTooMany(session: Session, rows: string, most: number): Promise<void> {
  if (await hasMoreRows(session, rows, most))
    throw new DatabaseError('table_too_large', `more than ${most} rows would have to be rewritten`);
}
