import { z } from 'zod';
import type { Engine, Managed, Task } from '#byodb';
import { columnTasks } from '../table/column-tasks.js';
import { misfitOf } from '../table/columns.js';
import { answerToDrift, type DriftDecision } from '../table/drift-answer.js';
import {
  askedBy,
  columnOps,
  columns,
  DatabaseRef,
  databases,
  defineEvent,
  id,
  indexes,
  indexOps,
  until,
  Variant,
  type AskedBy,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { applyOps, indexTasks, misfitOfIndexes } from '../table/managed-indexes.js';
import { Refused, refuseEnded } from '../table/refused.js';
import {
  alsoAside,
  fieldsOf,
  isKept,
  livesIn,
  managedIn,
  managedOf,
  withoutVariants,
  type Considered,
  type Table,
} from '../table/table.js';
import { withVariantsFollowing } from '../table/variants.js';
import { buildingTasks } from './create.js';
import { tableId } from '../table/request-parts.js';
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

const answer = z.enum(['adopt', 'restore', 'ignore']);
const requested = defineEvent('DriftResolutionRequested', {
  version: 1,
  tells: 'What was found to differ in `database` is to become history, to go back, or to be let be.',
  data: z.strictObject({
    saga_id: id,
    database: DatabaseRef,
    as: answer,
    found: columns.nullable(),
    changes: columnOps,
    found_indexes: indexes.optional(),
    index_changes: indexOps.optional(),
    variant: Variant.nullable(),
  }),
});
const done = defineEvent('DriftResolved', {
  version: 1,
  tells: 'The table is this everywhere, but for the `variant` that `database` keeps.',
  data: z.strictObject({
    saga_id: id,
    database: DatabaseRef,
    as: answer,
    columns,
    indexes: indexes.optional(),
    databases,
    variant: Variant.nullable(),
    reversible_until: until,
  }),
});

export const resolveDriftBody = z.strictObject({ table_id: tableId, as: answer });

export type DriftResolutionRequested = EventOfDefinition<typeof requested>;
export type DriftResolved = EventOfDefinition<typeof done>;
/**
 * `found`: what stands in `database`, null for no table; `changes` lead to it on the others (adopt), or back from it
 * there (restore); `variant`: what that database is from then on.
 */
export type ResolveDrift = AskedBy<DriftResolutionRequested, 'drift.resolve'>;
export type DriftAnswer = ResolveDrift['as'];

const NOT_AS_FORESEEN = 'a change ahead of it did not end as foreseen: look at the drift, and answer again';

/**
 * Decides what an answer to drift changes. `found`: what stands in `database` now; null: the table is not there.
 * `adopt`: history and the other databases follow, but for what was ignored before, unless nothing else differs: then
 * it is meant. `restore`: that database goes back to what history says. `ignore`: it stays as it is, and is no drift
 * any more.
 */
export function decideDrift(
  considered: Considered,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Managed | null,
  engines: Engine[],
  sagaId: string,
): DriftResolutionRequested {
  refuseEnded(considered);
  const { ahead } = considered;
  if (!livesIn(ahead, database.id)) throw new Refused('table_not_found', `the table does not live in ${database.name}`);
  return {
    type: 'DriftResolutionRequested',
    saga_id: sagaId,
    database,
    as,
    found: found === null ? null : found.columns,
    ...(found === null || found.indexes.length === 0 ? {} : { found_indexes: found.indexes }),
    ...answerToDrift(considered, { database, as, found }, engines),
  };
}

/** What was found; null: no table. */
function foundBy({ found, found_indexes: indexes = [] }: ResolveDrift): Managed | null {
  return found === null ? null : { columns: found, indexes };
}

/**
 * Whether the same would be decided of the table as it is by now. What was found was compared with what pending changes
 * would make of the table: where one failed, the answer would make a difference instead of ending one.
 */
function isDecidedSo(table: Table, change: ResolveDrift): boolean {
  const { database, as, changes, index_changes: onIndexes, variant } = change;
  const { name, databases } = table;
  const now: Considered = {
    table,
    ahead: { name, ...managedOf(table), databases, dropped: false },
    pendingOps: [],
    isComingBack: false,
  };
  try {
    const again = answerToDrift(now, { database, as, found: foundBy(change) }, []);
    return JSON.stringify(told(again)) === JSON.stringify(told({ changes, index_changes: onIndexes, variant }));
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

function told({ changes, index_changes: onIndexes = [], variant }: DriftDecision): unknown[] {
  return [changes, onIndexes, variant];
}

function judge(table: Table, change: ResolveDrift): Judgement {
  const { database, as, found, changes, index_changes: onIndexes = [], variant } = change;
  if (!livesIn(table, database.id)) return refuse(MOVED_ON);
  const misfit =
    as === 'adopt'
      ? (misfitOf(table.columns, changes, (sagaId) => isKept(table, sagaId)) ??
        misfitOfIndexes(applyOps(managedOf(table), changes), onIndexes))
      : null;
  if (misfit !== null) return refuse(misfit);
  if (!isDecidedSo(table, change)) return refuse(NOT_AS_FORESEEN);
  const keepsVariant = JSON.stringify(variant) === JSON.stringify(table.variants[database.id] ?? null);
  const changesNothing = changes.length === 0 && onIndexes.length === 0;
  return found !== null && changesNothing && keepsVariant ? NOTHING : GO;
}

function conclude(table: Table, event: DriftResolved, change: ResolveDrift | undefined): Partial<Table> {
  const { id } = event.database;
  const others =
    event.as === 'adopt'
      ? withVariantsFollowing(table.variants, change?.changes ?? [], change?.index_changes)
      : table.variants;
  const own = event.variant === null ? {} : { [id]: event.variant };
  // Gone from its last database, by somebody else's hand: nothing of it is kept.
  const isGone = event.databases.length === 0;
  const place: Partial<Table> = isGone ? { exists: false, ended: 'dropped' } : { databases: event.databases };
  return {
    ...place,
    ...fieldsOf(table, { columns: event.columns, indexes: event.indexes ?? [] }),
    variants: { ...withoutVariants(others, [id]), ...own },
    set_aside: alsoAside(table.set_aside, event.saga_id, 'part', event.reversible_until),
  };
}

function outcome({ table, change, saga, reversibleUntil }: Ending<ResolveDrift>): DriftResolved {
  const { database, as, found, changes, index_changes: onIndexes, variant } = change;
  const isGoneThere = as === 'adopt' && found === null;
  const after = as === 'adopt' ? applyOps(managedOf(table), changes, onIndexes) : managedOf(table);
  return {
    type: 'DriftResolved',
    saga_id: saga.saga_id,
    database,
    as,
    variant,
    ...fieldsOf(table, after),
    databases: isGoneThere ? table.databases.filter((d) => d.id !== database.id) : table.databases,
    reversible_until: reversibleUntil,
  };
}

async function tasks(change: ResolveDrift, { table, databaseId }: Place, past: Past): Promise<Task[]> {
  const { database, as, changes, index_changes: onIndexes = [] } = change;
  const { name } = table;
  const found = foundBy(change);
  const leading = async (there: Managed): Promise<Task[]> => {
    const { before, behind } = indexTasks(name, there, changes, onIndexes);
    return [...before, ...(await columnTasks(past, name, there.columns, changes, databaseId)), ...behind];
  };
  if (database.id !== databaseId) return as === 'adopt' ? leading(managedIn(table, databaseId)) : [];
  if (as !== 'restore') return [{ do: 'adopt', table: name, columns: found === null ? null : found.columns }];
  return found === null ? buildingTasks(name, managedOf(table)) : leading(found);
}

function sayDone({ as, database, databases, columns }: DriftResolved): string {
  if (as === 'ignore') return `What differs on ${database.name} was accepted as it is.`;
  if (as === 'restore') return `${database.name} has again what history says.`;
  if (databases.every((d) => d.id !== database.id))
    return `The table was found to be gone from ${database.name}, and was taken out of it.`;
  return (
    `What was found on ${database.name} is what history says from now on: the columns ` +
    `${columns.map((c) => c.name).join(', ')}.`
  );
}

export const resolveDrift: ChangeType<ResolveDrift, DriftResolutionRequested, DriftResolved> = {
  requested,
  done,
  body: resolveDriftBody,
  changeOf: (event) => ({ kind: 'drift.resolve', ...askedBy(event) }),

  foresee(ahead, { as, found, changes, index_changes: onIndexes, database }) {
    if (as !== 'adopt') return ahead;
    if (found !== null) return { ...ahead, ...applyOps(ahead, changes, onIndexes) };
    const databases = ahead.databases.filter((d) => d.id !== database.id);
    return databases.length === 0 ? { ...ahead, dropped: true } : { ...ahead, databases };
  },
  judge: (table, change) => onlyIfItStands(() => judge(table, change), table),
  conclude,
  fail: (_table, { error }) => ({ last_error: error }),
  outcome,

  columnOps: ({ as, changes }) => (as === 'adopt' ? changes : []),
  names: () => [],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: true,
  isOfDatabase: false,

  standing: (change, { table, databaseId }) =>
    change.database.id === databaseId
      ? (foundBy(change) ?? { columns: [], indexes: [] })
      : managedIn(table, databaseId),
  tasks,
  contradiction: async () => null,

  sayRequested: ({ database, as }) => `The difference found on ${database.name} was to be resolved: ${as}.`,
  sayDone,
};
