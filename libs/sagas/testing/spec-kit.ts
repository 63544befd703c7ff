import { expect } from '@jest/globals';
import { decide, type Decision, type Effect, type End } from '../src/decide.js';
import type { Judgement } from '../src/definition.js';
import type { Resolution, SagaEvent, StepError, Way } from '../src/events.js';
import { evolve } from '../src/evolve.js';
import { letGo } from '../src/let-go.js';
import { decideAbort, decideResolve, decideRetry, isOverruled, NotRetryable } from '../src/operator.js';
import { eventOfFailure } from '../src/run/failure.js';
import { shownError, stepOf, type Saga, type Step, type StepStatus } from '../src/saga.js';
import { isJudged, turnOf } from '../src/turn.js';
import { RECORDED_AT, target, TOKEN } from './saga-events.js';

/**
 * Rules as examples: `given(events).when(deciding()).then(…)`, with all that is recorded, done and waited for; or
 * `.thenNothing()`, or, of what an operator asks, `.thenRefused(code, message)`.
 */

type Told = SagaEvent | Told[];
/** What follows from a decision and is no event. */
type Action = { does: Way; step: string } | { waitsUntil: string } | { ends: End['as']; error?: StepError };
type Consequence = SagaEvent | Action;
type Act = (saga: Saga) => Consequence[];

/** To be done in the database of this step. */
export function does(way: Way, step: string): Action {
  return { does: way, step };
}
export function waitsUntil(time: string): Action {
  return { waitsUntil: time };
}
/** `error` is told of a saga that does not complete. */
export function ends(as: End['as'], error?: StepError): Action {
  return error === undefined ? { ends: as } : { ends: as, error };
}

interface Moment {
  at?: string;
  /** The steps that are under way. */
  busy?: string[];
  token?: number;
}

/** What happens next is decided. */
export function deciding({ at = RECORDED_AT, busy = [], token = TOKEN }: Moment = {}): Act {
  return (saga) => consequencesOf(decide(saga, Date.parse(at), new Set(busy), token));
}
/** Its turn has come, and this is what is thought of it; one that is not judged is decided on. */
export function judged(judgement: Judgement): Act {
  return (saga) => {
    const turn = isJudged(saga) ? turnOf(judgement) : 'go';
    if (turn === 'wait') return [];
    return turn === 'go' ? deciding()(saga) : [endOf(turn)];
  };
}
/** What is to be done for this step is done and throws, `jitter` being where in its range a delay lies. */
export function failing(stepId: string, error: unknown, jitter = 1): Act {
  return (saga) => {
    const now = Date.parse(stepOf(saga, stepId).next_attempt_at ?? RECORDED_AT);
    const effect = decide(saga, now, new Set(), TOKEN).effects.find((one) => one.step.step_id === stepId);
    if (effect === undefined) throw new Error(`nothing is to be done for ${stepId}`);
    return [eventOfFailure(effect, error, now, jitter)];
  };
}
export function retrying(reason = 'it is mended'): Act {
  return (saga) => [decideRetry(saga, reason)];
}
export function aborting(reason = 'a mistake'): Act {
  return (saga) => [decideAbort(saga, reason)];
}
export function resolving(step_id: string, as: Resolution, at = RECORDED_AT): Act {
  const seen = as === 'skipped' ? null : `seen of ${step_id}`;
  return (saga) => [decideResolve(saga, { step_id, as }, 'seen to', seen, Date.parse(at))];
}
/** The outcome of what was under way comes: what of it is recorded. */
export function hearing(outcome: SagaEvent): Act {
  return (saga) => (isOverruled(saga, outcome) ? [] : [outcome]);
}
export function losing(database: string, reason = 'its disk is gone'): Act {
  return (saga) => letGo(saga, target(database), reason);
}

export function given(...events: Told[]): Given {
  return new Given(flat(events));
}

class Given {
  readonly saga: Saga;

  constructor(private readonly events: SagaEvent[]) {
    this.saga = played(events);
  }

  when(act: Act): Answer {
    try {
      return new Answer(this.events, act(this.saga));
    } catch (error) {
      if (error instanceof NotRetryable) return new Answer(this.events, error);
      throw error;
    }
  }
  thenSagaIs(expected: Partial<Saga>): this {
    expectFields(this.saga, expected);
    return this;
  }
  thenErrorShownIs(expected: StepError | null): this {
    expect(shownError(this.saga)).toEqual(expected);
    return this;
  }
  thenStepIs(stepId: string, expected: Partial<Step>): this {
    expectFields(stepOf(this.saga, stepId), expected);
    return this;
  }
  thenStepsAre(expected: Record<string, StepStatus>): this {
    const statuses = Object.keys(expected).map((id) => [id, stepOf(this.saga, id).status]);
    expect(Object.fromEntries(statuses)).toEqual(expected);
    return this;
  }
}

class Answer {
  constructor(
    private readonly before: SagaEvent[],
    private readonly answer: Consequence[] | NotRetryable,
  ) {}

  /** All of it, in this order, and nothing else. What was recorded is given from here on. */
  then(...consequences: Consequence[]): Given {
    const { answer } = this;
    if (answer instanceof NotRetryable) throw new Error(`refused as ${answer.code}: ${answer.message}`);
    expect(answer).toEqual(consequences);
    return new Given([...this.before, ...answer.filter(isEvent)]);
  }
  thenNothing(): Given {
    return this.then();
  }
  thenRefused(code: NotRetryable['code'], message: RegExp): void {
    const { answer } = this;
    if (!(answer instanceof NotRetryable)) throw new Error(`not refused as ${code}: ${JSON.stringify(answer)}`);
    expect({ code: answer.code, message: answer.message }).toEqual({ code, message: expect.stringMatching(message) });
  }
}

function flat(told: Told): SagaEvent[] {
  return Array.isArray(told) ? told.flatMap(flat) : [told];
}

function played(events: readonly SagaEvent[]): Saga {
  const saga = events.reduce<Saga | null>(
    (seen, event, i) =>
      evolve(seen, {
        event,
        version: i + 1,
        recorded_at: RECORDED_AT,
        event_id: `event ${i + 1}`,
        correlation_id: 'c',
        actor: 'somebody',
      }),
    null,
  );
  if (saga === null) throw new Error('nothing was given');
  return saga;
}

function consequencesOf({ events, effects, wakeAt, end }: Decision): Consequence[] {
  return [
    ...events,
    ...effects.map(({ way, step }: Effect) => does(way, step.step_id)),
    ...(wakeAt === null ? [] : [waitsUntil(new Date(wakeAt).toISOString())]),
    ...(end === null ? [] : [endOf(end)]),
  ];
}

function endOf(end: End): Action {
  return end.as === 'completed' ? ends(end.as) : ends(end.as, end.error);
}

function isEvent(consequence: Consequence): consequence is SagaEvent {
  return 'type' in consequence;
}

/** Fails with the name of the field that is another. */
function expectFields<T extends object>(actual: T, expected: Partial<T>): void {
  const fields = Object.keys(expected) as (keyof T)[];
  expect(Object.fromEntries(fields.map((field) => [field, actual[field]]))).toEqual(expected);
}
