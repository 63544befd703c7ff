import { DatabaseError, scrub, type ErrorCode } from '../../errors.js';

const CODES: Record<number, ErrorCode> = {
  1205: 'lock_timeout',
  1213: 'lock_timeout',
  3058: 'lock_timeout',
  1040: 'database_unreachable',
  1203: 'database_unreachable',
  1226: 'database_unreachable',
  1053: 'database_unreachable',
  1044: 'permission_denied',
  1142: 'permission_denied',
  1143: 'permission_denied',
  1227: 'permission_denied',
  1370: 'permission_denied',
  1062: 'rows_conflict',
  1048: 'rows_conflict',
  1138: 'rows_conflict',
  1452: 'rows_conflict',
  1264: 'lossy_conversion',
  1265: 'lossy_conversion',
  1292: 'lossy_conversion',
  1366: 'lossy_conversion',
  1406: 'lossy_conversion',
  1451: 'dependents_exist',
  1553: 'dependents_exist',
  1829: 'dependents_exist',
  1830: 'dependents_exist',
  1832: 'dependents_exist',
  1833: 'dependents_exist',
  3730: 'dependents_exist',
};
/**
 * Read-only after a switchover, offline, not in its cluster, blocked, cut, a session ended for idling: another time, or
 * another server behind the same name.
 */
const AWAY = new Set([1047, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1290, 1836, 3032, 4031]);
/**
 * A full disk, no memory left on the machine, too much written meanwhile, a definition that moved, a conflict in the
 * cluster: not the statement's fault, and over some time.
 */
const PASSING = new Set([1021, 1041, 1114, 1135, 1412, 1615, 1799, 1969, 3024, 3101]);
const RETRYABLE = new Set<ErrorCode>(['lock_timeout', 'database_unreachable']);

/**
 * The one place where a driver's error becomes ours. `sent`: a statement may have reached the server, so a lost
 * connection leaves its fate unknown.
 */
export function translate(error: unknown, secrets: string[], sent: boolean): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const seen = error as { errno?: number; code?: string; message?: string; fatal?: boolean };
  const message = scrub(seen.message ?? String(error), secrets);
  const { errno = 0 } = seen;
  const details = { errno: seen.errno ?? null, code: seen.code ?? null };
  // Server error numbers start at 1000; what has none, or kills the session (1317, 1927), is the connection's.
  const server = (errno >= 1000 && errno < 2000) || errno >= 3000;
  if (!server || errno === 1317 || errno === 1927)
    return new DatabaseError('database_unreachable', message, {
      retryable: true,
      outcome: sent ? 'unknown' : 'not_applied',
      details,
      cause: error,
    });
  if (errno === 1045) return new DatabaseError('permission_denied', message, { details });
  const code = AWAY.has(errno) ? 'database_unreachable' : (CODES[errno] ?? 'database_error');
  return new DatabaseError(code, message, {
    retryable: RETRYABLE.has(code) || PASSING.has(errno),
    details,
    cause: error,
  });
}
