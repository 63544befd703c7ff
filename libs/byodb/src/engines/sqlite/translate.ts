import { DatabaseError, type ErrorCode } from '../../errors.js';

/**
 * As it comes from the worker: SQLite's extended result code (https://www.sqlite.org/rescode.html), or one of
 * worker.js.
 */
export interface Failure {
  code: string;
  message: string;
}

export function translate(failure: Failure): DatabaseError {
  const [code, retryable] = classify(failure);
  return new DatabaseError(code, failure.message, { retryable, details: { code: failure.code } });
}

function classify({ code, message }: Failure): [ErrorCode, boolean] {
  if (/^SQLITE_(BUSY|LOCKED)/.test(code) || code === 'SAGA_EXPIRED') return ['lock_timeout', true];
  if (/^SQLITE_(CANTOPEN|NOTADB|IOERR|PROTOCOL|READONLY_DBMOVED)|^SAGA_(MISSING|CLOSED)$/.test(code))
    return ['database_unreachable', true];
  // The system's own word about the file, on a network volume for example.
  if (/^E[A-Z]+$/.test(code) && !/^E(ACCES|PERM|ROFS)$/.test(code)) return ['database_unreachable', true];
  if (/^SQLITE_(FULL|NOMEM)/.test(code)) return ['database_error', true];
  if (/^SQLITE_(READONLY|PERM|AUTH)|^EACCES$|^EPERM$|^EROFS$/.test(code)) return ['permission_denied', false];
  if (code === 'SAGA_LOSSY' || code === 'SQLITE_MISMATCH' || code === 'SQLITE_CONSTRAINT_DATATYPE')
    return ['lossy_conversion', false];
  if (code.startsWith('SQLITE_CONSTRAINT')) return ['rows_conflict', false];
  if (/no such (collation sequence|function): |unknown datatype for /.test(message))
    return ['unsupported_change', false];
  if (/^there is already an? (table|index|view) named |^(index|trigger) .* already exists$/.test(message))
    return ['table_name_taken', false];
  // A view or trigger that would no longer fit stops a rename.
  if (/^error in (view|trigger|index|table) /.test(message)) return ['dependents_exist', false];
  if (/no such table: (main\.)?_saga_(ledger|fences|identity)\b/.test(message)) return ['database_mismatch', false];
  return ['database_error', false];
}

export function lockTimeout(message: string): DatabaseError {
  return new DatabaseError('lock_timeout', message, { retryable: true });
}
