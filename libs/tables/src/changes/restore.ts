import { z } from 'zod';
import { nameSchema } from '#byodb';
import { askedBy, defineEvent, id, indexes, name, type AskedBy, type EventOfDefinition } from '../table/event-parts.js';
import { withNamesLearnt } from '../table/managed-indexes.js';
import { restoreTask } from '../table/kept-tables.js';
import { Refused, refuseFailed } from '../table/refused.js';
import { beingDestroyed, managedIn, tableAside, type Considered } from '../table/table.js';
import { tableId } from '../table/request-parts.js';
import { withNamesOf } from '../table/variants.js';
import { GO, NOTHING, refuse, type ChangeType } from './change-type.js';

const requested = defineEvent('TableRestoreRequested', {
  version: 1,
  tells:
    'The dropped table is to come back under this name; with `keeps_name`, under the one that it has ' +
    'when its turn comes.',
  data: z.strictObject({ saga_id: id, name, keeps_name: z.literal(true).optional() }),
});
const done = defineEvent('TableRestored', {
  version: 1,
  tells: 'The table is back on all of its databases, with its rows.',
  data: z.strictObject({ saga_id: id, name, indexes: indexes.optional() }),
});

export const restoreBody = z.strictObject({ table_id: tableId, as: nameSchema.optional() });

export type TableRestoreRequested = EventOfDefinition<typeof requested>;
export type TableRestored = EventOfDefinition<typeof done>;
/** `keeps_name`: none was asked for, so that `name` is only what the table was expected to be called. */
export type Restore = AskedBy<TableRestoreRequested, 'table.restore'>;

/**
 * `now` in milliseconds since the epoch. A table that is not dropped stays as it is; under another name it would be a
 * rename.
 */
export function decideRestore(
  { table, ahead }: Considered,
  as: string | undefined,
  now: number,
  sagaId: string,
): TableRestoreRequested {
  refuseFailed(table);
  if (!ahead.dropped && as !== undefined && as !== ahead.name)
    throw new Refused('unsupported_change', 'the table is not dropped: rename it instead');
  const going = beingDestroyed(table);
  const kept = table.set_aside.some(
    (a) => a.what === 'table' && Date.parse(a.reversible_until) > now && !going.has(a.saga_id),
  );
  const gone = table.ended === 'dropped' && ahead.dropped && !kept;
  if (gone) throw new Refused('retention_expired', `the table was kept aside until ${table.reversible_until}`);
  return {
    type: 'TableRestoreRequested',
    saga_id: sagaId,
    name: as ?? ahead.name,
    ...(as === undefined ? { keeps_name: true as const } : {}),
  };
}

/**
 * What a dropped table is called when it is back. A rename that it waits for may fail: under a name that nobody asked
 * it to have it would come back as another table.
 */
export function restoredAs(table: { name: string }, change: Pick<Restore, 'name' | 'keeps_name'>): string {
  return change.keeps_name === true ? table.name : change.name;
}

export const restore: ChangeType<Restore, TableRestoreRequested, TableRestored> = {
  requested,
  done,
  body: restoreBody,
  changeOf: (event) => ({ kind: 'table.restore', ...askedBy(event) }),

  foresee: (ahead, change) => ({ ...ahead, name: restoredAs(ahead, change), dropped: false }),
  judge(table) {
    if (table.exists) return NOTHING;
    return tableAside(table) === undefined ? refuse('the table is not there any more, not even set aside') : GO;
  },
  conclude: (table, event) => ({
    name: event.name,
    exists: true,
    ended: null,
    reversible_until: null,
    set_aside: table.set_aside.filter((a) => a.what !== 'table'),
    ...(event.indexes === undefined
      ? {}
      : { indexes: event.indexes, variants: withNamesOf(table.variants, event.indexes) }),
  }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ table, change, saga }) => ({
    type: 'TableRestored',
    saga_id: saga.saga_id,
    name: table.exists ? table.name : restoredAs(table, change),
    ...withNamesLearnt(table, saga),
  }),

  columnOps: () => [],
  names: (change, table) => [change.name, restoredAs(table, change)],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: true,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async (change, { table, databaseId }, past) => [
    await restoreTask(past, tableAside(table)?.saga_id, databaseId, restoredAs(table, change)),
  ],
  contradiction: async () => null,

  sayRequested: ({ name }) => `Restoring the table as ${name} was requested.`,
  sayDone: ({ name }) => `The table was restored as ${name} on every database.`,
};
