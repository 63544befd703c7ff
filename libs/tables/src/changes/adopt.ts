import { z } from 'zod';
import {
  askedBy,
  columns,
  databases,
  defineEvent,
  id,
  indexes,
  name,
  type AskedBy,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { areDistinct } from '../table/request-parts.js';
import { fieldsOf, managedOf } from '../table/table.js';
import { GO, type ChangeType } from './change-type.js';

const requested = defineEvent('TableAdoptionRequested', {
  version: 1,
  tells: 'A table that others made is to come under management as it stands.',
  data: z.strictObject({ saga_id: id, name, columns, indexes: indexes.optional(), databases }),
});
const done = defineEvent('TableAdopted', {
  version: 1,
  tells: 'The table is managed from here on; nothing of it was touched.',
  data: z.strictObject({ saga_id: id }),
});

/** Names of tables that others made, as most databases take them. */
export const LONGEST_ADOPTED_NAME = 64;
const tableNames = z
  .array(z.string().min(1).max(LONGEST_ADOPTED_NAME))
  .min(1, 'must name at least one table')
  .max(500)
  .refine(areDistinct, 'must not name a table twice');
export const adoptBody = z.strictObject({ tables: z.union([z.literal('all'), tableNames]) });

export type TableAdoptionRequested = EventOfDefinition<typeof requested>;
export type TableAdopted = EventOfDefinition<typeof done>;
export type Adopt = AskedBy<TableAdoptionRequested, 'database.adopt'>;

/** One saga adopts several tables of one database; this is what it is to each of them. */
export const adopt: ChangeType<Adopt, TableAdoptionRequested, TableAdopted> = {
  requested,
  done,
  body: adoptBody,
  changeOf: (event) => ({ kind: 'database.adopt', ...askedBy(event) }),

  foresee: (ahead, change) => ({ ...ahead, name: change.name, ...managedOf(change) }),
  judge: () => GO,
  conclude: (table, _event, change) => ({ exists: true, ...fieldsOf(table, managedOf(change ?? { columns: [] })) }),
  fail: (_table, { error }) => ({ last_error: error, ended: 'failed' }),
  outcome: ({ saga }) => ({ type: 'TableAdopted', saga_id: saga.saga_id }),

  columnOps: () => [],
  names: (change) => [change.name],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: true,
  choosesDatabases: true,
  isOfDatabase: true,

  standing: (change) => managedOf(change),
  tasks: async () => [],
  contradiction: async () => null,

  sayRequested: ({ name, databases }) =>
    `Taking table ${name} of ${databases.map((d) => d.name).join(', ')} under management was requested.`,
  sayDone: () => 'The table as it stands was taken under management; nothing was touched.',
};
