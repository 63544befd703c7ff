import type { Resolution, SagaEvent } from './events.js';
import { isEnded, type ChangeStep, type Saga } from './saga.js';

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
  if (isEnded(saga) || saga.compensating || saga.steps.some((s) => s.intended && s.phase === 'finalize'))
    throw new NotRetryable('saga_past_pivot', `the saga is ${saga.status} already`);
  return { type: 'AbortRequested', reason };
}

/** `fingerprint`: what was seen when the claim was looked at; null: nobody could look. Errors: NotRetryable. */
export function decideResolve(
  saga: Saga,
  stepId: string,
  as: Resolution,
  reason: string,
  fingerprint: string | null,
): SagaEvent {
  const { step_id } = unresolved(saga, stepId, as);
  return { type: 'StepResolved', step_id, as, reason, fingerprint };
}

/** The step that an operator's word can settle. Errors: NotRetryable. */
export function unresolved(saga: Saga, stepId: string, as: Resolution): ChangeStep {
  if (isEnded(saga)) throw new NotRetryable('saga_past_pivot', `the saga is ${saga.status} already`);
  const step = saga.steps.find((one) => one.step_id === stepId);
  if (step === undefined) throw notResolvable(`the saga has no step ${stepId}`);
  if (step.phase === 'prepare') throw notResolvable('a prepare step changes nothing: abort the saga, or let it go on');
  const waits = step.status === 'running' || step.status === 'failed' || step.status === 'compensating';
  if (step.error === null || !waits) throw notResolvable(`the step is ${step.status}: there is nothing to resolve`);
  if (as === 'applied' && saga.compensating)
    throw notResolvable('the saga goes back: a step can be restored or skipped');
  if (as === 'restored' && !saga.compensating)
    throw notResolvable('the saga goes on: a step can be applied or skipped; to go back, abort it');
  return step;
}

export function notResolvable(why: string): NotRetryable {
  return new NotRetryable('saga_not_retryable', why);
}
