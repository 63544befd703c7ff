import { unfolded } from '#event-store';
import type { PlannedStep, SagaEvent, Target } from './events.js';
import { stepOf, type ChangeStep, type Saga, type Step } from './saga.js';

export interface RecordedSagaEvent {
  event: SagaEvent;
  version: number;
  recorded_at: string;
  /** Null: foreseen, not recorded yet. */
  event_id: string | null;
  correlation_id: string;
  actor: string;
}

/** Pure: the same events give the same saga. The first event must be SagaRequested. */
export function evolve(saga: Saga | null, recorded: RecordedSagaEvent): Saga {
  const { event, recorded_at: at } = recorded;
  if (event.type === 'SagaRequested') return requested(event, recorded);
  if (saga === null) throw new Error(`${event.type} without a SagaRequested before it`);
  return {
    ...apply(saga, event, at),
    version: recorded.version,
    last_event_id: recorded.event_id ?? saga.last_event_id,
  };
}

function requested(event: Extract<SagaEvent, { type: 'SagaRequested' }>, recorded: RecordedSagaEvent): Saga {
  return {
    saga_id: event.saga_id,
    version: recorded.version,
    last_event_id: recorded.event_id,
    kind: event.kind,
    subject_id: event.subject_id,
    subject_name: event.subject_name,
    status: 'pending',
    change: event.change,
    requested_by: recorded.actor,
    correlation_id: recorded.correlation_id,
    requested_at: recorded.recorded_at,
    started_at: null,
    finished_at: null,
    deadline_at: event.deadline_at,
    error: null,
    steps: event.targets.map(({ step_id, target }) => ({
      ...emptyStep,
      step_id,
      target,
      operation: 'prepare',
      phase: 'prepare' as const,
      reason: `look at ${target.name}`,
    })),
    reversible_until: null,
    reversible_seconds: null,
    compensating: false,
    abort: null,
  };
}

const emptyStep = {
  status: 'pending' as const,
  attempts: 0,
  started_at: null,
  finished_at: null,
  duration_ms: null,
  reason: '',
  statements: [],
  compensation: [],
  fingerprint_before: null,
  fingerprint_after: null,
  next_attempt_at: null,
  error: null,
  plan: null,
  intended: false,
  blocked: false,
};

