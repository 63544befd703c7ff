import type { Problem } from '#byodb';

/** Every code that the API answers with and its status: the one table of both. */
export const STATUS = {
  invalid_json: 400,
  validation_failed: 400,
  unauthorized: 401,
  forbidden: 403,
  method_not_allowed: 405,
  table_not_found: 404,
  saga_not_found: 404,
  database_not_found: 404,
  column_not_found: 404,
  version_not_found: 404,
  not_found: 404,
  table_name_taken: 409,
  table_dropped: 409,
  table_failed: 409,
  retention_expired: 409,
  saga_not_retryable: 409,
  saga_past_pivot: 409,
  database_exists: 409,
  database_in_use: 409,
  database_mismatch: 409,
  core_database: 409,
  managed_elsewhere: 409,
  version_conflict: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  saga_compensated: 422,
  saga_rejected: 422,
  idempotency_key_reused: 422,
  database_unreachable: 422,
  unsupported_change: 422,
  internal_error: 500,
  core_database_unavailable: 503,
  clock_off: 503,
  queue_unavailable: 503,
} as const;
export type ApiCode = keyof typeof STATUS;

export const TITLE: Partial<Record<ApiCode, string>> = {
  validation_failed: 'The request has problems',
  internal_error: 'Something went wrong here',
};

export class ApiError extends Error {
  constructor(
    readonly code: ApiCode,
    message: string,
    readonly extra: { errors?: Problem[]; members?: Record<string, unknown>; headers?: Record<string, string> } = {},
  ) {
    super(message);
  }
}
