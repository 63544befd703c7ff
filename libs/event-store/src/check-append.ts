import type { Append, Metadata } from './event-store.js';

/** Visible ASCII, no spaces: MySQL would take 'a' and 'a ' for the same name, the others not. */
const name = /^[!-~]{1,200}$/;

/** Refuses what one engine would store and another not. Errors: TypeError saying what. */
export function checkAppend(appends: readonly Append[], metadata: Metadata): void {
  if (appends.length === 0) throw new TypeError('nothing to append');
  const streams = new Set<string>();
  for (const { stream, expectedVersion, events } of appends) {
    requireName('stream', stream);
    if (streams.has(stream)) throw new TypeError(`stream ${stream} is given twice in one append`);
    streams.add(stream);
    if (!Number.isSafeInteger(expectedVersion) || expectedVersion < 0)
      throw new TypeError(`stream ${stream}: no version: ${expectedVersion}`);
    // Without an event there is no row whose unique key would catch a concurrent append.
    if (events.length === 0) throw new TypeError(`stream ${stream}: nothing to append`);
    for (const event of events) {
      requireName('type', event.type);
      if (!Number.isSafeInteger(event.schema_version) || event.schema_version < 1)
        throw new TypeError(`${event.type}: schema_version must be 1 or more`);
      if (event.event_id !== undefined && !/^[0-9a-f-]{36}$/.test(event.event_id))
        throw new TypeError(`event_id must be a UUID in lower case: ${event.event_id}`);
      if (event.causation_id !== undefined) requireName('causation_id', event.causation_id);
    }
  }
  requireName('correlation_id', metadata.correlation_id);
  if (metadata.causation_id !== null) requireName('causation_id', metadata.causation_id);
  if (metadata.actor.length > 200 || metadata.actor.includes('\0'))
    throw new TypeError('actor: at most 200 characters, without NUL');
}

function requireName(what: string, value: string): void {
  if (!name.test(value))
    throw new TypeError(`${what} must be 1 to 200 visible ASCII characters: ${JSON.stringify(value)}`);
}
