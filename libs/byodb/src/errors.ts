/** Every way in which a database can fail a step; the API's `error.code` of sagas and steps. */
export type ErrorCode =
  | 'table_name_taken'
  | 'permission_denied'
  | 'dependents_exist'
  | 'rows_conflict'
  | 'lossy_conversion'
  | 'not_null_without_default'
  | 'drift_detected'
  | 'table_too_large'
  | 'lock_timeout'
  | 'database_unreachable'
  | 'unsupported_change'
  | 'database_mismatch'
  | 'core_database'
  | 'managed_elsewhere'
  | 'stale_token'
  | 'database_error';

export interface ErrorTraits {
  /** Worth trying again unchanged: a lock, a lost connection, a deadlock. */
  retryable?: boolean;
  /** `unknown`: the statement was sent and no answer came; only a look at ledger and catalog can tell. */
  outcome?: 'not_applied' | 'unknown';
  /** Lists, counts, example keys, differences: JSON, no credential. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The only error that leaves this library: classed once, at the engine's edge, its message free of credentials. */
export class DatabaseError extends Error {
  readonly retryable: boolean;
  readonly outcome: 'not_applied' | 'unknown';
  readonly details: Record<string, unknown>;
  constructor(
    readonly code: ErrorCode,
    message: string,
    traits: ErrorTraits = {},
  ) {
    super(message, { cause: traits.cause });
    this.retryable = traits.retryable ?? false;
    this.outcome = traits.outcome ?? 'not_applied';
    this.details = traits.details ?? {};
  }
}

/** Drivers echo users, hosts and passwords: none of an address's secrets may stand in a message. */
export function scrub(message: string, secrets: readonly (string | null | undefined)[]): string {
  let clean = message;
  for (const secret of secrets) if (secret) clean = clean.split(secret).join('***');
  return clean;
}
