import { v7 as uuid } from 'uuid';
import type { Append } from '#event-store';
import type { Target } from './events.js';
import { sagaStreams } from './saga-stream.js';

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
  return sagaStreams.append(
    saga_id,
    0,
    [
      {
        type: 'SagaRequested',
        saga_id,
        kind: change.kind,
        subject_id: subject.id,
        subject_name: subject.name,
        change,
        targets: targets.map((target) => ({ step_id: uuid(), target })),
        deadline_at: new Date(deadlineAt).toISOString(),
      },
    ],
    [{ causation_id: cause }],
  );
}
