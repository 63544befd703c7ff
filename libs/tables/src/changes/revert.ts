import { z } from 'zod';
import { foldName, type Column, type Engine, type Plan, type Task } from '#byodb';
import type { Saga } from '#sagas';
import { columnTasks } from '../table/column-tasks.js';
import { applyOp, misfitOf, misfitOfCount, sameColumns } from '../table/columns.js';
import {
  columnOps,
  columns,
  defineEvent,
  id,
  indexOps,
  name,
  until,
  Variant,
  type ColumnOp,
  type EventOfDefinition,
  type IndexOp,
  type Retype,
} from '../table/event-parts.js';
import { track, type Lineage, type Track } from '../table/lineage.js';
import {
  applyOps,
  indexOpsLeadingTo,
  indexTasks,
  misfitOfIndexes,
  neededColumn,
  refuseUnindexable,
  sameIndexes,
} from '../table/managed-indexes.js';
import { Refused, refuseEnded, refuseUnsupported } from '../table/refused.js';
import {
  alsoAside,
  beingDestroyed,
  fieldsOf,
  isKept,
  managedIn,
  managedOf,
  type Considered,
  type Table,
} from '../table/table.js';
import { withVariantsFollowing } from '../table/variants.js';
import { WayBack } from '../table/way-back.js';
import { tableId } from '../table/request-parts.js';
import {
  GO,
  NOTHING,
  onlyIfItStands,
  refuse,
  type ChangeType,
  type Ending,
  type Judgement,
  type Past,
  type Place,
} from './change-type.js';

const requested = defineEvent('TableRevertRequested', {
  version: 1,
  tells: 'Name and columns are to be again what they were after event `to_version`.',
  data: z.strictObject({
    saga_id: id,
    to_version: z.int().min(1),
    name,
    ops: columnOps,
    index_ops: indexOps.optional(),
  }),
});
const done = defineEvent('TableReverted', {
  version: 1,
  tells:
    'The table has its former name and columns again, everywhere, but for the `variants` (by database ' +
    'id) where a column was made anew and stands last.',
  data: z.strictObject({
    saga_id: id,
    name,
    columns,
    reversible_until: until,
    variants: z.record(z.uuid(), Variant).optional(),
  }),
});

export const revertBody = z.strictObject({ table_id: tableId, version: z.int().min(0) });

export type TableRevertRequested = EventOfDefinition<typeof requested>;
export type TableReverted = EventOfDefinition<typeof done>;
/** `index_ops`: see applyOps. */
export type Revert = { kind: 'table.revert'; name: string; version: number; ops: ColumnOp[]; index_ops?: IndexOp[] };

/**
 * What leads from the table as it will be after its pending changes to what it was at `target`; refused with every
 * conflict where that cannot be without loss. `lineage`: of the table now. `now` in milliseconds since the epoch.
 * `retypes`: see retypesSince.
 */
export function decideRevert(
  considered: Considered,
  { lineage, dropped, order }: Lineage,
  target: { table: Table; lineage: Lineage['lineage'] },
  engines: Engine[],
  now: number,
  sagaId: string,
  retypes: Record<string, Retype[]> = {},
): TableRevertRequested {
  refuseEnded(considered);
  const { table, ahead, pendingOps } = considered;
  const { version, exists, name, columns } = target.table;
  if (!exists) throw new Refused('unsupported_change', `at version ${version} there was no table`);
  const behindPending = pendingOps.reduce<Track>(
    (seen, { saga_id, ops }) => ops.reduce((s, op) => track(s, op, saga_id, 0), seen),
    { columns: table.columns, lineage, dropped, order },
  );
  const { ops, conflicts, lost } = new WayBack(
    ahead.columns,
    behindPending.lineage,
    { columns, lineage: target.lineage },
    behindPending.dropped,
    sagasKept(table, now),
    table.pending.length > 0,
    retypes,
  ).find();
  if (conflicts.length > 0)
    throw new Refused(
      lost ? 'retention_expired' : 'unsupported_change',
      `it cannot go back to version ${version} without loss: ` +
        `${conflicts.map((c) => `${c.path} ${c.message}`).join('; ')}`,
      conflicts,
    );
  refuseUnsupported(columns, engines);
  const wanted = managedOf(target.table);
  refuseUnindexable(wanted, engines);
  const asked = indexOpsLeadingTo(ahead, wanted.indexes, ops);
  return {
    type: 'TableRevertRequested',
    saga_id: sagaId,
    to_version: version,
    name,
    ops,
    ...(asked.length === 0 ? {} : { index_ops: asked }),
  };
}

/** Sagas whose set-aside columns can still come back, those included that are still to set them aside. */
function sagasKept(table: Table, now: number): Set<string> {
  const going = beingDestroyed(table);
  const kept = table.set_aside
    .filter((a) => a.what === 'part' && Date.parse(a.reversible_until) > now && !going.has(a.saga_id))
    .map((a) => a.saga_id);
  return new Set([...kept, ...table.pending.map((p) => p.saga_id)]);
}

/**
 * Whether these operations still lead to the columns of `target`. They were found against what pending changes would
 * make of the table: behind one that failed, a column would stay or be missing, and the revert would not be one.
 */
