import type { Ddl } from '../ddl.js';
import type { Engine } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { indexNow } from '../live-indexes.js';
import { findColumn, findNamed, foldName } from '../live.js';
import {
  existingTable,
  statementsOf,
  stepOf,
  tableBefore,
  type CheckContext,
  type Operation,
  type WorkContext,
} from '../operation.js';
import { hasRows, refuseRows, refuseShared } from '../rows.js';
import { MAX_STRING, type Column } from '../schema/column.js';
import { indexMentions, sameIndex, tellIndex, type Index } from '../schema/table-index.js';
import type { Session } from '../session.js';
import { freeIndexName, requireRight } from './checks.js';

/** Fits every engine's index: whatever the rows hold, nobody has to look at them. */
const SHORT_BYTES = 2500;
/** The longest is a decimal. */
const OTHER_BYTES = 40;

interface CreateIndex {
  do: 'create_index';
  table: string;
  index: Index;
}

/**
 * `as`: what it is called in this database. `there`: the table has it already, since it came back with a column or a
 * table. `has_rows`: writers of the table are not to wait.
 */
export interface CreateIndexParams extends CreateIndex {
  step_id: string;
  as: string;
  there: boolean;
  has_rows: boolean;
}

export const createIndex: Operation<CreateIndexParams, CreateIndex> = {
  kind: 'create_index',
  async expand(task, { session, engine, live, newStepId }) {
    const { table, index } = task;
    const now = existingTable(live, table);
    const found = indexNow(engine, now, index);
    const there = found !== undefined && sameIndex(found, index);
    const stepId = newStepId();
    const params: CreateIndexParams = {
      ...task,
      step_id: stepId,
      as: there ? found.name : await freeIndexName(session, now, index),
      there,
      has_rows: !there && (await isWrittenTo(session, engine.ddl, table)),
    };
    return { steps: [stepOf(createIndex, params, stepId)] };
  },
  plan(params, before, { engine, columns, indexes }) {
    const { table, index, as, there, has_rows: rows } = params;
    refuseIndex(engine, columns, index);
    const was = existingTable(before, table);
    const done = there ? { statements: [], live: was } : engine.ddl.createIndex(was, index, as, rows);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns, ...(there ? {} : { without_indexes: [as] }) }],
      after: [{ table, columns }],
      columns_after: columns,
      indexes_after: [...indexes.filter(({ name }) => foldName(name) !== foldName(index.name)), index],
      live: done.live,
      statements: done.statements,
      ...(done.outsideTransaction === undefined ? {} : { outsideTransaction: true as const }),
      compensation: there ? [] : engine.ddl.dropIndex(done.live, as).statements,
      reason: `${there ? 'keep' : 'create'} index ${index.name} ${tellIndex(index)} of ${table}`,
    };
  },
  async check(context, { table, params, columns_after: columns }) {
    if (params.there) return;
    await requireRight(context.session, 'alter', table);
    await refuseUnfitRows(context, params, columns);
  },
  async apply({ engine }, { table, params: { index, as, there, has_rows: rows } }, live) {
    return there
      ? { statements: [] }
      : statementsOf(engine.ddl.createIndex(existingTable(live, table), index, as, rows));
  },
  async compensate({ engine }, plan, live) {
    const { table, params } = plan;
    return params.there
      ? { statements: [] }
      : statementsOf(engine.ddl.dropIndex(existingTable(live, table), params.as, tableBefore(plan)));
  },
  /** A build that was broken off, or refused by the rows, may leave an index that nobody can use. */
  async tidy(context, { table, params: { as } }) {
    return brokenIndex(context, table, as);
  },
};

async function brokenIndex({ session, engine }: WorkContext, table: string, as: string): Promise<string[]> {
  const live = await session.introspect(table);
  if (live === null) return [];
  const isBroken = engine.indexes(live).some(({ name, valid }) => name === as && !valid);
  return isBroken ? engine.ddl.dropIndex(live, as).statements : [];
}

/** A table that is made, or comes back, by an earlier task of the change has no writers yet. */
async function isWrittenTo(session: Session, ddl: Ddl, table: string): Promise<boolean> {
  return (await session.introspect(table)) !== null && (await hasRows(session, ddl, table));
}

/** Errors: DatabaseError unsupported_change. */
function refuseIndex(engine: Engine, columns: Column[], index: Index): void {
  const missing = index.columns.find(({ name }) => !columns.some((column) => foldName(column.name) === foldName(name)));
  if (missing !== undefined)
    throw new DatabaseError(
      'unsupported_change',
      `index ${index.name} names the column ${missing.name}, which the table does not have here`,
    );
  const own = columns.filter((column) => indexMentions(index, column.name));
  const reason = engine.refusesIndex(own, index);
  if (reason !== null) throw new DatabaseError('unsupported_change', `${engine.name}: ${reason}`);
}

/** How many bytes a value of the column may take at most, in the engine that takes most. */
function mostBytes(column: Column | undefined): number {
  if (column === undefined || ['native', 'text', 'json', 'binary'].includes(column.type)) return Infinity;
  return column.type === 'string' ? 4 * (column.length ?? MAX_STRING) : OTHER_BYTES;
}

/** Refuses values that are too long for an index, and those that are not unique though the index is to be. */
async function refuseUnfitRows(
  { session, engine: { ddl } }: CheckContext,
  { table, index }: CreateIndexParams,
  columns: Column[],
): Promise<void> {
  const live = await session.introspect(table);
  const names = index.columns.map(({ name }) => name);
  // Made or named so by an earlier task of the change: looked at again when it has run.
  if (live === null || names.some((name) => findColumn(live, name) === undefined)) return;
  const rows = ddl.quote(table);
  const values = names.map((name) => ddl.quote(name));
  const bytes = names.reduce((sum, name) => sum + mostBytes(findNamed(columns, name)), 0);
  if (ddl.tooLongForIndex !== undefined && bytes > SHORT_BYTES)
    await refuseRows(
      session,
      rows,
      live,
      ddl.tooLongForIndex(values),
      (n) => `${n} row(s) of ${table} have values in (${names.join(', ')}) that are too long for an index`,
    );
  if (!index.unique) return;
  await refuseShared(
    session,
    rows,
    values,
    live,
    (n) => `(${names.join(', ')}) is not unique: ${n} row(s) of ${table} hold values that another one holds`,
  );
}
