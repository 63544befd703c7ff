import { streamsOf, type Append, type EventExtras, type EventStore, type StoredEvent } from '#event-store';
import { evolve, type RecordedSagaEvent } from './evolve.js';
import type { SagaEvent, SagaEventType } from './events.js';
import type { Saga } from './saga.js';

export const SAGA_SCHEMA_VERSION = 1;

export const sagaStreams = streamsOf<SagaEvent>({ prefix: 'saga', schemaVersion: SAGA_SCHEMA_VERSION });

/** After one of these a saga does nothing more by itself. */
const RESTING: ReadonlySet<string> = new Set<SagaEventType>([
  'SagaCompleted',
  'SagaCompensated',
  'SagaRejected',
  'SagaStuck',
]);

/** The sagas that these events end, or leave to an operator. */
export function sagasAtRest(events: readonly StoredEvent[]): string[] {
  return events.flatMap(({ type, stream }) => (RESTING.has(type) ? (sagaStreams.idOf(stream) ?? []) : []));
}

/** More events of a saga that is at `version`; `extras[i]` goes with `events[i]`. */
export function appendToSaga(
  saga: Pick<Saga, 'saga_id' | 'version'>,
  events: readonly SagaEvent[],
  extras: readonly EventExtras[] = [],
): Append {
  return sagaStreams.append(saga.saga_id, saga.version, events, extras);
}

export function recorded(event: StoredEvent): RecordedSagaEvent {
  return { event: sagaStreams.decode(event), ...envelopeOf(event) };
}

/** The saga after these events of its stream, from what it was before them. */
export function foldSaga<From extends Saga | null>(from: From, events: readonly StoredEvent[]): From | Saga {
  return sagaStreams.fold<From | Saga>(from, events, (saga, event, stored) =>
    evolve(saga, { event, ...envelopeOf(stored) }),
  );
}

/** The saga as its own stream tells it; null: there is none. */
export async function readSaga(store: EventStore, sagaId: string): Promise<Saga | null> {
  return foldSaga(null, await store.readStream(sagaStreams.name(sagaId)));
}

/** The saga with what was added to its stream since. */
export async function readOn(store: EventStore, saga: Saga): Promise<Saga> {
  return foldSaga(saga, await store.readStream(sagaStreams.name(saga.saga_id), { after: saga.version }));
}

function envelopeOf({ version, recorded_at, event_id, metadata }: StoredEvent): Omit<RecordedSagaEvent, 'event'> {
  return { version, recorded_at, event_id, correlation_id: metadata.correlation_id, actor: metadata.actor };
}
