import { z } from 'zod';
import { DatabaseError, indexesBefore, type Engine, type Task } from '#byodb';
import {
  askedBy,
  databases,
  defineEvent,
  id,
  indexes,
  lost,
  until,
  type AskedBy,
  type DatabaseRef,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { refuseUnindexable, indexOpsLeadingTo, indexTasks, withNamesLearnt } from '../table/managed-indexes.js';
import { cannotComeBack, planAside, restoreBy } from '../table/kept-tables.js';
import { Refused, refuseBuiltElsewhere, refuseEnded, refuseUnsupported } from '../table/refused.js';
import {
  alsoAside,
  asideIn,
  concerns,
  livesIn,
  managedIn,
  managedOf,
  withoutVariants,
  type Considered,
  type SetAside,
  type Table,
} from '../table/table.js';
import { buildingTasks } from './create.js';
import { withNamesOf } from '../table/variants.js';
import { areDistinct, databaseNames, reason, tableId } from '../table/request-parts.js';
import {
  GO,
  MOVED_ON,
  NOTHING,
  onlyIfItStands,
  refuse,
  type ChangeType,
  type Ending,
  type Judgement,
  type Past,
  type Place,
} from './change-type.js';

const requested = defineEvent('TableDatabasesRequested', {
  version: 1,
  tells:
    'The table is to be built in some databases and set aside in others; with `lost`, let go in ' +
    'databases that are gone for good.',
  data: z.strictObject({
    saga_id: id,
    add: databases,
    remove: databases,
    lost: lost.optional(),
    reason: z.string().optional(),
  }),
});
const done = defineEvent('TableDatabasesChanged', {
  version: 1,
  tells:
    'The table lives in these databases now; where it was removed it is kept until `reversible_until`, ' +
    'unless the database is `lost`; `back`: where it came back with its rows.',
  data: z.strictObject({
    saga_id: id,
    databases,
    removed: databases,
    reversible_until: until,
    lost: lost.optional(),
    back: databases.optional(),
    indexes: indexes.optional(),
  }),
});

export const moveBody = z
  .strictObject({
    table_id: tableId,
    add: databaseNames.optional(),
    remove: databaseNames.optional(),
    lost: z.literal(true).optional(),
    reason: reason.optional(),
  })
  .refine(({ add = [], remove = [] }) => add.length + remove.length > 0, 'give add or remove')
  .refine(({ add = [], remove = [] }) => areDistinct([...add, ...remove]), 'must not name a database twice')
  .refine((body) => body.lost !== true || body.reason !== undefined, {
    path: ['reason'],
    message: 'is required with lost',
  })
  .refine((body) => body.lost === true || body.reason === undefined, {
    path: ['reason'],
    message: 'is for lost databases alone',
  })
  .refine(({ add = [], lost: isLost }) => isLost !== true || add.length === 0, {
    path: ['add'],
    message: 'must not stand beside lost',
  });

export type TableDatabasesRequested = EventOfDefinition<typeof requested>;
export type TableDatabasesChanged = EventOfDefinition<typeof done>;
/** `lost`: what is removed is gone for good, and is not touched. */
export type Move = AskedBy<TableDatabasesRequested, 'table.databases'>;

/** Only what changes anything is asked for: a database where the table lives already is not added again. */
export function decideDatabases(
  considered: Considered,
  add: DatabaseRef[],
  remove: DatabaseRef[],
  engines: Engine[],
  sagaId: string,
): TableDatabasesRequested {
  refuseEnded(considered);
  const { ahead } = considered;
  if (movedTo(ahead.databases, { add, remove }).length === 0)
    throw new Refused('unsupported_change', 'a table must live in at least one database: drop it instead');
  refuseBuiltElsewhere(ahead.columns, engines);
  refuseUnsupported(ahead.columns, engines);
  refuseUnindexable(ahead, engines);
  return {
    type: 'TableDatabasesRequested',
    saga_id: sagaId,
    add: add.filter((ref) => !livesIn(ahead, ref.id)),
    remove: remove.filter((ref) => livesIn(ahead, ref.id)),
  };
}

/**
 * The table goes on without databases that are lost for good; nothing is touched there. A dropped one lets go what is
 * set aside of it there.
 */
export function decideLost(
  { table, ahead }: Considered,
  lost: DatabaseRef[],
  reason: string,
  sagaId: string,
): TableDatabasesRequested {
  const remove = lost.filter(({ id }) => concerns(table, id) || livesIn(ahead, id));
  return { type: 'TableDatabasesRequested', saga_id: sagaId, add: [], remove, lost: true, reason };
}

/** Whether a change lets go of the table in a database that is lost. */
export function letsGoOf(change: { kind: string } | Move, databaseId: string): boolean {
  return isMove(change) && change.lost === true && change.remove.some(({ id }) => id === databaseId);
}

function isMove(change: { kind: string } | Move): change is Move {
  return change.kind === 'table.databases';
}

/** Where a table lives after it was added to some databases and removed from others. */
export function movedTo(databases: DatabaseRef[], { add, remove }: Pick<Move, 'add' | 'remove'>): DatabaseRef[] {
  return [
    ...databases.filter((d) => !remove.some((r) => r.id === d.id)),
    ...add.filter((a) => !databases.some((d) => d.id === a.id)),
  ];
}

function judge(table: Table, change: Move): Judgement {
  const { add, remove, lost } = change;
  if (lost === true) return remove.some(({ id }) => concerns(table, id)) ? GO : NOTHING;
  return onlyIfItStands(() => {
    if (add.some(({ id }) => livesIn(table, id)) || !remove.every(({ id }) => livesIn(table, id)))
      return refuse(MOVED_ON);
    if (movedTo(table.databases, change).length === 0)
      return refuse('the table would live nowhere: it was to be somewhere else by now');
    return add.length + remove.length === 0 ? NOTHING : GO;
  }, table);
}

function conclude(table: Table, event: TableDatabasesChanged, at: string): Partial<Table> {
  const removed = event.removed.map((database) => database.id);
  const variants = withoutVariants(table.variants, removed);
  const learnt =
    event.indexes === undefined ? {} : { indexes: event.indexes, variants: withNamesOf(variants, event.indexes) };
  if (event.lost === true) return { variants, ...withoutLost(table, event, removed, at) };
  const aside = alsoAside(table.set_aside, event.saga_id, 'part', event.reversible_until, event.removed);
  const back = (event.back ?? []).map((database) => database.id);
  return { databases: event.databases, variants, set_aside: nothingAsideIn(aside, back), ...learnt };
}

function withoutLost(table: Table, event: TableDatabasesChanged, ids: string[], at: string): Partial<Table> {
  const isGone = event.databases.length === 0;
  const letGo = Object.fromEntries(ids.map((id) => [id, { at, name: table.name }]));
  const elsewhere = nothingAsideIn(table.set_aside, ids).filter((a) => !isGone || a.databases !== undefined);
  // Where it lived last is shown still, as of a table that was found to be gone.
  const ended: Partial<Table> = isGone
    ? { exists: false, ended: 'dropped', reversible_until: null }
    : { databases: event.databases };
  return { ...ended, set_aside: elsewhere, let_go: { ...table.let_go, ...letGo } };
}

/**
 * Of what a table is that was set aside by itself in databases where it does not live: there is nothing of it in these
 * any more.
 */
function nothingAsideIn(setAside: SetAside[], ids: string[]): SetAside[] {
  return setAside.flatMap((aside) => {
    if (aside.databases === undefined) return [aside];
    const databases = aside.databases.filter((d) => !ids.includes(d.id));
    return databases.length === 0 && aside.databases.length > 0 ? [] : [{ ...aside, databases }];
  });
}

async function tasks({ add, remove }: Move, place: Place, past: Past): Promise<Task[]> {
  const { table, databaseId } = place;
  if (livesIn({ databases: remove }, databaseId)) return [{ do: 'drop_table', table: table.name }];
  if (!livesIn({ databases: add }, databaseId)) return [];
  const plan = await planAside(past, table, databaseId);
  const wanted = managedOf(table);
  if (plan === null) return buildingTasks(table.name, wanted);
  const differs = cannotComeBack(plan, table.columns);
  if (differs !== null) throw new DatabaseError('unsupported_change', differs);
  // It comes back with the indexes that it had there.
  const there = { columns: table.columns, indexes: indexesBefore(plan) };
  const { before, behind } = indexTasks(table.name, there, [], indexOpsLeadingTo(there, wanted.indexes));
  return [restoreBy(plan, table.name), ...before, ...behind];
}

function outcome({ table, change, saga, reversibleUntil }: Ending<Move>): TableDatabasesChanged {
  const back = saga.steps.filter((step) => step.operation === 'restore_table').map((step) => step.target);
  return {
    type: 'TableDatabasesChanged',
    saga_id: saga.saga_id,
    databases: movedTo(table.databases, change),
    removed: change.remove,
    reversible_until: reversibleUntil,
    ...(change.lost === true ? { lost: true as const } : {}),
    ...(back.length === 0 ? {} : { back }),
    ...withNamesLearnt(table, saga),
  };
}

function names(databases: DatabaseRef[]): string {
  return databases.map((database) => database.name).join(', ');
}

function sayRequested({ add, remove, lost, reason }: TableDatabasesRequested): string {
  if (lost === true)
    return `The database ${names(remove)} is lost: letting the table go there was requested (${reason}).`;
  const builds = add.length === 0 ? [] : [`building the table on ${names(add)}`];
  const removes = remove.length === 0 ? [] : [`removing it from ${names(remove)}`];
  const moves = [...builds, ...removes].join(' and ') || 'no move';
  return `${moves.charAt(0).toUpperCase()}${moves.slice(1)} was requested.`;
}

function sayDone({ databases, removed, lost }: TableDatabasesChanged): string {
  if (lost !== true) return `The table now lives on ${names(databases)}.`;
  return databases.length === 0
    ? 'The table was let go in its last database, which is lost; nothing of it is kept.'
    : `The table was let go in ${names(removed)}, which is lost; it lives on ${names(databases)}.`;
}

export const move: ChangeType<Move, TableDatabasesRequested, TableDatabasesChanged> = {
  requested,
  done,
  body: moveBody,
  changeOf: (event) => ({ kind: 'table.databases', ...askedBy(event) }),

  foresee(ahead, change) {
    const databases = movedTo(ahead.databases, change);
    return databases.length === 0 ? { ...ahead, dropped: true } : { ...ahead, databases };
  },
  judge,
  conclude: (table, event, _change, at) => conclude(table, event, at),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome,

  columnOps: () => [],
  names: () => [],
  bringsTo: (change) => change.add,
  destroys: () => [],
  bringsBack: false,
  isForGood: (change) => change.lost === true,
  begins: false,
  choosesDatabases: true,
  isOfDatabase: false,

  standing(change, { table, databaseId }) {
    if (!livesIn({ databases: change.add }, databaseId)) return managedIn(table, databaseId);
    // Built there anew, unless it was set aside there and comes back.
    return { columns: asideIn(table, databaseId) === undefined ? [] : table.columns, indexes: [] };
  },
  tasks,
  contradiction: async () => null,

  sayRequested,
  sayDone,
};
