import { z } from 'zod';
import { KINDS } from './kinds.js';
import { Event } from '../log/log.answers.js';
import { SAGA_STATUSES, STEP_STATUSES, id, at, count, engine, list, SagaError } from '../core/answer-parts.js';

export const Step = z.object({
  step_id: id,
  database: z.string(),
  engine,
  operation: z.string().describe('`prepare`, or a kind of schema change.'),
  phase: z.enum(['prepare', 'apply', 'finalize']).describe('Look and promise; do what can be undone; destroy.'),
  status: z.enum(STEP_STATUSES),
  attempts: count.describe('How often it was begun; the next try counts from when it is waited for.'),
  started_at: at.nullable(),
  finished_at: at.nullable(),
  duration_ms: z.number().min(0).nullable(),
  reason: z.string(),
  statements: z.array(z.string()),
  compensation: z.array(z.string()).describe('The statements that undo it.'),
  fingerprint_before: z.string().nullable().describe('Hash of the normalised live schema of the table.'),
  fingerprint_after: z.string().nullable(),
  next_attempt_at: at.nullable(),
  error: SagaError.nullable(),
});

export const Saga = z.object({
  saga_id: id,
  kind: z.enum(KINDS),
  table_id: id.nullable().describe('Null: it concerns a database and several tables, which stand in `change`.'),
  table_name: z.string().nullable(),
  status: z.enum(SAGA_STATUSES),
  requested_by: z.string(),
  correlation_id: id,
  requested_at: at,
  started_at: at.nullable(),
  finished_at: at.nullable(),
  change: z.record(z.string(), z.unknown()).describe('What was asked.'),
  error: SagaError.nullable(),
  steps: z
    .array(Step)
    .describe('At first one `prepare` step per database; once prepared every step with its statements.'),
  reversible_until: at.nullable().describe('Until when what it did can be undone without loss; null: for ever.'),
});

export const SagaAnswer = z.object({ saga: Saga });
export const SagaList = list('sagas', Saga);
export const SagaEvents = list('events', Event, z.null());
