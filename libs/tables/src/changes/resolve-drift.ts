import { z } from 'zod';
import { engineOf, MAX_COLUMNS, type Column, type Engine, type EngineName, type Task } from '#byodb';
import { columnTasks } from '../table/column-tasks.js';
import { applyOp, findColumn, misfitOf } from '../table/columns.js';
import { opsLeadingTo, refuseUnlike, withoutNames } from '../table/drift-ops.js';
import {
  askedBy,
  columnOps,
  columns,
  DatabaseRef,
  databases,
  defineEvent,
  id,
  until,
  Variant,
  type AskedBy,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { Refused, refuseBuiltElsewhere, refuseEnded, refuseUnsupported } from '../table/refused.js';
import {
  alsoAside,
  columnsIn,
  isKept,
  livesIn,
  withoutVariants,
  type Considered,
  type Outlook,
  type Table,
} from '../table/table.js';
import { variantOf, withVariantsFollowing } from '../table/variants.js';
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

type Decision = Pick<ResolveDrift, 'changes' | 'variant'>;

const NOT_AS_FORESEEN = 'a change ahead of it did not end as foreseen: look at the drift, and answer again';

/**
 * Decides what an answer to drift changes. `found`: the columns that stand in `database` now; null: the table is not
 * there. `adopt`: history and the other databases follow, but for what was ignored before, unless nothing else differs:
 * then it is meant. `restore`: that database goes back to what history says. `ignore`: it stays as it is, and is no drift
 * any more.
 */
export function decideDrift(
  considered: Considered,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Column[] | null,
  engines: Engine[],
  sagaId: string,
): DriftResolutionRequested {
  refuseEnded(considered);
  const { ahead } = considered;
  if (!livesIn(ahead, database.id)) throw new Refused('table_not_found', `the table does not live in ${database.name}`);
  const decision = decided(considered, database, as, found, engines);
  return { type: 'DriftResolutionRequested', saga_id: sagaId, database, as, found, ...decision };
}

function decided(
  considered: Considered,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Column[] | null,
  engines: Engine[],
): Decision {
  return found === null
    ? answerToNoTable(considered.ahead, database, as)
    : answerTo(considered, database, as, found, engines);
}

/**
 * Whether the same would be decided of the table as it is by now. What was found was compared with what pending changes
 * would make of the table: where one failed, the answer would make a difference instead of ending one.
 */
function isDecidedSo(table: Table, { database, as, found, changes, variant }: ResolveDrift): boolean {
  const { name, columns, databases } = table;
  const now: Considered = {
    table,
    ahead: { name, columns, databases, dropped: false },
    pendingOps: [],
    isComingBack: false,
  };
  try {
    return JSON.stringify(decided(now, database, as, found, [])) === JSON.stringify({ changes, variant });
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

function answerToNoTable({ columns }: Outlook, database: DatabaseRef, as: DriftAnswer): Decision {
  if (as === 'ignore')
    throw new Refused(
      'unsupported_change',
      `the table is gone from ${database.name}: restore it there, or adopt that it is gone`,
    );
  if (as === 'restore') refuseBuiltElsewhere(columns, [engineOf(database.engine as EngineName)]);
  return { changes: [], variant: null };
}

function answerTo(
  considered: Considered,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Column[],
  engines: Engine[],
): Decision {
  const { columns } = considered.ahead;
  if (as === 'adopt') return adopting(considered, database, found, engines);
  if (as === 'restore') {
    const changes = opsLeadingTo(found, columns);
    for (const op of changes) refuseUnlike(op, found, [database]);
    return { changes, variant: variantOf(columns, changes.reduce(applyOp, found), []) };
  }
  const own = found.filter((c) => findColumn(columns, c.name) !== undefined);
  const beside = found.filter((c) => !own.includes(c)).map((c) => c.name);
  return { changes: [], variant: variantOf(columns, own, beside) };
}

function adopting(considered: Considered, database: DatabaseRef, found: Column[], engines: Engine[]): Decision {
  const { columns, databases } = considered.ahead;
  const accepted = acceptedIn(considered, database.id, found);
  const beside = accepted?.beside ?? [];
  const managed = withoutNames(found, beside);
  const changes = opsLeadingTo(accepted?.columns ?? columns, managed);
  const after = changes.reduce(applyOp, columns);
  if (after.length > MAX_COLUMNS) throw new Refused('unsupported_change', `a table has at most ${MAX_COLUMNS} columns`);
  const others = databases.filter((d) => d.id !== database.id);
  if (others.length > 0) {
    for (const op of changes) refuseUnlike(op, columns, others);
    refuseUnsupported(after, engines);
  }
  return { changes, variant: variantOf(after, managed, beside) };
}

/**
 * How the database was allowed to differ, as it will be once every pending change is done; null: it was not, or it
 * differs in nothing else, so that an answer can only mean what was ignored.
 */
function acceptedIn({ table, pendingOps }: Considered, databaseId: string, found: Column[]): Variant | null {
  const variant = table.variants[databaseId];
  if (variant === undefined) return null;
  const columns = pendingOps.flatMap(({ ops }) => ops).reduce(applyOp, variant.columns);
  const isNothingElse = opsLeadingTo(columns, withoutNames(found, variant.beside)).length === 0;
  return isNothingElse ? null : { ...variant, columns };
}

function judge(table: Table, change: ResolveDrift): Judgement {
  const { database, as, found, changes, variant } = change;
  if (!livesIn(table, database.id)) return refuse(MOVED_ON);
  const misfit = as === 'adopt' ? misfitOf(table.columns, changes, (sagaId) => isKept(table, sagaId)) : null;
  if (misfit !== null) return refuse(misfit);
  if (!isDecidedSo(table, change)) return refuse(NOT_AS_FORESEEN);
  const keepsVariant = JSON.stringify(variant) === JSON.stringify(table.variants[database.id] ?? null);
  return found !== null && changes.length === 0 && keepsVariant ? NOTHING : GO;
}

function conclude(table: Table, event: DriftResolved, change: ResolveDrift | undefined): Partial<Table> {
  const { id } = event.database;
  const others = event.as === 'adopt' ? withVariantsFollowing(table.variants, change?.changes ?? []) : table.variants;
  const own = event.variant === null ? {} : { [id]: event.variant };
  // Gone from its last database, by somebody else's hand: nothing of it is kept.
  const isGone = event.databases.length === 0;
  const place: Partial<Table> = isGone ? { exists: false, ended: 'dropped' } : { databases: event.databases };
  return {
    ...place,
    columns: event.columns,
    variants: { ...withoutVariants(others, [id]), ...own },
    set_aside: alsoAside(table.set_aside, event.saga_id, 'part', event.reversible_until),
  };
}

function outcome({ table, change, saga, reversibleUntil }: Ending<ResolveDrift>): DriftResolved {
  const { database, as, found, changes, variant } = change;
  const isGoneThere = as === 'adopt' && found === null;
  return {
    type: 'DriftResolved',
    saga_id: saga.saga_id,
    database,
    as,
    variant,
    columns: as === 'adopt' ? changes.reduce(applyOp, table.columns) : table.columns,
    databases: isGoneThere ? table.databases.filter((d) => d.id !== database.id) : table.databases,
    reversible_until: reversibleUntil,
  };
}

async function tasks(change: ResolveDrift, { table, databaseId }: Place, past: Past): Promise<Task[]> {
  const { database, as, found, changes } = change;
  const { name } = table;
  if (database.id !== databaseId)
    return as === 'adopt' ? columnTasks(past, name, columnsIn(table, databaseId), changes, databaseId) : [];
  if (as !== 'restore') return [{ do: 'adopt', table: name, columns: found }];
  return found === null
    ? [{ do: 'create_table', table: name, columns: table.columns }]
    : columnTasks(past, name, found, changes, databaseId);
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

  foresee(ahead, { as, found, changes, database }) {
    if (as !== 'adopt') return ahead;
    if (found !== null) return { ...ahead, columns: changes.reduce(applyOp, ahead.columns) };
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

  standing: ({ database, found }, { table, databaseId }) =>
    database.id === databaseId ? (found ?? []) : columnsIn(table, databaseId),
  tasks,
  contradiction: async () => null,

  sayRequested: ({ database, as }) => `The difference found on ${database.name} was to be resolved: ${as}.`,
  sayDone,
};