export function leadsTo(table: Pick<Table, 'columns'>, ops: ColumnOp[], target: Pick<Table, 'columns'>): boolean {
  const names = (columns: Column[]): string =>
    columns
      .map((c) => c.name)
      .sort()
      .join();
  return names(ops.reduce(applyOp, table.columns)) === names(target.columns);
}

async function contradiction({ version, ops }: Revert, table: Table, past: Past): Promise<string | null> {
  const target = await past.tableAt(table.table_id, version);
  return target === null || leadsTo(table, ops, target)
    ? null
    : `a change ahead of it failed, so it would not lead to version ${version}: ask again`;
}

function judge(table: Table, { name, ops, index_ops: asked = [] }: Revert): Judgement {
  const before = managedOf(table);
  const misfit = misfitOf(table.columns, ops, (sagaId) => isKept(table, sagaId));
  if (misfit !== null) return refuse(misfit);
  const after = applyOps(before, ops, asked);
  const impossible =
    misfitOfCount(after.columns) ??
    misfitOfIndexes({ ...before, columns: after.columns }, asked) ??
    neededColumn(before.indexes, ops, asked);
  if (impossible !== null) return refuse(impossible);
  const isSame =
    name === table.name && sameColumns(after.columns, table.columns) && sameIndexes(after.indexes, before.indexes);
  return isSame ? NOTHING : GO;
}

async function tasks({ name, ops, index_ops: asked = [] }: Revert, place: Place, past: Past): Promise<Task[]> {
  const { table, databaseId } = place;
  const there = managedIn(table, databaseId);
  const onIndexes = indexTasks(table.name, there, ops, asked);
  const onColumns = await columnTasks(past, table.name, there.columns, ops, databaseId);
  const all = [...onIndexes.before, ...onColumns, ...onIndexes.behind];
  return name === table.name ? all : [...all, { do: 'rename_table', table: table.name, to: name }];
}

/**
 * The columns after a revert, and the databases in which they stand otherwise. One that a revert made anew, or put back
 * after it was taken out of its table, stands last where the engine knows no other place; history takes the order of
 * the first database.
 */
function outcome({ table, change, saga, reversibleUntil }: Ending<Revert>): TableReverted {
  const { ops, index_ops: asked } = change;
  const columns = ops.reduce(applyOp, table.columns);
  const first = table.databases[0];
  const followsFirst = first !== undefined && table.variants[first.id] === undefined;
  const order = followsFirst ? asItStands(saga, first.id, columns) : columns;
  const variants = table.databases.flatMap(({ id }): [string, Variant][] => {
    const { beside = [], indexes } = table.variants[id] ?? {};
    const after = applyOps(managedIn(table, id), ops, asked);
    const there = asItStands(saga, id, after.columns);
    const isAlike = beside.length === 0 && indexes === undefined && sameColumns(there, order);
    const own = indexes === undefined ? {} : { indexes: after.indexes };
    return isAlike ? [] : [[id, { columns: there, beside, ...own }]];
  });
  return {
    type: 'TableReverted',
    saga_id: saga.saga_id,
    name: change.name,
    columns: order,
    reversible_until: reversibleUntil,
    ...(variants.length === 0 ? {} : { variants: Object.fromEntries(variants) }),
  };
}

/**
 * `columns` in the order in which they stand in one database after what a revert did there: its last step left them so.
 */
function asItStands(saga: Saga<object, Plan>, databaseId: string, columns: Column[]): Column[] {
  const last = saga.steps.filter((s) => s.target.id === databaseId && s.phase === 'apply').at(-1);
  const left = last?.plan?.columns_after.map((c) => foldName(c.name)) ?? [];
  const place = (column: Column): number => left.indexOf(foldName(column.name));
  return columns.some((column) => place(column) === -1) ? columns : [...columns].sort((a, b) => place(a) - place(b));
}

export const revert: ChangeType<Revert, TableRevertRequested, TableReverted> = {
  requested,
  done,
  body: revertBody,
  changeOf: ({ name, to_version, ops, index_ops: asked }) => ({
    kind: 'table.revert',
    name,
    version: to_version,
    ops,
    ...(asked === undefined ? {} : { index_ops: asked }),
  }),

  foresee: (ahead, { name, ops, index_ops: asked }) => ({ ...ahead, name, ...applyOps(ahead, ops, asked) }),
  judge: (table, change) => onlyIfItStands(() => judge(table, change), table),
  conclude: (table, event, change) => ({
    name: event.name,
    ...fieldsOf(table, {
      ...applyOps(managedOf(table), change?.ops ?? [], change?.index_ops),
      columns: event.columns,
    }),
    variants: {
      ...withVariantsFollowing(table.variants, change?.ops ?? [], change?.index_ops),
      ...event.variants,
    },
    set_aside: alsoAside(table.set_aside, event.saga_id, 'part', event.reversible_until),
  }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome,

  columnOps: ({ ops }) => ops,
  names: ({ name }) => [name],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: true,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks,
  contradiction,

  sayRequested: ({ to_version }) => `Going back to version ${to_version} was requested.`,
  sayDone: ({ name, columns }) =>
    `The table went back: it is ${name} with the columns ${columns.map((c) => c.name).join(', ')} on every database.`,
};
