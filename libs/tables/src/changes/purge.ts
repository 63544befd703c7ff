import { z } from 'zod';
import { askedBy, defineEvent, id, type AskedBy, type EventOfDefinition } from '../table/event-parts.js';
import { Refused } from '../table/refused.js';
import { beingDestroyed, managedIn, isKept, tableAside, type Considered, type Table } from '../table/table.js';
import { reason, sagaId, tableId } from '../table/request-parts.js';
import { GO, refuse, type ChangeType, type Judgement } from './change-type.js';

const requested = defineEvent('PurgeRequested', {
  version: 1,
  tells:
    'What these sagas set aside is to be destroyed: its retention time is over, or somebody asked for ' +
    'it, with a `reason`.',
  data: z.strictObject({ saga_id: id, of: z.array(id), reason: z.string().optional() }),
});
const done = defineEvent('Purged', {
  version: 1,
  tells: 'What these sagas set aside is destroyed everywhere.',
  data: z.strictObject({ saga_id: id, of: z.array(id) }),
});

export const purgeBody = z.strictObject({ table_id: tableId, saga_id: sagaId.optional(), reason });

export type PurgeRequested = EventOfDefinition<typeof requested>;
export type Purged = EventOfDefinition<typeof done>;
/** `reason`: of one that was asked for before its time. */
export type Purge = AskedBy<PurgeRequested, 'table.purge'>;

/** A purge that could not be is asked for again after this time. */
const AGAIN_MS = 60_000;

/**
 * Destroys what is kept before its time: all of it, or what one saga set aside. Judged against what pending changes
 * leave: what a restore or a revert is about to bring back is not kept. A dropped table goes with all that was set
 * aside of it.
 */
export function decidePurge(
  { table, isComingBack }: Considered,
  of: string | undefined,
  reason: string,
  sagaId: string,
): PurgeRequested {
  if (isComingBack) {
    throw new Refused(
      'retention_expired',
      'a change that brings back what is kept is on its way: wait for its end, or abort it, and ask again',
    );
  }
  const going = beingDestroyed(table);
  const kept = table.set_aside.filter((a) => !going.has(a.saga_id));
  const asked = of === undefined ? kept : kept.filter((a) => a.saga_id === of);
  if (asked.length === 0)
    throw new Refused(
      'retention_expired',
      of === undefined
        ? 'nothing of the table is kept aside'
        : `nothing that saga ${of} set aside of the table is kept any more`,
    );
  const all = asked.some((a) => a.what === 'table') ? kept : asked;
  return { type: 'PurgeRequested', saga_id: sagaId, of: [...new Set(all.map((a) => a.saga_id))], reason };
}

function judge(table: Table, { of, reason }: Purge): Judgement {
  const changed = refuse('what was to be destroyed came back, or went, meanwhile');
  if (!of.every((sagaId) => isKept(table, sagaId))) return changed;
  // One that was asked for may be of a part alone; at its time a dropped table goes whole.
  if (reason !== undefined) return GO;
  const whole = tableAside(table) !== undefined;
  const isOfTable = table.set_aside.some((a) => a.what === 'table' && of.includes(a.saga_id));
  return whole === isOfTable ? GO : changed;
}

export const purge: ChangeType<Purge, PurgeRequested, Purged> = {
  requested,
  done,
  body: purgeBody,
  changeOf: (event) => ({ kind: 'table.purge', ...askedBy(event) }),

  foresee: (ahead) => ahead,
  judge,
  // A purge is nobody's change: it leaves the error of the last change as it is.
  conclude: (table, { of }) => ({
    last_error: table.last_error,
    set_aside: table.set_aside.filter((a) => !of.includes(a.saga_id)),
  }),
  fail: (_table, _event, at) => ({ no_purge_before: new Date(Date.parse(at) + AGAIN_MS).toISOString() }),
  outcome: ({ change, saga }) => ({ type: 'Purged', saga_id: saga.saga_id, of: change.of }),

  columnOps: () => [],
  names: () => [],
  bringsTo: () => [],
  destroys: (change) => change.of,
  bringsBack: false,
  isForGood: () => true,
  begins: false,
  choosesDatabases: true,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async () => [],
  contradiction: async () => null,

  sayRequested: ({ reason }) =>
    reason === undefined
      ? 'The retention time of something set aside was over: its purge was requested.'
      : `Destroying something set aside before its time was requested: ${reason}.`,
  sayDone: () => 'What was set aside was destroyed on every database.',
};
