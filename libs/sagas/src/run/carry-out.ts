import { CoreUnavailable } from '#event-store';
import type { Effect } from '../decide.js';
import { isFailure } from '../definition.js';
import type { SagaEvent } from '../events.js';
import type { Saga } from '../saga.js';
import { eventOfFailure, isTriedAgain } from './failure.js';
import type { RunnerPorts } from './ports.js';

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

async function fail(carrier: Carrier, saga: Saga, effect: Effect, error: unknown): Promise<SagaEvent> {
  const { clock, log } = carrier.ports;
  const { way, step } = effect;
  if (!isFailure(error))
    log('unexpected error in a step', {
      saga_id: saga.saga_id,
      step_id: step.step_id,
      error: error instanceof Error ? error.stack : String(error),
    });
  else if (error.code === 'stale_token' && isTriedAgain(way, error)) await carrier.outrun(error.details?.['seen']);
  return eventOfFailure(effect, error, clock.now(), Math.random());
}
