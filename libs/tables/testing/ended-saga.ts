import type { Column, Plan } from '#byodb';
import type { ChangeStep, Saga } from '#sagas';
import type { Change } from '../src/changes/index.js';
import type { DatabaseRef } from '../src/table/event-parts.js';
import { RECORDED_AT } from './stream.js';

export type Steps = Saga<object, Plan>['steps'];
export type AppliedStep = ChangeStep<Plan>;

/** A saga that has done a change of the table. */
export function endedSaga(sagaId: string, change: Change, steps: Steps): Saga<object, Plan> {
  return {
    saga_id: sagaId,
    version: 1,
    last_event_id: null,
    kind: change.kind,
    subject_id: 't',
    subject_name: 'first',
    status: 'running',
    change,
    requested_by: 'somebody',
    correlation_id: 'c',
    requested_at: RECORDED_AT,
    started_at: RECORDED_AT,
    finished_at: null,
    deadline_at: RECORDED_AT,
    error: null,
    steps,
    reversible_until: null,
    reversible_seconds: null,
    compensating: false,
    abort: null,
  };
}

/** A step that was applied in one database, and the columns that it left there. `more`: what else its plan says. */
export function appliedStep(
  target: DatabaseRef,
  operation: string,
  columnsAfter: Column[],
  more: Partial<Plan> = {},
): AppliedStep {
  const plan: Plan = {
    operation,
    params: {},
    table_id: 't',
    table: 'first',
    table_after: 'first',
    shown_after: 'first',
    before: [],
    after: [],
    was: null,
    columns_after: columnsAfter,
    statements: [],
    compensation: [],
    reason: '',
    ...more,
  };
  return {
    step_id: `${operation}-${target.id}`,
    target,
    operation,
    phase: 'apply',
    status: 'succeeded',
    attempts: 1,
    started_at: RECORDED_AT,
    finished_at: RECORDED_AT,
    duration_ms: 1,
    reason: '',
    statements: [],
    compensation: [],
    fingerprint_before: null,
    fingerprint_after: null,
    next_attempt_at: null,
    error: null,
    intended: true,
    blocked: false,
    plan,
  };
}
