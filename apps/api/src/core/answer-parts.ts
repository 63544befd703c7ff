import { z } from 'zod';
import { ENGINE_NAMES, type ErrorCode } from '#byodb';
import type { SagaStatus, StepStatus } from '#sagas';
import type { statusOf } from '#tables';

/** Every value of a type, once each: a value that is added there and forgotten here does not compile, and is named. */
export const every =
  <T extends string>() =>
  <const V extends readonly T[]>(
    values: V & ([T] extends [V[number]] ? unknown : { missing: Exclude<T, V[number]> }),
  ): V =>
    values;

export const SAGA_STATUSES = every<SagaStatus>()([
  'pending',
  'running',
  'compensating',
  'completed',
  'compensated',
  'rejected',
  'stuck',
]);
export const STEP_STATUSES = every<StepStatus>()([
  'pending',
  'running',
  'succeeded',
  'failed',
  'compensating',
  'compensated',
  'skipped',
]);
export const TABLE_STATUSES = every<ReturnType<typeof statusOf>>()([
  'creating',
  'active',
  'changing',
  'dropping',
  'dropped',
  'failed',
]);
export const ERROR_CODES = every<ErrorCode | 'deadline_exceeded' | 'invalid_in_turn' | 'aborted'>()([
  'table_name_taken',
  'permission_denied',
  'dependents_exist',
  'rows_conflict',
  'lossy_conversion',
  'not_null_without_default',
  'drift_detected',
  'table_too_large',
  'lock_timeout',
  'database_unreachable',
  'deadline_exceeded',
  'invalid_in_turn',
  'aborted',
  'unsupported_change',
  'database_mismatch',
  'core_database',
  'managed_elsewhere',
  'stale_token',
  'database_error',
]);

export const id = z.string().meta({ format: 'uuid' });
export const at = z.string().meta({ format: 'date-time' });
export const count = z.int().min(0);
const cursor = z.string().nullable().describe('Give it as `cursor` to get the next page; null: this is the last one.');
export const engine = z.enum(ENGINE_NAMES);
export const list = (name: string, item: z.ZodType, next: z.ZodType = cursor): z.ZodType =>
  z.object({ [name]: z.array(item), next_cursor: next });

export const SagaError = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  database: z.string().nullable().describe('The database that failed; null: the change as a whole.'),
  step_id: id.nullable(),
  details: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the code calls for: dependents, a count and an example key, a difference.'),
});
