import type { PlannedStep, Resolution, SagaEvent, StepError, Target, Way } from '../src/events.js';

/**
 * The commonest events of a saga, each named after its type. A step bears the name of its database: `look-a`, then `a1`
 * and `a2`.
 */

/** When each event is recorded. */
export const RECORDED_AT = '2026-01-01T00:00:00.000Z';
export const DEADLINE = '2026-01-01T01:00:00.000Z';
/** What a lease gave to whoever decides. */
export const TOKEN = 1;

export const REFUSED: StepError = { code: 'database_error', message: 'it refused', database: 'b', step_id: 'b1' };
export const LOCKED: StepError = { code: 'lock_timeout', message: 'it is locked', database: 'a', step_id: 'a1' };
/** What ends a saga that was aborted. */
export const ABORTED: StepError = { code: 'aborted', message: 'aborted: a mistake', database: null, step_id: null };

/** So many seconds after that; by default after everything was recorded. */
export function after(seconds: number, since = RECORDED_AT): string {
  return new Date(Date.parse(since) + seconds * 1000).toISOString();
}

export function target(name: string): Target {
  return { id: name, name, engine: 'sqlite' };
}

/** A step that is applied, and can be undone. */
export function reversible(step_id: string): PlannedStep {
  return {
    step_id,
    operation: 'something',
    phase: 'apply',
    reason: `do ${step_id}`,
    statements: [`do ${step_id}`],
    compensation: [`undo ${step_id}`],
    plan: {},
  };
}
/** A step that destroys. */
export function forGood(step_id: string): PlannedStep {
  return { ...reversible(step_id), phase: 'finalize', compensation: [] };
}
/** A name alone: a step that can be undone. */
export type Planned = string | PlannedStep;

export function requested(...databases: string[]): SagaEvent {
  const names = databases.length === 0 ? ['a', 'b'] : databases;
  return {
    type: 'SagaRequested',
    saga_id: 's',
    kind: 'k',
    subject_id: 't',
    subject_name: 'n',
    change: {},
    targets: names.map((name) => ({ step_id: `look-${name}`, target: target(name) })),
    deadline_at: DEADLINE,
  };
}
export function started(): SagaEvent {
  return { type: 'SagaStarted' };
}
export function prepared(database: string, steps: Planned[], keptSeconds: number | null = null): SagaEvent {
  return {
    type: 'StepPrepared',
    step_id: `look-${database}`,
    steps: steps.map((step) => (typeof step === 'string' ? reversible(step) : step)),
    fingerprint: `${database} before`,
    duration_ms: 1,
    reversible_seconds: keptSeconds,
  };
}
/** Every database was looked at, and this is to be done there. */
export function planned(steps: Record<string, Planned[]>): SagaEvent[] {
  const looks = Object.entries(steps).map(([database, there]) => prepared(database, there));
  return [requested(...Object.keys(steps)), started(), ...looks];
}
export function intended(step_id: string, token = TOKEN): SagaEvent {
  return { type: 'StepIntended', step_id, attempt: 1, token };
}
export function intendedForGood(step_id: string, token = TOKEN): SagaEvent {
  return { type: 'StepIntended', step_id, attempt: 1, token, way: 'finalize' };
}
export function applied(step_id: string): SagaEvent {
  return {
    type: 'StepApplied',
    step_id,
    fingerprint_before: `before ${step_id}`,
    fingerprint_after: `after ${step_id}`,
    statements: [`did ${step_id}`],
    duration_ms: 2,
  };
}
/** Intended and applied, one after another. */
export function done(...steps: string[]): SagaEvent[] {
  return steps.flatMap((step) => [intended(step), applied(step)]);
}
export function delayed(
  step_id: string,
  until: string,
  { way = 'apply', attempt = 2, error = LOCKED }: { way?: Way; attempt?: number; error?: StepError } = {},
): SagaEvent {
  return { type: 'StepDelayed', step_id, way, attempt, next_attempt_at: until, error };
}
export function failed(step_id: string, way: Way = 'apply', error = REFUSED): SagaEvent {
  return { type: 'StepFailed', step_id, way, error };
}
export function compensationStarted(error = REFUSED): SagaEvent {
  return { type: 'CompensationStarted', error };
}
export function compensationIntended(step_id: string, token = TOKEN): SagaEvent {
  return { type: 'CompensationIntended', step_id, attempt: 1, token };
}
export function compensated(step_id: string): SagaEvent {
  return {
    type: 'StepCompensated',
    step_id,
    fingerprint_after: `before ${step_id}`,
    statements: [`undid ${step_id}`],
    duration_ms: 3,
  };
}
/** Intended to be undone and undone, one after another. */
export function undone(...steps: string[]): SagaEvent[] {
  return steps.flatMap((step) => [compensationIntended(step), compensated(step)]);
}
export function abortRequested(reason = 'a mistake'): SagaEvent {
  return { type: 'AbortRequested', reason };
}
export function retryRequested(reason = 'it is mended'): SagaEvent {
  return { type: 'RetryRequested', reason };
}
export function resolved(step_id: string, as: Resolution, reason = 'seen to'): SagaEvent {
  return { type: 'StepResolved', step_id, as, reason, fingerprint: as === 'skipped' ? null : `seen of ${step_id}` };
}
/** Left alone on a database that is gone for good. */
export function letGo(step_id: string): SagaEvent {
  return { type: 'StepResolved', step_id, as: 'skipped', reason: LOST, fingerprint: null, lost: true };
}
export const LOST = 'the database b is lost: its disk is gone';

export function sagaStuck(error = REFUSED): SagaEvent {
  return { type: 'SagaStuck', error };
}
export function sagaCompleted(reversible_until: string | null = null): SagaEvent {
  return { type: 'SagaCompleted', reversible_until };
}
export function sagaCompensated(error = REFUSED): SagaEvent {
  return { type: 'SagaCompensated', error };
}
export function sagaRejected(error = REFUSED): SagaEvent {
  return { type: 'SagaRejected', error };
}
