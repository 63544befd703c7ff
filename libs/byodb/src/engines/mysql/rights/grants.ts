import { unquote } from '../sql.js';

interface Grant {
  rights: string[];
  database: string;
  table: string;
}

/** No table's name: what is granted on single tables does not count. */
export const WHOLE_DATABASE = '';

/**
 * Whether lines of SHOW GRANTS prove that nothing gives this right: false wherever a role, a pattern or a line that is
 * not
 * understood might. A right on a table of that name counts, also for making it; MySQL's partial revokes are not looked
 * at.
 */
export function lacking(
  lines: string[],
  action: 'create' | 'alter' | 'lock tables' | 'trigger' | 'show view',
  database: string,
  table: string | null,
): boolean {
  const right = action.toUpperCase();
  for (const line of lines) {
    const grant = read(line);
    if (grant === 'none') continue;
    if (grant === null || !matches(grant, database, table)) {
      if (grant === null) return false;
      continue;
    }
    if (grant.rights.includes('ALL PRIVILEGES') || grant.rights.includes('ALL') || grant.rights.includes(right))
      return false;
  }
  return true;
}

/** Whether lines of SHOW GRANTS give all rights on all databases, or one of these. */
export function grantedEverywhere(lines: string[], rights: readonly string[]): boolean {
  return lines
    .map(read)
    .some(
      (grant) =>
        grant !== null &&
        grant !== 'none' &&
        grant.database === '*' &&
        grant.table === '*' &&
        grant.rights.some((right) => right === 'ALL PRIVILEGES' || rights.includes(right)),
    );
}

/** Null: a role, or something else that may give anything. 'none': gives nothing of the kind. */
function read(line: string): Grant | 'none' | null {
  if (/^GRANT PROXY ON /i.test(line) || /^SET DEFAULT ROLE NONE /i.test(line)) return 'none';
  if (/^GRANT EXECUTE[^`]* ON (?:PROCEDURE|FUNCTION|PACKAGE) /i.test(line)) return 'none';
  const found = /^GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO /i.exec(line);
  if (found === null) return null;
  const [, list = '', database = '', table = ''] = found;
  // Columns' rights, as in SELECT (`a`, `b`), are none on the table.
  const rights = list
    .replace(/ ?\((?:[^()`]|`(?:[^`]|``)*`)*\)/g, ' OF COLUMNS')
    .split(',')
    .map((word) => word.trim().toUpperCase());
  return { rights, database: name(database), table: name(table) };
}

function name(token: string): string {
  return token === '*' ? '*' : unquote(token);
}

function matches(grant: Grant, database: string, table: string | null): boolean {
  if (grant.database !== '*') {
    // In a grant on a whole database _ and % are patterns, unless escaped.
    const plain = grant.database.replace(/\\([_%])/g, '$1').toLowerCase();
    const pattern = grant.table === '*' && /(^|[^\\])[_%]/.test(grant.database);
    if (!pattern && plain !== database.toLowerCase()) return false;
  }
  return grant.table === '*' || table === null || grant.table.toLowerCase() === table.toLowerCase();
}
