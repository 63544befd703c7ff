import type { Append, NewEvent, StoredEvent } from './event-store.js';

/** What an event has beside its type and data. */
export type EventExtras = Pick<NewEvent, 'event_id' | 'causation_id'>;

/** The streams of one kind, and the events that they hold. */
export interface TypedStreams<E extends { type: string }> {
  /** The name of the stream of the one with this id. */
  name(id: string): string;
  /** Whose stream it is; null: it is of another kind. */
  idOf(stream: string): string | null;
  /** `extras[i]` goes with `events[i]`. */
  append(id: string, expectedVersion: number, events: readonly E[], extras?: readonly EventExtras[]): Append;
  /** What an event of such a stream says, its type beside its data. */
  decode(event: StoredEvent): E;
  /** Plays events of such a stream forward, from a state that was reached before them. */
  fold<State>(
    from: State,
    events: readonly StoredEvent[],
    evolve: (state: State, event: E, stored: StoredEvent) => State,
  ): State;
}

/**
 * Ties the events of a kind of stream to their type, so that the compiler checks each one that is appended or read.
 * `E`: the union of the events as today's code knows them. A stream's name is the prefix, a hyphen and an id.
 */
export function streamsOf<E extends { type: string }>(kind: {
  prefix: string;
  schemaVersion: number;
}): TypedStreams<E> {
  const start = `${kind.prefix}-`;

  // The order of the fields stays as it is given: the stored text follows it.
  const encode = ({ type, ...data }: E, extras: EventExtras | undefined): NewEvent => ({
    type,
    schema_version: kind.schemaVersion,
    data,
    ...extras,
  });

  // The only cast from what is stored to what it means. It holds because the upcasters bring every event that was ever
  // released to today's schema, and golden files show that they do.
  const decode = ({ type, data }: StoredEvent): E => ({ ...data, type }) as E;

  return {
    name: (id) => start + id,
    idOf: (stream) => (stream.startsWith(start) ? stream.slice(start.length) : null),
    append: (id, expectedVersion, events, extras = []) => ({
      stream: start + id,
      expectedVersion,
      events: events.map((event, i) => encode(event, extras[i])),
    }),
    decode,
    fold: (from, events, evolve) => events.reduce((state, stored) => evolve(state, decode(stored), stored), from),
  };
}
