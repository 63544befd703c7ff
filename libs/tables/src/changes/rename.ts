import { z } from 'zod';
import { nameSchema } from '#byodb';
import { defineEvent, id, name, type AskedBy, type EventOfDefinition } from '../table/event-parts.js';
import { refuseEnded } from '../table/refused.js';
import { managedIn, type Considered } from '../table/table.js';
import { tableId } from '../table/request-parts.js';
import { GO, NOTHING, onlyIfItStands, type ChangeType } from './change-type.js';

const requested = defineEvent('TableRenameRequested', {
  version: 1,
  tells: 'The table is to be called otherwise, everywhere.',
  data: z.strictObject({ saga_id: id, from: name, name }),
});
const done = defineEvent('TableRenamed', {
  version: 1,
  tells: 'The table has its new name everywhere.',
  data: z.strictObject({ saga_id: id, name }),
});

export const renameBody = z.strictObject({ table_id: tableId, name: nameSchema });

export type TableRenameRequested = EventOfDefinition<typeof requested>;
export type TableRenamed = EventOfDefinition<typeof done>;
export type Rename = AskedBy<TableRenameRequested, 'table.rename'>;

export function decideRename(considered: Considered, to: string, sagaId: string): TableRenameRequested {
  refuseEnded(considered);
  return { type: 'TableRenameRequested', saga_id: sagaId, from: considered.ahead.name, name: to };
}

export const rename: ChangeType<Rename, TableRenameRequested, TableRenamed> = {
  requested,
  done,
  body: renameBody,
  changeOf: ({ name, from }) => ({ kind: 'table.rename', name, from }),

  foresee: (ahead, change) => ({ ...ahead, name: change.name }),
  judge: (table, change) => onlyIfItStands(() => (table.name === change.name ? NOTHING : GO), table),
  conclude: (_table, event) => ({ name: event.name }),
  fail: (_table, { error }) => ({ last_error: error }),
  outcome: ({ change, saga }) => ({ type: 'TableRenamed', saga_id: saga.saga_id, name: change.name }),

  columnOps: () => [],
  names: (change) => [change.name],
  bringsTo: () => [],
  destroys: () => [],
  bringsBack: false,
  isForGood: () => false,
  begins: false,
  choosesDatabases: false,
  isOfDatabase: false,

  standing: (_change, { table, databaseId }) => managedIn(table, databaseId),
  tasks: async (change, { table }) => [{ do: 'rename_table', table: table.name, to: change.name }],
  contradiction: async () => null,

  sayRequested: ({ from, name }) => `A rename from ${from} to ${name} was requested.`,
  sayDone: ({ name }) => `The table was renamed to ${name} on every database.`,
};
