import { streamsOf, type Append, type EventStore, type NewEvent } from '#event-store';
import type { TableEvent } from '../changes/index.js';
import { evolve } from './evolve.js';
import type { Table } from './table.js';

export const tableStreams = streamsOf<TableEvent>({ prefix: 'table', schemaVersion: 1 });

/** One more event of a table that is at `version`. `more`: the event's own id. */
export function appendToTable(
  { table_id, version }: Pick<Table, 'table_id' | 'version'>,
  event: TableEvent,
  more: Pick<NewEvent, 'event_id'> = {},
): Append {
  return tableStreams.append(table_id, version, [event], [more]);
}

/** The table as its own events tell it, the first `upTo` of them. Null: there is none. */
export async function readTable(store: EventStore, tableId: string, upTo?: number): Promise<Table | null> {
  const events = await store.readStream(tableStreams.name(tableId), upTo === undefined ? undefined : { upTo });
  return tableStreams.fold<Table | null>(null, events, (table, event, { version, recorded_at }) =>
    evolve(table, event, { version, recorded_at, table_id: tableId }),
  );
}
