import { v7 as uuid } from 'uuid';
import type { Append, NewEvent } from '#event-store';
import { SAGA_SCHEMA_VERSION, sagaStream, type SagaEvent, type Target } from './events.js';

/** What a new saga is asked to do. */
export interface SagaRequest {
  saga_id: string;
  change: { kind: string };
  subject: { id: string; name: string };
  /** Where it is to be carried out; each gets a step that looks there first. */
  targets: Target[];
  /** Milliseconds since the epoch. */
  deadlineAt: number;
  /** The event that asked for it; undefined: none did. */
  cause: string | undefined;
}

/** Starts a saga once it is appended and woken; goes into one commit with what its subject's own stream is told. */
export function requestSaga({ saga_id, change, subject, targets, deadlineAt, cause }: SagaRequest): Append {
  const event: SagaEvent = {
    type: 'SagaRequested',
    saga_id,
    kind: change.kind,
    subject_id: subject.id,
    subject_name: subject.name,
    change,
    targets: targets.map((target) => ({ step_id: uuid(), target })),
    deadline_at: new Date(deadlineAt).toISOString(),
  };
  return appendToSaga({ saga_id, version: 0 }, [event], cause === undefined ? {} : { causation_id: cause });
}

/** More events of a saga that is at `version`. `more`: of each event. */
export function appendToSaga(
  saga: { saga_id: string; version: number },
  events: SagaEvent[],
  more: Pick<NewEvent, 'causation_id'> = {},
): Append {
  return {
    stream: sagaStream(saga.saga_id),
    expectedVersion: saga.version,
    events: events.map(({ type, ...data }) => ({ type, schema_version: SAGA_SCHEMA_VERSION, data, ...more })),
  };
}
