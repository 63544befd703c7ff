import type { CoreDatabase } from '#event-store';
import { loadTable, type Table } from '#tables';
import { ApiError } from '../http/api-error.js';

/** Errors: ApiError table_not_found. */
export async function knownTable(core: CoreDatabase, tableId: string): Promise<Table> {
  const table = await loadTable(core, tableId);
  if (table === null) throw new ApiError('table_not_found', `no table ${tableId}`);
  return table;
}