function apply(saga: Saga, event: Exclude<SagaEvent, { type: 'SagaRequested' }>, at: string): Saga {
  // An effect was under way when its target was given up for lost: what comes of it must not bring the step back.
  if ('step_id' in event && saga.steps.some((s) => s.step_id === event.step_id && s.lost === true)) return saga;
  switch (event.type) {
    case 'SagaStarted':
      return {
        ...saga,
        status: 'running',
        started_at: at,
        steps: saga.steps.map((s) => ({ ...s, status: 'running', started_at: at, attempts: 1 })),
      };
    case 'StepPrepared': {
      const prepared = withStep(saga, event.step_id, (s) => ({
        ...s,
        status: 'succeeded',
        finished_at: at,
        duration_ms: event.duration_ms,
        fingerprint_before: event.fingerprint,
        fingerprint_after: event.fingerprint,
        next_attempt_at: null,
        error: null,
      }));
      const { target } = stepOf(saga, event.step_id);
      const kept = event.reversible_seconds;
      return {
        ...prepared,
        steps: [...prepared.steps, ...event.steps.map((planned) => plannedStep(target, planned))],
        reversible_seconds:
          kept === null ? prepared.reversible_seconds : Math.min(kept, prepared.reversible_seconds ?? kept),
      };
    }
    case 'StepIntended':
      return withStep(saga, event.step_id, (s) => ({
        ...s,
        status: 'running',
        intended: true,
        attempts: event.attempt,
        started_at: s.started_at ?? at,
        next_attempt_at: null,
      }));
    case 'StepApplied':
      return withStep(saga, event.step_id, (s) => ({
        ...s,
        status: 'succeeded',
        finished_at: at,
        duration_ms: event.duration_ms,
        statements: event.statements,
        fingerprint_before: event.fingerprint_before,
        fingerprint_after: event.fingerprint_after,
        next_attempt_at: null,
        error: null,
      }));
    case 'StepDelayed':
      return withStep(saga, event.step_id, (s) => ({
        ...s,
        attempts: event.attempt,
        next_attempt_at: event.next_attempt_at,
        error: event.error,
      }));
    case 'StepFailed': {
      const failed = withStep(saga, event.step_id, (s) => ({
        ...s,
        status: 'failed',
        finished_at: at,
        next_attempt_at: null,
        error: event.error,
        blocked: event.way === 'compensate',
      }));
      return { ...failed, error: failed.error ?? event.error };
    }
    case 'CompensationStarted':
      return {
        ...saga,
        status: 'compensating',
        compensating: true,
        error: event.error,
        steps: saga.steps.map((s) => (s.phase !== 'prepare' && !s.intended ? { ...s, status: 'skipped' } : s)),
      };
    case 'CompensationIntended':
      return withStep({ ...saga, status: saga.status === 'stuck' ? 'stuck' : 'compensating' }, event.step_id, (s) => ({
        ...s,
        status: 'compensating',
        attempts: event.attempt,
        next_attempt_at: null,
      }));
    case 'StepCompensated':
      return withStep(saga, event.step_id, (s) => ({
        ...s,
        status: 'compensated',
        finished_at: at,
        duration_ms: event.duration_ms,
        compensation: event.statements,
        fingerprint_before: s.fingerprint_before ?? event.fingerprint_after,
        fingerprint_after: event.fingerprint_after,
        next_attempt_at: null,
      }));
    case 'AbortRequested':
      return { ...saga, abort: { reason: event.reason } };
    case 'RetryRequested':
      return {
        ...saga,
        status: saga.compensating ? 'compensating' : 'running',
        steps: saga.steps.map((s) => ({
          ...s,
          next_attempt_at: null,
          blocked: false,
          status: s.blocked ? 'compensating' : s.status,
        })),
      };
    case 'StepResolved':
      return withStep({ ...saga, status: saga.compensating ? 'compensating' : 'running' }, event.step_id, (s) => ({
        ...s,
        status: event.as === 'applied' ? 'succeeded' : event.as === 'restored' ? 'compensated' : 'skipped',
        finished_at: at,
        next_attempt_at: null,
        blocked: false,
        fingerprint_after: event.fingerprint ?? s.fingerprint_after,
        ...(event.lost === true ? { lost: true as const } : {}),
      }));
    case 'SagaStuck':
      return { ...saga, status: 'stuck', error: saga.error ?? event.error };
    case 'SagaCompleted':
      return {
        ...saga,
        status: 'completed',
        finished_at: at,
        reversible_until: event.reversible_until,
        error: null,
        // Nothing was to be changed: nobody looked at anything.
        steps: saga.steps.map((s) => (s.status === 'pending' ? { ...s, status: 'skipped' } : s)),
      };
    case 'SagaCompensated':
      return { ...saga, status: 'compensated', finished_at: at, error: event.error };
    case 'SagaRejected':
      return {
        ...saga,
        status: 'rejected',
        finished_at: at,
        error: event.error,
        steps: saga.steps.map((s) =>
          s.status === 'pending' || s.status === 'running' ? { ...s, status: 'skipped', next_attempt_at: null } : s,
        ),
      };
    default:
      return unfolded(event);
  }
}

function plannedStep(target: Target, planned: PlannedStep): ChangeStep {
  return {
    ...emptyStep,
    step_id: planned.step_id,
    target,
    operation: planned.operation,
    phase: planned.phase,
    reason: planned.reason,
    statements: planned.statements,
    compensation: planned.compensation,
    plan: planned.plan,
  };
}

function withStep(saga: Saga, stepId: string, change: (step: Step) => Step): Saga {
  return { ...saga, steps: saga.steps.map((s) => (s.step_id === stepId ? change(s) : s)) };
}
