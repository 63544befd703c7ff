import type { Session } from './engine.js';
import { DatabaseError } from './errors.js';
import type { LiveTable } from './live.js';

/**
 * Refuses when there are rows like these: how many, and one of them by its primary key (by `keyless` columns where there is none;
 * null where there is neither). `table` is quoted, or a query in brackets with a name. Errors: DatabaseError rows_conflict unless told otherwise.
 */
export async function refuseRows(session: Session, table: string, live: LiveTable | null, like: string, message: (n: number) => string, { code = 'rows_conflict', keyless = [] }: { code?: 'rows_conflict' | 'lossy_conversion'; keyless?: string[] } = {}): Promise<void> {
  const [row] = await session.query(`select count(*) as n from ${table} where ${like}`);
  const n = Number(row?.['n'] ?? 0);
  if (n === 0) return;
  const names = live === null || live.primaryKey.length === 0 ? keyless : live.primaryKey;
  const [one] = names.length === 0 ? [] : await session.query(`select * from ${table} where ${like} limit 1`);
  // A column that this very change renames is not called so yet.
  const shown = names.filter((name) => one !== undefined && name in one);
  const example = one === undefined || shown.length === 0 ? null : Object.fromEntries(shown.map((name) => [name, String(one[name])]));
  throw new DatabaseError(code, `${message(n)}${example === null ? '' : `, for example at ${JSON.stringify(example)}`}`, { details: { count: n, example } });
}

/** The same for rows that have their value in `column` in common; both quoted. */
export async function refuseShared(session: Session, table: string, column: string, live: LiveTable | null, message: (n: number) => string): Promise<void> {
  // First what an index can answer: the rows themselves are sorted only when there are such.
  if ((await session.query(`select 1 as found from ${table} where ${column} is not null group by ${column} having count(*) > 1 limit 1`)).length === 0) return;
  // The table stands there once: under LOCK TABLES MySQL takes it once, and by its own name.
  await refuseRows(session, `(select ${table}.*, count(*) over (partition by ${column}) as _saga_n from ${table} where ${column} is not null) d`, live, '_saga_n > 1', message);
}
