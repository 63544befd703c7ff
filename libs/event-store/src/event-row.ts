import { textOrNull, type Row } from './core-database.js';
import type { StoredEvent } from './event-store.js';

/** The event in a row of `events`. `data`: the row's own, parsed. */
export function eventOf(row: Row, data: object): StoredEvent {
  return {
    event_id: String(row['event_id']),
    position: Number(row['position']),
    stream: String(row['stream']),
    version: Number(row['version']),
    type: String(row['type']),
    schema_version: Number(row['schema_version']),
    data,
    metadata: {
      correlation_id: String(row['correlation_id']),
      causation_id: textOrNull(row['causation_id']),
      actor: String(row['actor']),
    },
    recorded_at: String(row['recorded_at']),
    hash: String(row['hash']),
  };
}

/** For a message that tells at which event something failed. */
export function nameEvent({ event_id, position, stream, type }: StoredEvent): string {
  return `event ${event_id} at position ${position} (${stream}, ${type})`;
}
