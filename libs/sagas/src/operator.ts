import { waitsUntil } from './decide.js';
import type { Resolution, SagaEvent } from './events.js';
import { isEnded, isPastPivot, stepOf, type ChangeStep, type Saga, type Step } from './saga.js';

/** What an operator may ask of a saga: the event that records it, or a refusal. Pure. */

export class NotRetryable extends Error {
  constructor(
    readonly code: 'saga_not_retryable' | 'saga_past_pivot',
    message: string,
  ) {
    super(message);
  }
}

/** A stuck saga goes on from where it is. Errors: NotRetryable. */
export function decideRetry(saga: Saga, reason: string): SagaEvent {
  if (saga.status !== 'stuck') throw new NotRetryable('saga_not_retryable', `the saga is ${saga.status}, not stuck`);
  return { type: 'RetryRequested', reason };
}

/** Errors: NotRetryable. */
export function decideAbort(saga: Saga, reason: string): SagaEvent {
  if (isEnded(saga) || saga.compensating || isPastPivot(saga))
    throw new NotRetryable('saga_past_pivot', `the saga is ${saga.status} already`);
  return { type: 'AbortRequested', reason };
}

/** What an operator says of a step. */
export interface Claim {
  step_id: string;
  as: Resolution;
}

/**
 * `fingerprint`: what was seen when the claim was looked at; null: nobody could look. `now` in milliseconds since the
 * epoch. Errors: NotRetryable.
 */
export function decideResolve(
  saga: Saga,
  { step_id, as }: Claim,
  reason: string,
  fingerprint: string | null,
  now: number,
): SagaEvent {
  unresolved(saga, { step_id, as }, now);
  return { type: 'StepResolved', step_id, as, reason, fingerprint };
}

/** The step that an operator's word can settle. Errors: NotRetryable. */
export function unresolved(saga: Saga, { step_id: stepId, as }: Claim, now: number): ChangeStep {
  if (isEnded(saga)) throw new NotRetryable('saga_past_pivot', `the saga is ${saga.status} already`);
  const step = saga.steps.find((one) => one.step_id === stepId);
  if (step === undefined) throw notResolvable(`the saga has no step ${stepId}`);
  if (step.phase === 'prepare') throw notResolvable('a prepare step changes nothing: abort the saga, or let it go on');
  const waits = step.status === 'running' || step.status === 'failed' || step.status === 'compensating';
  if (step.error === null || !waits) throw notResolvable(`the step is ${step.status}: there is nothing to resolve`);
  const against = objectionTo(saga, as);
  if (against !== null) throw notResolvable(against);
  // Settled now, the saga could go on or end while its statement still runs.
  if (isUnderWay(step, now))
    throw notResolvable('the step may be under way right now: ask again when it failed or waits for its next try');
  return step;
}

/** What the saga's way says against a claim, and what can be done instead. */
function objectionTo(saga: Saga, as: Resolution): string | null {
  if (as === 'skipped') return null;
  const isApplied = as === 'applied';
  if (saga.compensating) return isApplied ? 'the saga goes back: a step can be restored or skipped' : null;
  if (isPastPivot(saga))
    return isApplied
      ? null
      : 'past its pivot the saga cannot go back: retry it once it is stuck, or resolve the step as applied or skipped';
  // What is under way elsewhere is let finish first.
  if (saga.error !== null || saga.abort !== null)
    return isApplied
      ? 'the saga goes back and undoes what was applied: a step can be skipped'
      : 'the saga is about to go back and undoes the step by itself: a step can be skipped';
  return isApplied ? null : 'the saga goes on: a step can be applied or skipped; to go back, abort it';
}

/** A step that waits for no time is tried, by this process or another one: no event tells when a try begins. */
function isUnderWay(step: Step, now: number): boolean {
  return (step.status === 'running' || step.status === 'compensating') && waitsUntil(step, now) === null;
}

/**
 * An outcome that comes late, for a step that an operator has settled meanwhile: that it did not work counts for
 * nothing any more. That it did is a fact.
 */
export function isOverruled(saga: Saga, event: SagaEvent): boolean {
  if (event.type !== 'StepFailed' && event.type !== 'StepDelayed') return false;
  const { status } = stepOf(saga, event.step_id);
  return status === 'succeeded' || status === 'compensated' || status === 'skipped';
}

export function notResolvable(why: string): NotRetryable {
  return new NotRetryable('saga_not_retryable', why);
}
