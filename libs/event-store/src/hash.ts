import { createHash } from 'node:crypto';
import type { StoredEvent } from './event-store.js';

/**
 * The hash of an event: sha256 in hex over the canonical JSON of its content and `previousHash`, the hash of the event
 * before it in its stream ('' for the first). The position is left out: it is known only once the event is stored.
 */
export function hashEvent(event: Omit<StoredEvent, 'position' | 'hash'>, previousHash: string): string {
  const { event_id, stream, version, type, schema_version, data, metadata, recorded_at } = event;
  const { correlation_id, causation_id, actor } = metadata;
  return createHash('sha256')
    .update(
      canonicalJson({
        event_id,
        stream,
        version,
        type,
        schema_version,
        data,
        metadata: { correlation_id, causation_id, actor },
        recorded_at,
        previous_hash: previousHash,
      }),
    )
    .digest('hex');
}

/**
 * JSON with keys sorted by their UTF-16 units at every depth and without spaces: equal content, equal text. For plain
 * JSON values.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}

/**
 * Checks whole streams, in order from version 1; streams may be mixed. Returns the first event whose content, version
 * or place in its chain is not what was written, or null. The end of a stream cut off cannot be seen from within it.
 */
export function findBrokenLink(events: Iterable<StoredEvent>): StoredEvent | null {
  const last = new Map<string, { version: number; hash: string }>();
  for (const event of events) {
    const before = last.get(event.stream) ?? { version: 0, hash: '' };
    if (event.version !== before.version + 1 || event.hash !== hashEvent(event, before.hash)) return event;
    last.set(event.stream, event);
  }
  return null;
}
