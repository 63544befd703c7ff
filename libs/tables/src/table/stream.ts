import type { Append, EventStore, NewEvent } from '#event-store';
import type { TableEvent } from '../changes/index.js';
import { evolve } from './evolve.js';
import type { Table } from './table.js';

export const TABLE_SCHEMA_VERSION = 1;

export const tableStream = (tableId: string): string => `table-${tableId}`;

/** One more event of a table that is at `version`. `more`: the event's own id. */
export function appendToTable(
  { table_id, version }: Pick<Table, 'table_id' | 'version'>,
  { type, ...data }: TableEvent,
  more: Pick<NewEvent, 'event_id'> = {},
): Append {
  return {
    stream: tableStream(table_id),
    expectedVersion: version,
    events: [{ type, schema_version: TABLE_SCHEMA_VERSION, data, ...more }],
  };
}

/** The table as its own events tell it, the first `upTo` of them. Null: there is none. */
export async function readTable(store: EventStore, tableId: string, upTo?: number): Promise<Table | null> {
  const events = await store.readStream(tableStream(tableId), upTo === undefined ? undefined : { upTo });
  return events.reduce<Table | null>(
    (table, e) =>
      evolve(table, { ...e.data, type: e.type } as TableEvent, {
        version: e.version,
        recorded_at: e.recorded_at,
        table_id: tableId,
      }),
    null,
  );
}
