import type { SagaEvent, StepError, Way } from './events.js';
import {
  changeSteps,
  isEnded,
  isPastPivot,
  prepareSteps,
  type ChangeStep,
  type PrepareStep,
  type Saga,
  type Step,
} from './saga.js';

/** Something to do outside; its outcome comes back as an event. */
export type Effect = { way: 'prepare'; step: PrepareStep } | { way: Exclude<Way, 'prepare'>; step: ChangeStep };

export interface Decision {
  /** To be recorded before anything else happens. */
  events: SagaEvent[];
  /** To be done, side by side; never one that is under way already. */
  effects: Effect[];
  /** Milliseconds since the epoch when a delayed step is due; null: none is. */
  wakeAt: number | null;
  /** The saga is over once what ends it is recorded. */
  end: End | null;
}

export type End = { as: 'completed' } | { as: 'compensated' | 'rejected'; error: StepError };

/**
 * A delayed step is never due later than this from now, milliseconds. One that seems to be was delayed by a clock that
 * has been set back since.
 */
export const LONGEST_DELAY_MS = 15_000;

/** When a step that waits for its next try is due; null: it waits for nothing, and may be tried right now. */
export function waitsUntil({ next_attempt_at }: Step, now: number): number | null {
  const due = next_attempt_at === null ? now : Date.parse(next_attempt_at);
  return due > now && due <= now + LONGEST_DELAY_MS ? due : null;
}

/** When it is decided, and by whom: the same for every step of a decision. */
interface Moment {
  now: number;
  busy: ReadonlySet<string>;
  token: number;
}

/** What comes of a step whose time has come: an intent to be recorded first, or the effect itself. */
type Turn = { intent: SagaEvent } | { effect: Effect };

/**
 * What happens next: pure. `busy` are the steps whose effects are under way in this process; `token` is the lease's,
 * recorded with each intent; `now` in milliseconds since the epoch.
 */
export function decide(saga: Saga, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const moment = { now, busy, token };
  if (isEnded(saga)) return nothing();
  if (saga.status === 'pending') return { ...nothing(), events: [{ type: 'SagaStarted' }] };
  if (saga.compensating) return goBack(saga, moment);
  // What destroys has no way back: past the first intent it is tried until it is done.
  if (isPastPivot(saga)) return finalize(saga, moment);
  const error = saga.error ?? abortedBy(saga);
  if (error !== null) return giveUp(saga, error, moment);
  const waiting = prepareSteps(saga).filter((s) => s.status !== 'succeeded');
  return waiting.length > 0
    ? goOn(saga, waiting, 'prepare', moment, (step) => ({ effect: { way: 'prepare', step } }))
    : applyNext(saga, moment);
}

function nothing(): Decision {
  return { events: [], effects: [], wakeAt: null, end: null };
}

function abortedBy({ abort }: Saga): StepError | null {
  return abort === null
    ? null
    : { code: 'aborted', message: `aborted: ${abort.reason}`, database: null, step_id: null };
}

/** It cannot complete: what was begun is undone, and a saga that has begun nothing is over. */
function giveUp(saga: Saga, error: StepError, { busy }: Moment): Decision {
  // A step under way is let finish: its outcome tells whether there is something to undo.
  // A look is left when a person wants an end: the database that it asks may never answer.
  const left = saga.abort === null ? [] : prepareSteps(saga).map((s) => s.step_id);
  if ([...busy].some((id) => !left.includes(id))) return nothing();
  return saga.steps.some((s) => s.intended)
    ? { ...nothing(), events: [{ type: 'CompensationStarted', error }] }
    : { ...nothing(), end: { as: 'rejected', error } };
}

function applyNext(saga: Saga, moment: Moment): Decision {
  const open = changeSteps(saga).filter((s) => s.phase === 'apply' && isOpen(s, moment));
  if (open.length === 0) return finalize(saga, moment);
  return goOn(saga, firstPerTarget(open), 'apply', moment, (step) =>
    step.status === 'pending'
      ? { intent: { type: 'StepIntended', step_id: step.step_id, attempt: 1, token: moment.token } }
      : { effect: { way: 'apply', step } },
  );
}

