import type { PlannedStep, StepError, Target } from './events.js';

export type SagaStatus = 'pending' | 'running' | 'compensating' | 'completed' | 'compensated' | 'rejected' | 'stuck';
export type StepStatus = 'pending' | 'running' | 'succeeded' | 'failed' | 'compensating' | 'compensated' | 'skipped';

/** What every step has, whatever it does. */
interface AnyStep {
  step_id: string;
  target: Target;
  operation: string;
  status: StepStatus;
  attempts: number;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  reason: string;
  statements: string[];
  compensation: string[];
  fingerprint_before: string | null;
  fingerprint_after: string | null;
  next_attempt_at: string | null;
  error: StepError | null;
  /** An intent to apply was recorded: whatever happens, this step is looked at and undone when the saga goes back. */
  intended: boolean;
  /** Its compensation failed for good: it waits for an operator's retry. */
  blocked: boolean;
  /** Let go with its target, which is lost: whatever still comes of it counts for nothing. */
  lost?: true;
}

/** Looks at its target and plans the steps that follow there. */
export interface PrepareStep extends AnyStep {
  phase: 'prepare';
  plan: null;
}

/** Carries out, undoes or finalizes what prepare planned. */
export interface ChangeStep<Plan extends object = object> extends AnyStep {
  phase: PlannedStep['phase'];
  plan: Plan;
}

export type Step<Plan extends object = object> = PrepareStep | ChangeStep<Plan>;

/** Of what is kept of a saga, see ReadModel. */
export const SAGA_SHAPE = 1;

/** `Change` and `Plan` are the domain's own: this library stores them and hands them back unread. */
export interface Saga<Change extends object = object, Plan extends object = object> {
  saga_id: string;
  version: number;
  /** What the next events follow from. */
  last_event_id: string | null;
  kind: string;
  subject_id: string;
  subject_name: string;
  status: SagaStatus;
  change: Change;
  requested_by: string;
  correlation_id: string;
  requested_at: string;
  started_at: string | null;
  finished_at: string | null;
  deadline_at: string;
  error: StepError | null;
  steps: Step<Plan>[];
  reversible_until: string | null;
  /** Shortest time, in seconds, for which what was set aside is kept; null: nothing was set aside. */
  reversible_seconds: number | null;
  /** Going back: set by CompensationStarted and never unset; a stuck saga keeps it. */
  compensating: boolean;
  abort: { reason: string } | null;
}

export function isEnded(saga: Pick<Saga, 'status'>): boolean {
  return saga.status === 'completed' || saga.status === 'compensated' || saga.status === 'rejected';
}

/** What destroys was announced: from here on there is no way back. */
export function isPastPivot(saga: Pick<Saga, 'steps'>): boolean {
  return saga.steps.some((step) => step.intended && step.phase === 'finalize');
}

/**
 * What is told to be wrong with it: why it ends or goes back. Past the pivot nothing makes it do either: there it is
 * what keeps it stuck now, and nothing while it goes on.
 */
export function shownError(saga: Saga): StepError | null {
  if (saga.compensating || !isPastPivot(saga)) return saga.error;
  if (saga.status !== 'stuck') return null;
  // The saga keeps what made it stuck the first time; its steps know what was met since.
  return changeSteps(saga).find((s) => s.status === 'running' && s.error !== null)?.error ?? saga.error;
}

/** Those that look first, one for each target. */
export function prepareSteps(saga: Saga): PrepareStep[] {
  return saga.steps.filter((step) => step.phase === 'prepare');
}

/** Those that change their target, in the order in which they are applied. */
export function changeSteps<Plan extends object>(saga: Pick<Saga<object, Plan>, 'steps'>): ChangeStep<Plan>[] {
  return saga.steps.filter((step) => step.phase !== 'prepare');
}

/** Errors: Error when the saga has no such step. */
export function stepOf(saga: Saga, stepId: string): Step {
  const step = saga.steps.find((one) => one.step_id === stepId);
  if (step === undefined) throw new Error(`saga ${saga.saga_id} has no step ${stepId}`);
  return step;
}
