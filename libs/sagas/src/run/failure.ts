import { LONGEST_DELAY_MS, type Effect } from '../decide.js';
import { isFailure } from '../definition.js';
import type { SagaEvent, StepError, Way } from '../events.js';
import type { Step } from '../saga.js';

/**
 * Back-off of a delayed step: doubled from the first to the longest, then jittered between half and whole.
 * Milliseconds.
 */
const FIRST_DELAY_MS = 100;

/**
 * What comes of an effect that threw: pure. `now` in milliseconds since the epoch; `jitter`, from 0 to 1, is where in
 * its range the delay lies.
 */
export function eventOfFailure({ way, step }: Effect, error: unknown, now: number, jitter: number): SagaEvent {
  const { step_id, attempts } = step;
  const seen = stepError(error, step);
  if (!isTriedAgain(way, error)) return { type: 'StepFailed', step_id, way, error: seen };
  const next_attempt_at = new Date(now + backOff(attempts, jitter)).toISOString();
  return { type: 'StepDelayed', step_id, way, attempt: attempts + 1, next_attempt_at, error: seen };
}

export function isTriedAgain(way: Way, error: unknown): boolean {
  if (way === 'finalize') return true;
  // Rows that do not fit wait for a person; every other failing undo is tried for as long as it takes.
  if (way === 'compensate') return !isFailure(error) || error.code !== 'rows_conflict';
  return isFailure(error) && (error.retryable || error.outcome === 'unknown');
}

function stepError(error: unknown, { step_id, target }: Step): StepError {
  const known = isFailure(error);
  return {
    code: known ? error.code : 'database_error',
    message: known ? error.message : 'unexpected error, see the log',
    database: target.name,
    step_id,
    ...(known && error.details !== undefined ? { details: error.details } : {}),
  };
}

function backOff(attempts: number, jitter: number): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 20));
  return whole / 2 + jitter * (whole / 2);
}
