import { CoreUnavailable } from '#event-store';
import { LONGEST_DELAY_MS, type Effect } from '../decide.js';
import { isFailure } from '../definition.js';
import type { SagaEvent, StepError, Way } from '../events.js';
import type { Saga, Step } from '../saga.js';
import type { RunnerPorts } from './ports.js';

/**
 * Back-off of a delayed step: doubled from the first to the longest, then jittered between half and whole.
 * Milliseconds.
 */
const FIRST_DELAY_MS = 100;

/** What an effect is carried out with. `outrun`: a higher token than this one was met at the target. */
export interface Carrier {
  ports: Pick<RunnerPorts, 'definition' | 'clock' | 'log'>;
  token: number;
  outrun(met: unknown): Promise<void>;
}

/** Does what was decided, and tells as an event what came of it. Errors: CoreUnavailable. */
export async function carryOut(carrier: Carrier, saga: Saga, effect: Effect): Promise<SagaEvent> {
  try {
    return await succeed(carrier, saga, effect);
  } catch (error) {
    // That our own memory is away says nothing of the step: this run ends, and the reconciler begins another.
    if (error instanceof CoreUnavailable) throw error;
    return fail(carrier, saga, effect, error);
  }
}

async function succeed({ ports, token }: Carrier, saga: Saga, effect: Effect): Promise<SagaEvent> {
  const { definition } = ports;
  const { step_id } = effect.step;
  const began = performance.now();
  const took = (): number => Math.round(performance.now() - began);
  switch (effect.way) {
    case 'prepare': {
      const prepared = await definition.prepare(saga, effect.step);
      return { type: 'StepPrepared', step_id, ...prepared, duration_ms: took() };
    }
    case 'apply': {
      const outcome = await definition.apply(saga, effect.step, token);
      return { type: 'StepApplied', step_id, ...outcome, duration_ms: took() };
    }
    case 'finalize': {
      const outcome = await definition.finalize(saga, effect.step, token);
      return { type: 'StepApplied', step_id, ...outcome, duration_ms: took() };
    }
    case 'compensate': {
      const { fingerprint_after, statements } = await definition.compensate(saga, effect.step, token);
      return { type: 'StepCompensated', step_id, fingerprint_after, statements, duration_ms: took() };
    }
  }
}

async function fail(carrier: Carrier, saga: Saga, { way, step }: Effect, error: unknown): Promise<SagaEvent> {
  const { clock, log } = carrier.ports;
  const { step_id } = step;
  if (!isFailure(error))
    log('unexpected error in a step', {
      saga_id: saga.saga_id,
      step_id,
      error: error instanceof Error ? error.stack : String(error),
    });
  const seen = stepError(error, step);
  if (!isTriedAgain(way, error)) return { type: 'StepFailed', step_id, way, error: seen };
  if (seen.code === 'stale_token') await carrier.outrun(seen.details?.['seen']);
  const next_attempt_at = new Date(clock.now() + backOff(step.attempts)).toISOString();
  return { type: 'StepDelayed', step_id, way, attempt: step.attempts + 1, next_attempt_at, error: seen };
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

function isTriedAgain(way: Way, error: unknown): boolean {
  if (way === 'finalize') return true;
  // Rows that do not fit wait for a person; every other failing undo is tried for as long as it takes.
  if (way === 'compensate') return !isFailure(error) || error.code !== 'rows_conflict';
  return isFailure(error) && (error.retryable || error.outcome === 'unknown');
}

function backOff(attempts: number): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 20));
  return whole / 2 + Math.random() * (whole / 2);
}
