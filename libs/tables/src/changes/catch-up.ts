import { z } from 'zod';
import { DatabaseRef, defineEvent, id, type AskedBy, type EventOfDefinition } from '../table/event-parts.js';
import { managedIn } from '../table/table.js';
import { GO, onlyIfItStands, type ChangeType } from './change-type.js';

const requested = defineEvent('CatchUpRequested', {
  version: 1,
  tells: 'What history has done to the table and `database` has not seen is to be done there.',
  data: z.strictObject({ saga_id: id, database: DatabaseRef }),
});
const done = defineEvent('CaughtUp', {
  version: 1,
  tells: 'The table is in `database` what history says.',
  data: z.strictObject({ saga_id: id, database: DatabaseRef }),
});

export const catchUpBody = z.strictObject({}).nullish();

export type CatchUpRequested = EventOfDefinition<typeof requested>;
export type CaughtUp = EventOfDefinition<typeof done>;
export type CatchUp = AskedBy<CatchUpRequested, 'database.catch_up'>;

/** One saga brings all tables of one database to what history says; this is what it is to each of them. */
export const catchUp: ChangeType<CatchUp, CatchUpRequested, CaughtUp> = {
  requested,
  done,
  body: catchUpBody,
  changeOf: ({ database }) => ({ kind: 'database.catch_up', database }),

  foresee: (ahead) => ahead,
  judge: (table) => onlyIfItStands(() => GO, table),
  conclude: () => ({}),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ change, saga }) => ({ type: 'CaughtUp', saga_id: saga.saga_id, database: change.database }),

  columnOps: () => [],
  names: () => [],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: true,
  isOfDatabase: true,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async () => [],
  contradiction: async () => null,

  sayRequested: ({ database }) => `Bringing ${database.name} to what history says was requested.`,
  sayDone: ({ database }) => `What ${database.name} lacked was done there.`,
};
