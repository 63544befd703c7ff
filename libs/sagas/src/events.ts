/** What a step runs on, as the caller of this library names it; `id` is what matters here, the rest is shown. */
export interface Target {
  id: string;
  name: string;
  engine: string;
}

export interface StepError {
  code: string;
  message: string;
  /** Name of the target, null when the whole saga is meant. */
  database: string | null;
  step_id: string | null;
  details?: Record<string, unknown>;
}

/**
 * A step of the apply or finalize phase as prepare planned it. `plan` holds all that apply and compensate need; opaque
 * here.
 */
export interface PlannedStep<Plan extends object = object> {
  step_id: string;
  operation: string;
  phase: 'apply' | 'finalize';
  reason: string;
  statements: string[];
  compensation: string[];
  plan: Plan;
}

export type Way = 'prepare' | 'apply' | 'compensate' | 'finalize';
export type Resolution = 'applied' | 'restored' | 'skipped';

/** All that a saga's stream can hold, past tense; `type` is the event's type, the rest its data. Schema version 1. */
export type SagaEvent =
  | {
      type: 'SagaRequested';
      saga_id: string;
      kind: string;
      subject_id: string;
      subject_name: string;
      change: object;
      targets: { step_id: string; target: Target }[];
      deadline_at: string;
    }
  | { type: 'SagaStarted' }
  | {
      type: 'StepPrepared';
      step_id: string;
      steps: PlannedStep[];
      fingerprint: string;
      duration_ms: number;
      reversible_seconds: number | null;
    }
  | { type: 'StepIntended'; step_id: string; attempt: number; token: number; way?: 'finalize' }
  | {
      type: 'StepApplied';
      step_id: string;
      fingerprint_before: string;
      fingerprint_after: string;
      statements: string[];
      duration_ms: number;
    }
  | { type: 'StepDelayed'; step_id: string; way: Way; attempt: number; next_attempt_at: string; error: StepError }
  | { type: 'StepFailed'; step_id: string; way: Way; error: StepError }
  | { type: 'CompensationStarted'; error: StepError }
  | { type: 'CompensationIntended'; step_id: string; attempt: number; token: number }
  | { type: 'StepCompensated'; step_id: string; fingerprint_after: string; statements: string[]; duration_ms: number }
  | { type: 'AbortRequested'; reason: string }
  | { type: 'RetryRequested'; reason: string }
  | { type: 'StepResolved'; step_id: string; as: Resolution; reason: string; fingerprint: string | null; lost?: true }
  | { type: 'SagaStuck'; error: StepError }
  | { type: 'SagaCompleted'; reversible_until: string | null }
  | { type: 'SagaCompensated'; error: StepError }
  | { type: 'SagaRejected'; error: StepError };

export type SagaEventType = SagaEvent['type'];
