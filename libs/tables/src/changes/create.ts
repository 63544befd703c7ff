import { z } from 'zod';
import {
  columnSchema,
  completeColumn,
  MAX_COLUMNS,
  nameSchema,
  type Column,
  type Engine,
  type Managed,
  type Task,
} from '#byodb';
import {
  columns,
  databases,
  defineEvent,
  id,
  indexes,
  name,
  Origin,
  type AskedBy,
  type DatabaseRef,
  type EventOfDefinition,
} from '../table/event-parts.js';
import { refuseUnindexable } from '../table/managed-indexes.js';
import { refuseBuiltElsewhere, refuseUnsupported } from '../table/refused.js';
import { areDistinct, databaseNames, moment, tableId } from '../table/request-parts.js';
import { fieldsOf, managedOf } from '../table/table.js';
import { GO, type ChangeType } from './change-type.js';

const requested = defineEvent('TableCreationRequested', {
  version: 1,
  tells: 'A table is to be made on these databases; with `origin`, by a replay of another one.',
  data: z.strictObject({
    saga_id: id,
    name,
    columns,
    indexes: indexes.optional(),
    databases,
    origin: Origin.optional(),
  }),
});
const done = defineEvent('TableCreated', {
  version: 1,
  tells: 'The table stands on all of its databases.',
  data: z.strictObject({ saga_id: id }),
});

export const createBody = z.strictObject({
  name: nameSchema,
  databases: databaseNames
    .min(1, 'must name at least one database')
    .refine(areDistinct, 'must not name a database twice')
    .optional(),
  columns: z.array(columnSchema).min(1, 'must hold at least one column').max(MAX_COLUMNS).optional(),
});
/** Without a database, a replay only tells what it would build. */
export const replayBody = z
  .strictObject({ table_id: tableId, ...moment, as: nameSchema.optional() })
  .refine((body) => body.as === undefined || body.database !== undefined, {
    path: ['as'],
    message: 'needs a database',
  });

export type TableCreationRequested = EventOfDefinition<typeof requested>;
export type TableCreated = EventOfDefinition<typeof done>;
/** A replay makes a table of what another one was. */
export type Create = AskedBy<Omit<TableCreationRequested, 'origin'>, 'table.create' | 'table.replay'>;

export function defaultColumns(): Column[] {
  const make = (input: Parameters<typeof completeColumn>[0]): Column => completeColumn(input).column;
  return [
    make({ name: 'id', type: 'integer', primary_key: true, generated: true }),
    make({ name: 'name', type: 'text' }),
    make({ name: 'created_at', type: 'timestamp' }),
    make({ name: 'updated_at', type: 'timestamp' }),
  ];
}

export function decideCreate(
  name: string,
  { columns, indexes }: Managed,
  databases: DatabaseRef[],
  engines: Engine[],
  sagaId: string,
  origin?: Origin,
): TableCreationRequested {
  refuseBuiltElsewhere(columns, engines);
  refuseUnsupported(columns, engines);
  refuseUnindexable({ columns, indexes }, engines);
  return {
    type: 'TableCreationRequested',
    saga_id: sagaId,
    name,
    columns,
    ...(indexes.length === 0 ? {} : { indexes }),
    databases,
    ...(origin === undefined ? {} : { origin }),
  };
}

/** What builds a table with its indexes where there is none. */
export function buildingTasks(table: string, { columns, indexes }: Managed): Task[] {
  return [
    { do: 'create_table', table, columns },
    ...indexes.map((index): Task => ({ do: 'create_index', table, index })),
  ];
}

export const create: ChangeType<Create, TableCreationRequested, TableCreated> = {
  requested,
  done,
  body: createBody,
  changeOf: ({ name, columns, indexes, databases, origin }) => ({
    kind: origin === undefined ? 'table.create' : 'table.replay',
    name,
    columns,
    ...(indexes === undefined ? {} : { indexes }),
    databases,
  }),

  foresee: (ahead, change) => ({ ...ahead, name: change.name, ...managedOf(change) }),
  judge: () => GO,
  conclude: (table, _event, change) => ({ exists: true, ...fieldsOf(table, managedOf(change ?? { columns: [] })) }),
  fail: (_table, { error }) => ({ last_error: error, ended: 'failed' }),
  outcome: ({ saga }) => ({ type: 'TableCreated', saga_id: saga.saga_id }),

  columnOps: () => [],
  names: (change) => [change.name],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: true,
  choosesDatabases: true,
  isOfDatabase: false,

  standing: () => ({ columns: [], indexes: [] }),
  tasks: async (change) => buildingTasks(change.name, managedOf(change)),
  contradiction: async () => null,

  sayRequested: ({ name, databases }) =>
    `Creation of table ${name} on ${databases.map((d) => d.name).join(', ')} was requested.`,
  sayDone: () => 'The table was created on every database.',
};
