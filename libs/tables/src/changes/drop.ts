import { z } from 'zod';
import { defineEvent, id, until, type AskedBy, type EventOfDefinition } from '../table/event-parts.js';
import { refuseEnded } from '../table/refused.js';
import { alsoAside, managedIn, type Considered } from '../table/table.js';
import { tableId } from '../table/request-parts.js';
import { GO, onlyIfItStands, type ChangeType } from './change-type.js';

const requested = defineEvent('TableDropRequested', {
  version: 1,
  tells: 'The table is to be set aside everywhere.',
  data: z.strictObject({ saga_id: id }),
});
const done = defineEvent('TableDropped', {
  version: 1,
  tells: 'The table is set aside everywhere, and kept until `reversible_until`.',
  data: z.strictObject({ saga_id: id, reversible_until: until }),
});

export const dropBody = z.strictObject({ table_id: tableId });

export type TableDropRequested = EventOfDefinition<typeof requested>;
export type TableDropped = EventOfDefinition<typeof done>;
export type Drop = AskedBy<TableDropRequested, 'table.drop'>;

export function decideDrop(considered: Considered, sagaId: string): TableDropRequested {
  refuseEnded(considered);
  return { type: 'TableDropRequested', saga_id: sagaId };
}

export const drop: ChangeType<Drop, TableDropRequested, TableDropped> = {
  requested,
  done,
  body: dropBody,
  changeOf: () => ({ kind: 'table.drop' }),

  foresee: (ahead) => ({ ...ahead, dropped: true }),
  judge: (table) => onlyIfItStands(() => GO, table),
  conclude: (table, { saga_id, reversible_until }) => ({
    exists: false,
    ended: 'dropped',
    reversible_until,
    set_aside: alsoAside(table.set_aside, saga_id, 'table', reversible_until),
  }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ saga, keptUntil }) => ({ type: 'TableDropped', saga_id: saga.saga_id, reversible_until: keptUntil }),

  columnOps: () => [],
  names: () => [],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async (_change, { table }) => [{ do: 'drop_table', table: table.name }],
  contradiction: async () => null,

  sayRequested: () => 'A drop of the table was requested.',
  sayDone: ({ reversible_until }) =>
    reversible_until === null
      ? 'The table was dropped on every database.'
      : `The table was dropped on every database; it can be restored until ${reversible_until}.`,
};
