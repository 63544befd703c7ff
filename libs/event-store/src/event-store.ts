import type { Tx } from './core-database.js';

export interface NewEvent {
  /** UUIDv7; made by the store when absent. */
  event_id?: string;
  type: string;
  schema_version: number;
  data: object;
  /** What caused this event when that differs from the append's metadata. */
  causation_id?: string;
}

export interface Metadata {
  correlation_id: string;
  causation_id: string | null;
  actor: string;
}

/** The envelope. Final: nothing is ever removed from it or changed in it. */
export interface StoredEvent {
  event_id: string;
  /** Place in the global order, from 1, rising, with gaps. */
  position: number;
  stream: string;
  /** Place in its stream, from 1, without gaps. */
  version: number;
  type: string;
  schema_version: number;
  data: object;
  metadata: Metadata;
  /** ISO 8601, UTC, milliseconds; never falls within a stream. */
  recorded_at: string;
  /** sha256 in hex over the canonical content and the hash of the event before it in its stream ('' for the first). */
  hash: string;
}

export interface Append {
  stream: string;
  /** The version the stream must be at: 0 = must not exist yet. Always enforced. */
  expectedVersion: number;
  events: NewEvent[];
}

/** A read model kept in the appending transaction, so that a reader sees its own writes. */
export interface InlineProjection {
  readonly name: string;
  apply(tx: Tx, events: StoredEvent[]): Promise<void>;
}

export interface ReadAllFilter {
  stream?: string;
  type?: string;
  correlation_id?: string;
}

/** Reading the log. */
export interface EventReader {
  /** Events of one stream in order; `upTo` is inclusive. Empty when there is none. */
  readStream(stream: string, range?: { after?: number; upTo?: number }): Promise<StoredEvent[]>;
  /** Events after `after` in global order. Never returns an event while one before it could still appear. */
  readAll(after: number, limit: number, filter?: ReadAllFilter): Promise<StoredEvent[]>;
  /** The same, but no more of them than about a megabyte, and one at least where there is one. */
  pageOfAll(after: number, limit: number, filter?: ReadAllFilter): Promise<EventPage>;
  /** Of one stream, after its version `after`; bounded as `pageOfAll`. */
  pageOfStream(stream: string, after: number, limit: number): Promise<EventPage>;
}

/** `more`: others follow. */
export interface EventPage {
  events: StoredEvent[];
  more: boolean;
}

/** Events are given as today's code knows them (upcast.ts), by reads and to projections alike. */
export interface EventStore extends EventReader {
  /**
   * Appends to all the streams in one transaction, or to none. `alongside` runs in that transaction after the
   * events and the inline projections (it may run again after a deadlock). Errors: VersionConflict, UniqueViolation
   * (from a projection or `alongside`), CoreUnavailable.
   */
  append(
    appends: Append[],
    metadata: Metadata,
    alongside?: (tx: Tx, events: StoredEvent[]) => Promise<void>,
  ): Promise<StoredEvent[]>;
  /** The events as they were recorded: type, schema version and data are those that the hash is over. */
  readonly asStored: EventReader;
  /**
   * Events after this position that a transaction can see, in order; for one that no append overlaps (order/alone.ts).
   */
  readWithin(tx: Tx, after: number, limit: number): Promise<StoredEvent[]>;
  /**
   * The position of the last event that readAll would give now; 0 when there is none. Nothing can appear at or below it
   * any more.
   */
  head(): Promise<number>;
  /**
   * The highest position that was committed. Whoever has seen an event has seen one at or below it; `head` may be lower
   * while an append is in flight.
   */
  committed(): Promise<number>;
  /**
   * Calls back soon after something was appended by this process (not a guarantee for other processes: poll as well).
   */
  onAppended(listener: (events: StoredEvent[]) => void): () => void;
}
