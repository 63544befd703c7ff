import type { Append } from '#event-store';
import type { PlannedStep, StepError } from './events.js';
import type { ChangeStep, PrepareStep, Saga } from './saga.js';

export interface Prepared<Plan extends object = object> {
  steps: PlannedStep<Plan>[];
  fingerprint: string;
  reversible_seconds: number | null;
}
export interface Outcome {
  fingerprint_before: string;
  fingerprint_after: string;
  statements: string[];
}

/** What a failing effect throws; recognised by shape, so that the library that throws it need not know this one. */
export interface Failure extends Error {
  code: string;
  retryable: boolean;
  outcome: 'not_applied' | 'unknown';
  details?: Record<string, unknown>;
}

export function isFailure(error: unknown): error is Failure {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'retryable' in error &&
    typeof error.retryable === 'boolean'
  );
}

/**
 * Go on, end at once because nothing is to be changed, or refuse; `wait`: what it concerns is still held by a saga of
 * another subject.
 */
export type Judgement =
  { verdict: 'go' } | { verdict: 'wait' } | { verdict: 'nothing_to_do' } | { verdict: 'refuse'; error: StepError };

/**
 * What this library asks of a domain. Effects may be run any number of times, by two processes at once, and be killed
 * anywhere.
 *
 * `Change` and `Plan` are the domain's own: it gets back of the log what it put there. All members are methods, so that
 * the definition of certain changes and plans can be given to an orchestrator, which reads neither.
 */
export interface SagaDefinition<Change extends object = object, Plan extends object = object> {
  /** Asked when its turn has come. */
  judge(saga: Saga<Change, Plan>): Promise<Judgement>;
  prepare(saga: Saga<Change, Plan>, step: PrepareStep): Promise<Prepared<Plan>>;
  apply(saga: Saga<Change, Plan>, step: ChangeStep<Plan>, token: number): Promise<Outcome>;
  compensate(saga: Saga<Change, Plan>, step: ChangeStep<Plan>, token: number): Promise<Outcome>;
  /** Destroys: only ever retried, never undone. */
  finalize(saga: Saga<Change, Plan>, step: ChangeStep<Plan>, token: number): Promise<Outcome>;
  /**
   * Looks whether what an operator claims of a step is so: the fingerprint seen, null when nobody could look. Throws
   * Error with what differs.
   */
  look(saga: Saga<Change, Plan>, step: ChangeStep<Plan>, claim: 'applied' | 'restored'): Promise<string | null>;
  /**
   * What the end means for the subject's own stream; appended in one transaction with the saga's last event. `at`: from
   * when counts how long something is kept, milliseconds since the epoch.
   */
  ending(
    saga: Saga<Change, Plan>,
    end: 'completed' | 'compensated' | 'rejected',
    error: StepError | null,
    at: number,
  ): Promise<Append[]>;
}
