import type { SagaEvent, StepError, Way } from './events.js';
import { isEnded, type Saga, type Step } from './saga.js';

/** Something to do outside; its outcome comes back as an event. */
export interface Effect {
  way: Way;
  step: Step;
}

export interface Decision {
  /** To be recorded before anything else happens. */
  events: SagaEvent[];
  /** To be done, side by side; never one that is under way already. */
  effects: Effect[];
  /** Milliseconds since the epoch when a delayed step is due; null: none is. */
  wakeAt: number | null;
  /** The saga is over once what ends it is recorded. */
  end: { as: 'completed' } | { as: 'compensated' | 'rejected'; error: StepError } | null;
}

/**
 * A delayed step is never due later than this from now, milliseconds. One that seems to be was delayed by a clock that
 * has been set back since.
 */
export const LONGEST_DELAY_MS = 15_000;

/**
 * What happens next: pure. `busy` are the steps whose effects are under way in this process; `token` is the lease's,
 * recorded with each intent; `now` in milliseconds since the epoch.
 */
export function decide(saga: Saga, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const nothing: Decision = { events: [], effects: [], wakeAt: null, end: null };
  if (isEnded(saga)) return nothing;
  if (saga.status === 'pending') return { ...nothing, events: [{ type: 'SagaStarted' }] };
  if (saga.compensating) return goBack(saga, now, busy, token);
  const error =
    saga.error ??
    (saga.abort === null
      ? null
      : { code: 'aborted', message: `aborted: ${saga.abort.reason}`, database: null, step_id: null });
  const intended = saga.steps.some((s) => s.intended);
  // What destroys has no way back: past the first intent it is tried until it is done.
  if (intended && saga.steps.some((s) => s.intended && s.phase === 'finalize')) return finalize(saga, now, busy, token);
  if (error !== null) {
    // A step under way is let finish: its outcome tells whether there is something to undo.
    // A look is left when a person wants an end: the database that it asks may never answer.
    const left = saga.abort === null ? [] : saga.steps.filter((s) => s.phase === 'prepare').map((s) => s.step_id);
    if ([...busy].some((id) => !left.includes(id))) return nothing;
    return intended
      ? { ...nothing, events: [{ type: 'CompensationStarted', error }] }
      : { ...nothing, end: { as: 'rejected', error } };
  }
  const waiting = saga.steps.filter((s) => s.phase === 'prepare' && s.status !== 'succeeded');
  return waiting.length > 0 ? goOn(saga, waiting, 'prepare', now, busy, token) : applyNext(saga, now, busy, token);
}

function applyNext(saga: Saga, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const open = saga.steps.filter((s) => s.phase === 'apply' && s.status !== 'succeeded' && s.status !== 'skipped');
  return open.length === 0
    ? finalize(saga, now, busy, token)
    : goOn(saga, firstPerTarget(open), 'apply', now, busy, token);
}

/** Every database has prepared and applied: only now is anything destroyed, on any of them. */
function finalize(saga: Saga, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const open = saga.steps.filter((s) => s.phase === 'finalize' && s.status !== 'succeeded' && s.status !== 'skipped');
  if (open.length === 0) return { events: [], effects: [], wakeAt: null, end: { as: 'completed' } };
  const next = firstPerTarget(open);
  return stuckIfLate(saga, next, goOn(saga, next, 'finalize', now, busy, token), now);
}

function goBack(saga: Saga, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const open = saga.steps.filter((s) => s.intended && s.status !== 'compensated' && s.status !== 'skipped').reverse();
  if (open.length === 0)
    return { events: [], effects: [], wakeAt: null, end: { as: 'compensated', error: saga.error! } };
  const next = firstPerTarget(open);
  return stuckIfLate(
    saga,
    next,
    goOn(
      saga,
      next.filter((s) => !s.blocked),
      'compensate',
      now,
      busy,
      token,
    ),
    now,
  );
}

/** Tried for as long as it takes, but seen from the deadline on. */
function stuckIfLate(saga: Saga, next: Step[], decision: Decision, now: number): Decision {
  const stuck = next.find((s) => s.blocked || (s.next_attempt_at !== null && now >= Date.parse(saga.deadline_at)));
  if (stuck !== undefined && saga.status !== 'stuck' && stuck.error !== null)
    decision.events.push({ type: 'SagaStuck', error: stuck.error });
  return decision;
}

function goOn(saga: Saga, steps: Step[], way: Way, now: number, busy: ReadonlySet<string>, token: number): Decision {
  const decision: Decision = { events: [], effects: [], wakeAt: null, end: null };
  for (const step of steps) {
    if (busy.has(step.step_id)) continue;
    if (step.next_attempt_at !== null && !endless(way) && now >= Date.parse(saga.deadline_at)) {
      const last = step.error === null ? '' : `; last: ${step.error.message}`;
      decision.events.push({
        type: 'StepFailed',
        step_id: step.step_id,
        way,
        error: {
          code: 'deadline_exceeded',
          message: `gave up at the deadline after ${step.attempts} attempts${last}`,
          database: step.target.name,
          step_id: step.step_id,
        },
      });
      continue;
    }
    const due = step.next_attempt_at === null ? now : Date.parse(step.next_attempt_at);
    if (due > now && due <= now + LONGEST_DELAY_MS) {
      const until = endless(way) ? due : Math.min(due, Date.parse(saga.deadline_at));
      decision.wakeAt = Math.min(until, decision.wakeAt ?? until);
    } else if (way === 'apply' && step.status === 'pending') {
      decision.events.push({ type: 'StepIntended', step_id: step.step_id, attempt: 1, token });
    } else if (way === 'finalize' && step.status === 'pending') {
      decision.events.push({ type: 'StepIntended', step_id: step.step_id, attempt: 1, token, way });
    } else if (way === 'compensate' && step.status !== 'compensating') {
      decision.events.push({ type: 'CompensationIntended', step_id: step.step_id, attempt: 1, token });
    } else {
      decision.effects.push({ way, step });
    }
  }
  return decision;
}

/** Undoing and destroying have no other end than being done. */
function endless(way: Way): boolean {
  return way === 'compensate' || way === 'finalize';
}

/** One database's steps run one after another, different databases' side by side. */
function firstPerTarget(steps: Step[]): Step[] {
  return steps.filter((step, i) => steps.findIndex((other) => other.target.id === step.target.id) === i);
}
