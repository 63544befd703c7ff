import { z } from 'zod';
import { eventSchemas, noData } from '#event-store';
import type { SagaEvent } from './events.js';

/** What the log holds of sagas. For docs and tests: an append is not checked against it. */

const id = z.uuid();
const at = z.iso.datetime({ precision: 3 });
const name = z.string().min(1);
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
const statements = z.array(z.string());
const duration_ms = z.number().min(0);
const attempt = z.int().min(1);
const token = z.int().min(1);
const step_id = id;
/** The domain's own: this library hands it on unread. */
const opaque: z.ZodType<object> = z.looseObject({});

const Target = z.strictObject({ id, name, engine: name });
const StepError = z.strictObject({
  code: name,
  message: z.string(),
  database: name.nullable(),
  step_id: id.nullable(),
  details: z.record(z.string(), z.unknown()).optional(),
});
const PlannedStep = z.strictObject({
  step_id,
  operation: name,
  phase: z.enum(['apply', 'finalize']),
  reason: z.string(),
  statements,
  compensation: statements,
  plan: opaque,
});
const way = z.enum(['prepare', 'apply', 'compensate', 'finalize']);

/** What stands under a name of its own in documents. */
export const sagaEventParts = { Target, StepError, PlannedStep };

export const sagaEventSchemas = eventSchemas<SagaEvent>()({
  SagaRequested: {
    version: 1,
    tells: 'A change is to be carried out on these databases, one step per database to begin with.',
    data: z.strictObject({
      saga_id: id,
      kind: name,
      subject_id: id,
      subject_name: name,
      change: opaque,
      targets: z.array(z.strictObject({ step_id, target: Target })),
      deadline_at: at,
    }),
  },
  SagaStarted: { version: 1, tells: 'Its turn has come: every database is looked at.', data: noData },
  StepPrepared: {
    version: 1,
    tells: 'A database was looked at, and this is what will be done there and how it is undone.',
    data: z.strictObject({
      step_id,
      steps: z.array(PlannedStep),
      fingerprint,
      duration_ms,
      reversible_seconds: z.number().nullable(),
    }),
  },
  StepIntended: {
    version: 1,
    tells: 'A statement may reach the database from here on.',
    data: z.strictObject({ step_id, attempt, token, way: z.literal('finalize').optional() }),
  },
  StepApplied: {
    version: 1,
    tells: 'A step took effect in its database.',
    data: z.strictObject({
      step_id,
      fingerprint_before: fingerprint,
      fingerprint_after: fingerprint,
      statements,
      duration_ms,
    }),
  },
  StepDelayed: {
    version: 1,
    tells: 'A step could not be done now and is tried again at `next_attempt_at`.',
    data: z.strictObject({ step_id, way, attempt, next_attempt_at: at, error: StepError }),
  },
  StepFailed: {
    version: 1,
    tells: 'A step cannot be done; undoing that failed waits for an operator.',
    data: z.strictObject({ step_id, way, error: StepError }),
  },
  CompensationStarted: {
    version: 1,
    tells: 'From here on everything that was begun is undone.',
    data: z.strictObject({ error: StepError }),
  },
  CompensationIntended: {
    version: 1,
    tells: 'A statement that undoes a step may reach the database from here on.',
    data: z.strictObject({ step_id, attempt, token }),
  },
  StepCompensated: {
    version: 1,
    tells: 'A step is undone in its database.',
    data: z.strictObject({ step_id, fingerprint_after: fingerprint, statements, duration_ms }),
  },
  AbortRequested: {
    version: 1,
    tells: 'An operator wants the change to stop.',
    data: z.strictObject({ reason: z.string() }),
  },
  RetryRequested: {
    version: 1,
    tells: 'An operator lets a stuck change go on.',
    data: z.strictObject({ reason: z.string() }),
  },
  StepResolved: {
    version: 1,
    tells: 'An operator has settled a step; what was claimed was looked at where it could be.',
    data: z.strictObject({
      step_id,
      as: z.enum(['applied', 'restored', 'skipped']),
      reason: z.string(),
      fingerprint: fingerprint.nullable(),
      lost: z.literal(true).optional(),
    }),
  },
  SagaStuck: { version: 1, tells: 'The change cannot go on by itself.', data: z.strictObject({ error: StepError }) },
  SagaCompleted: {
    version: 1,
    tells: 'The change is so on every database; until `reversible_until` it can be undone without loss.',
    data: z.strictObject({ reversible_until: at.nullable() }),
  },
  SagaCompensated: {
    version: 1,
    tells: 'The change failed, and every database is as it was before.',
    data: z.strictObject({ error: StepError }),
  },
  SagaRejected: {
    version: 1,
    tells: 'The change was not begun: no database was touched.',
    data: z.strictObject({ error: StepError }),
  },
});
