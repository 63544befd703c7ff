import { z } from 'zod';
import {
  columnChangeSchema,
  completeColumn,
  convertible,
  MAX_COLUMNS,
  nameSchema,
  type Column,
  type ColumnChange,
  type Engine,
  type Problem,
} from '#byodb';
import { applyOp, findColumn, misfitOf, misfitOfCount, sameColumns, sayOp } from '../table/columns.js';
import { columnTasks } from '../table/column-tasks.js';
import {
  columnOps,
  columns,
  defineEvent,
  id,
  until,
  type ColumnOp,
  type ColumnSet,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { applyOps, neededColumn, refuseUnindexable } from '../table/managed-indexes.js';
import { Refused, refuseEnded, refuseUnsupported, repeatedNames } from '../table/refused.js';
import {
  alsoAside,
  columnsIn,
  fieldsOf,
  indexesOf,
  isKept,
  managedIn,
  managedOf,
  type Considered,
  type Table,
} from '../table/table.js';
import { withVariantsFollowing } from '../table/variants.js';
import { tableId } from '../table/request-parts.js';
import { GO, NOTHING, onlyIfItStands, refuse, type ChangeType, type Judgement } from './change-type.js';

const KINDS = ['column.add', 'column.drop', 'column.alter', 'column.rename', 'columns.change'] as const;

const requested = defineEvent('ColumnsChangeRequested', {
  version: 1,
  tells: 'Columns are to be added, altered, renamed or dropped, in this order.',
  data: z.strictObject({ saga_id: id, kind: z.enum(KINDS), ops: columnOps }),
});
const done = defineEvent('ColumnsChanged', {
  version: 1,
  tells: 'The table has these columns on all of its databases.',
  data: z.strictObject({ saga_id: id, columns, reversible_until: until.optional() }),
});

const changesOfColumns = z.array(columnChangeSchema).min(1, 'must hold at least one column').max(MAX_COLUMNS);
export const columnsBody = z
  .strictObject({ table_id: tableId, column: columnChangeSchema.optional(), columns: changesOfColumns.optional() })
  .refine((body) => (body.column === undefined) !== (body.columns === undefined), 'give either column or columns');

export type ColumnsChangeRequested = EventOfDefinition<typeof requested>;
export type ColumnsChanged = EventOfDefinition<typeof done>;
/** Several operations on columns; one alone is called by what it does. */
export type ChangeColumns = { kind: (typeof KINDS)[number]; ops: ColumnOp[] };

/** Tells add, alter, rename and drop apart by what the table will have, and refuses what can never work. */
export function decideColumns(
  considered: Considered,
  changes: ColumnChange[],
  engines: Engine[],
  path: (i: number) => string,
  sagaId: string,
): ColumnsChangeRequested {
  refuseEnded(considered);
  const problems = repeatedNames(changes, path);
  const ops: ColumnOp[] = [];
  let after = considered.ahead.columns;
  changes.forEach((change, i) => {
    const op = resolve(after, change, (field, message) => {
      problems.push({ path: field === '' ? path(i) : `${path(i)}.${field}`, message });
    });
    if (op === null) return;
    ops.push(op);
    after = applyOp(after, op);
  });
  refuseResult(after, problems, engines);
  const needed = neededColumn(considered.ahead.indexes, ops);
  if (needed !== null) throw new Refused('unsupported_change', needed);
  refuseUnindexable(applyOps(considered.ahead, ops), engines);
  const [first, ...others] = ops;
  const kind = first === undefined || others.length > 0 ? 'columns.change' : kindOf(first);
  return { type: 'ColumnsChangeRequested', saga_id: sagaId, kind, ops };
}

function kindOf({ op }: ColumnOp): ChangeColumns['kind'] {
  return op === 'take' || op === 'bring_back' ? 'columns.change' : `column.${op}`;
}

function refuseResult(after: Column[], problems: Problem[], engines: Engine[]): void {
  if (problems.length > 0) throw new Refused('validation_failed', 'the request has problems', problems);
  if (after.length === 0)
    throw new Refused(
      'unsupported_change',
      'a table must keep at least one column (mysql and sqlite know no table without)',
    );
  if (after.length > MAX_COLUMNS) throw new Refused('unsupported_change', `a table has at most ${MAX_COLUMNS} columns`);
  refuseUnsupported(after, engines);
}

/** Told what is wrong with a field of one change. */
type Refuse = (field: string, message: string) => void;

function resolve(columns: Column[], change: ColumnChange, refuse: Refuse): ColumnOp | null {
  const { name, rename_to: to, ...rest } = change;
  const column = findColumn(columns, name);
  if (column === undefined) return added(change, refuse);
  if (rest.primary_key !== undefined || rest.generated !== undefined)
    throw new Refused(
      'unsupported_change',
      'primary_key and generated of a column that is there already cannot be changed',
    );
  const isAltered = Object.values(rest).some((value) => value !== undefined);
  if (!isAltered && to === undefined) return { op: 'drop', name: column.name };
  if (isAltered && column.native !== undefined)
    throw new Refused(
      'unsupported_change',
      `${column.name} has a type or default of the engine's own: it can be renamed and dropped, not altered`,
    );
  const set = isAltered ? settingOf(column, rest, refuse) : null;
  if (to === undefined) return set === null ? null : { op: 'alter', name: column.name, set };
  const taken = findColumn(columns, to);
  if (taken !== undefined && taken !== column) refuse('rename_to', `there is a column ${to} already`);
  return { op: 'rename', name: column.name, to, set };
}

function added({ name, rename_to: to, type, ...rest }: ColumnChange, refuse: Refuse): ColumnOp {
  if (to !== undefined || type === undefined) throw new Refused('column_not_found', `no column ${name}`);
  for (const issue of nameSchema.safeParse(name).error?.issues ?? []) refuse('name', issue.message);
  const { column, problems } = completeColumn({ ...rest, name, type });
  problems.forEach((problem) => refuse(problem.path, problem.message));
  if (column.primary_key)
    throw new Refused('unsupported_change', 'a primary key cannot be added to a table that is there already');
  return { op: 'add', column };
}

/** What an alteration sets; what does not fit is told to `refuse`. */
function settingOf(column: Column, rest: Omit<ColumnChange, 'name' | 'rename_to'>, refuse: Refuse): ColumnSet {
  const retyped = rest.type !== undefined;
  const type = rest.type ?? column.type;
  const made = completeColumn({
    name: column.name,
    type,
    nullable: rest.nullable ?? column.nullable,
    primary_key: column.primary_key,
    generated: column.generated,
    unique: rest.unique ?? column.unique,
    length: rest.length ?? (retyped ? null : column.length),
    precision: rest.precision ?? (retyped ? null : column.precision),
    scale: rest.scale ?? (retyped ? null : column.scale),
    default: rest.default !== undefined ? rest.default : column.default,
  });
  for (const problem of made.problems) {
    // A default nobody spoke of stands in the way of the new type: that is no typing error.
    if (problem.path === 'default' && rest.default === undefined)
      throw new Refused(
        'unsupported_change',
        `the default of ${column.name} does not fit: ${problem.message}; name a default in the same change`,
      );
    refuse(problem.path, problem.message);
  }
  if (!convertible(column.type, type))
    throw new Refused('unsupported_change', `no engine turns ${column.type} into ${type} without loss of meaning`);
  return named(made.column, rest);
}

/**
 * All that was named, also what is so already: it may be so only if a change before this one succeeds. And nothing
 * else: what the others would have made of the column would come with this change though they failed. A type comes
 * with its sizes, which no other type has.
 */
function named(
  { type, length, precision, scale, nullable, unique, default: value }: Column,
  rest: Omit<ColumnChange, 'name' | 'rename_to'>,
): ColumnSet {
  const sizes = {
    ...(rest.length === undefined ? {} : { length }),
    ...(rest.precision === undefined ? {} : { precision }),
    ...(rest.scale === undefined ? {} : { scale }),
  };
  return {
    ...(rest.type === undefined ? sizes : { type, length, precision, scale }),
    ...(rest.nullable === undefined ? {} : { nullable }),
    ...(rest.unique === undefined ? {} : { unique }),
    ...(rest.default === undefined ? {} : { default: value }),
  };
}

function judge(table: Table, { ops }: ChangeColumns): Judgement {
  const misfit = misfitOf(table.columns, ops, (sagaId) => isKept(table, sagaId));
  if (misfit !== null) return refuse(misfit);
  const after = ops.reduce(applyOp, table.columns);
  const impossible = misfitOfCount(after) ?? neededColumn(indexesOf(table), ops);
  if (impossible !== null) return refuse(impossible);
  return sameColumns(after, table.columns) ? NOTHING : GO;
}

export const changeColumns: ChangeType<ChangeColumns, ColumnsChangeRequested, ColumnsChanged> = {
  requested,
  done,
  body: columnsBody,
  changeOf: ({ kind, ops }) => ({ kind, ops }),

  foresee: (ahead, { ops }) => ({ ...ahead, ...applyOps(ahead, ops) }),
  judge: (table, change) => onlyIfItStands(() => judge(table, change), table),
  conclude: (table, event, change) => ({
    ...fieldsOf(table, { ...applyOps(managedOf(table), change?.ops ?? []), columns: event.columns }),
    variants: withVariantsFollowing(table.variants, change?.ops ?? []),
    set_aside: alsoAside(table.set_aside, event.saga_id, 'part', event.reversible_until ?? null),
  }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ table, change, saga, reversibleUntil }) => ({
    type: 'ColumnsChanged',
    saga_id: saga.saga_id,
    columns: change.ops.reduce(applyOp, table.columns),
    reversible_until: reversibleUntil,
  }),

  columnOps: ({ ops }) => ops,
  names: () => [],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async ({ ops }, { table, databaseId }, past) =>
    columnTasks(past, table.name, columnsIn(table, databaseId), ops, databaseId),
  contradiction: async () => null,

  sayRequested({ ops }) {
    const asked = ops.map(sayOp).join('; ');
    return `${asked.charAt(0).toUpperCase()}${asked.slice(1)}: requested.`;
  },
  sayDone: ({ columns }) =>
    `The columns were changed on every database; they are now ${columns.map((c) => c.name).join(', ')}.`,
};
