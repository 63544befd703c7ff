import { shownError, type Saga, type Step } from '#sagas';
import type { DatabaseChange } from '#tables';

/** A saga as the API shows it: without plans, targets by name. */
export function sagaView(saga: Saga): object {
  return {
    saga_id: saga.saga_id,
    kind: saga.kind,
    ...subject(saga),
    status: saga.status,
    requested_by: saga.requested_by,
    correlation_id: saga.correlation_id,
    requested_at: saga.requested_at,
    started_at: saga.started_at,
    finished_at: saga.finished_at,
    change: saga.change,
    error: shownError(saga),
    steps: saga.steps.map((s) => ({
      step_id: s.step_id,
      database: s.target.name,
      engine: s.target.engine,
      operation: s.operation,
      phase: shownPhase(s),
      status: s.status,
      attempts: s.attempts,
      started_at: s.started_at,
      finished_at: s.finished_at,
      duration_ms: s.duration_ms,
      reason: s.reason,
      statements: s.statements,
      compensation: s.compensation,
      fingerprint_before: s.fingerprint_before,
      fingerprint_after: s.fingerprint_after,
      next_attempt_at: s.next_attempt_at,
      error: s.error,
    })),
    reversible_until: saga.reversible_until,
  };
}

/**
 * What a database catches up with, or a dropped column leaves its table by, cannot be undone, and so comes last; but it
 * destroys nothing, and that is what `finalize` says.
 */
function shownPhase(step: Step): Step['phase'] {
  return step.phase === 'finalize' && step.operation !== 'purge' ? 'apply' : step.phase;
}

/** A change of a whole database has no one table; its tables stand in `change`. */
function subject(saga: Saga): object {
  if (!saga.kind.startsWith('database.')) return { table_id: saga.subject_id, table_name: saga.subject_name };
  const { tables } = saga.change as DatabaseChange;
  const [only] = tables.length === 1 ? tables : [];
  return { table_id: only?.table_id ?? null, table_name: only?.name ?? null };
}