/** Every database has prepared and applied: only now is anything destroyed, on any of them. */
function finalize(saga: Saga, moment: Moment): Decision {
  const open = changeSteps(saga).filter((s) => s.phase === 'finalize' && isOpen(s, moment));
  if (open.length === 0) return { ...nothing(), end: { as: 'completed' } };
  const next = firstPerTarget(open);
  const decision = goOn(saga, next, 'finalize', moment, (step) =>
    step.status === 'pending'
      ? { intent: { type: 'StepIntended', step_id: step.step_id, attempt: 1, token: moment.token, way: 'finalize' } }
      : { effect: { way: 'finalize', step } },
  );
  return stuckIfLate(saga, next, decision, moment);
}

function goBack(saga: Saga, moment: Moment): Decision {
  const open = changeSteps(saga)
    .filter((s) => moment.busy.has(s.step_id) || (s.intended && s.status !== 'compensated' && s.status !== 'skipped'))
    .reverse();
  if (open.length === 0) return { ...nothing(), end: { as: 'compensated', error: causeOf(saga) } };
  const next = firstPerTarget(open);
  const free = next.filter((s) => !s.blocked);
  const decision = goOn(saga, free, 'compensate', moment, (step) =>
    step.status === 'compensating'
      ? { effect: { way: 'compensate', step } }
      : { intent: { type: 'CompensationIntended', step_id: step.step_id, attempt: 1, token: moment.token } },
  );
  return stuckIfLate(saga, next, decision, moment);
}

/** CompensationStarted says why, and nothing takes it back. */
function causeOf({ saga_id, error }: Saga): StepError {
  if (error === null) throw new Error(`saga ${saga_id} goes back without an error`);
  return error;
}

/** Tried for as long as it takes, but seen from the deadline on. */
function stuckIfLate(saga: Saga, next: ChangeStep[], decision: Decision, { now }: Moment): Decision {
  const late = now >= Date.parse(saga.deadline_at);
  const stuck = next.find((s) => s.blocked || (late && hasToWait(s, saga.compensating ? 'compensate' : 'finalize')));
  if (stuck !== undefined && saga.status !== 'stuck' && stuck.error !== null)
    decision.events.push({ type: 'SagaStuck', error: stuck.error });
  return decision;
}

/** `turn` says what comes of a step that is not under way, not delayed and not too late. */
function goOn<S extends Step>(
  saga: Saga,
  steps: readonly S[],
  way: Way,
  { now, busy }: Moment,
  turn: (step: S) => Turn,
): Decision {
  const decision = nothing();
  const deadline = Date.parse(saga.deadline_at);
  for (const step of steps) {
    if (busy.has(step.step_id)) continue;
    if (hasToWait(step, way) && !endless(way) && now >= deadline) {
      decision.events.push(tooLate(step, way));
      continue;
    }
    const due = hasToWait(step, way) ? waitsUntil(step, now) : null;
    if (due !== null) {
      const until = endless(way) ? due : Math.min(due, deadline);
      decision.wakeAt = Math.min(until, decision.wakeAt ?? until);
      continue;
    }
    const next = turn(step);
    if ('intent' in next) decision.events.push(next.intent);
    else decision.effects.push(next.effect);
  }
  return decision;
}

function tooLate(step: Step, way: Way): SagaEvent {
  // The last one that was counted is the one that it waited for.
  const tries = step.attempts - 1;
  const last = step.error === null ? '' : `; last: ${step.error.message}`;
  return {
    type: 'StepFailed',
    step_id: step.step_id,
    way,
    error: {
      code: 'deadline_exceeded',
      message: `gave up at the deadline after ${tries} attempt${tries === 1 ? '' : 's'}${last}`,
      database: step.target.name,
      step_id: step.step_id,
    },
  };
}

/** A step that an operator settled while it was under way keeps its place: its statement may still run. */
function isOpen(step: Step, { busy }: Moment): boolean {
  return busy.has(step.step_id) || (step.status !== 'succeeded' && step.status !== 'skipped');
}

/** What a step waited for on the way on delays no undo that was not tried yet. */
function hasToWait(step: Step, way: Way): boolean {
  return step.next_attempt_at !== null && (way !== 'compensate' || step.status === 'compensating');
}

/** Undoing and destroying have no other end than being done. */
function endless(way: Way): boolean {
  return way === 'compensate' || way === 'finalize';
}

/** One database's steps run one after another, different databases' side by side. */
function firstPerTarget(steps: readonly ChangeStep[]): ChangeStep[] {
  return steps.filter((step, i) => steps.findIndex((other) => other.target.id === step.target.id) === i);
}
