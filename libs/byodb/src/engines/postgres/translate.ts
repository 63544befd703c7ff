import { DatabaseError, scrub, type ErrorCode, type ErrorTraits } from '../../errors.js';

/**
 * Where an error came up: before anything was sent, with BEGIN and what opens a transaction, after a statement was
 * sent, after COMMIT was sent.
 */
export type Moment = 'connecting' | 'begin' | 'statement' | 'commit';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CLASSES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(55P03|40P01|40001|57014)$/, 'lock_timeout'],
  // 25P03/25P04: ended for idling in a transaction; 25006: a server that became a standby
  [/^(08...|57P0[1-5]|53300|25P03|25P04|25006)$/, 'database_unreachable'],
  [/^(42501|28...)$/, 'permission_denied'],
  [/^23...$/, 'rows_conflict'],
  [/^22...$/, 'lossy_conversion'],
  // 0A000: a type change under a view, rule, policy, trigger or generated column
  [/^(2BP01|0A000)$/, 'dependents_exist'],
];
/** Full disk or memory, an I/O error, two at one row of the catalog: not the statement's fault, and over some time. */
const PASSING = /^(53[124]00|58...|XX000)$/;
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['lock_timeout', 'database_unreachable']);

/** The driver's error as ours. What is ours already passes. */
export function translate(error: unknown, moment: Moment, secrets: readonly string[]): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const code = text(error, 'code');
  const message = scrub(messageOf(error), secrets);
  // The scrubbed message only: a cause is logged whole, and the driver's error may hold what we scrub.
  const cause = new Error(message);
  const sqlstate = code !== null && /^[0-9A-Z]{5}$/.test(code) && text(error, 'severity') !== null ? code : null;
  if (sqlstate === null) {
    const traits: ErrorTraits = {
      retryable: true,
      outcome: moment === 'connecting' ? 'not_applied' : 'unknown',
      details: code === null ? {} : { code },
      cause,
    };
    return new DatabaseError('database_unreachable', message, traits);
  }
  // A standby answers BEGIN READ WRITE with 0A000, which elsewhere means something that depends on the table.
  const standby = moment === 'begin' && sqlstate === '0A000';
  const kind = standby
    ? 'database_unreachable'
    : (CLASSES.find(([pattern]) => pattern.test(sqlstate))?.[1] ?? 'database_error');
  // A deadlock or a deferred constraint at COMMIT is an answer: rolled back. A session that was ended leaves the
  // question open.
  const unknown = kind === 'database_unreachable' && moment !== 'connecting' && sqlstate !== '25006' && !standby;
  const places = Object.fromEntries(
    ['table', 'column', 'constraint'].flatMap((key) => (text(error, key) === null ? [] : [[key, text(error, key)]])),
  );
  return new DatabaseError(kind, message, {
    retryable: RETRYABLE.has(kind) || PASSING.test(sqlstate),
    outcome: unknown ? 'unknown' : 'not_applied',
    details: { sqlstate, ...places },
    cause,
  });
}

function text(error: unknown, key: string): string | null {
  if (typeof error !== 'object' || error === null || !(key in error)) return null;
  const value = (error as Record<string, unknown>)[key];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Node gives an error without words when every address of a host refused. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return text(error, 'message') ?? text(error, 'code') ?? String(error);
}
