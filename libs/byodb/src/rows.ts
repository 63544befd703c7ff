import type { Ddl, Need } from './ddl.js';
import { DatabaseError } from './errors.js';
import { findColumn, type LiveTable } from './live.js';
import type { Session } from './session.js';

export async function hasRows(session: Session, ddl: Ddl, table: string): Promise<boolean> {
  return (await session.query(`select 1 as found from ${ddl.quote(table)} limit 1`)).length > 0;
}

/** Counts rows by an SQL condition. */
export async function countRows(session: Session, ddl: Ddl, table: string, condition: string): Promise<number> {
  const [row] = await session.query(`select count(*) as n from ${ddl.quote(table)} where ${condition}`);
  return Number(row?.['n'] ?? 0);
}

/** Looks no further than it must. `table` is quoted. */
export async function hasMoreRows(session: Session, table: string, most: number): Promise<boolean> {
  const [row] = await session.query(`select count(*) as n from (select 1 as one from ${table} limit ${most + 1}) as r`);
  return Number(row?.['n'] ?? 0) > most;
}

/**
 * Refuses when there are rows like these: how many, and one of them by its primary key (by `keyless` columns where
 * there is none;
 * null where there is neither). `table` is quoted, or a query in brackets with a name. Errors: DatabaseError
 * rows_conflict unless told otherwise.
 */
export async function refuseRows(
  session: Session,
  table: string,
  live: LiveTable | null,
  like: string,
  message: (n: number) => string,
  { code = 'rows_conflict', keyless = [] }: { code?: 'rows_conflict' | 'lossy_conversion'; keyless?: string[] } = {},
): Promise<void> {
  const [row] = await session.query(`select count(*) as n from ${table} where ${like}`);
  const n = Number(row?.['n'] ?? 0);
  if (n === 0) return;
  const names = live === null || live.primaryKey.length === 0 ? keyless : live.primaryKey;
  const [one] = names.length === 0 ? [] : await session.query(`select * from ${table} where ${like} limit 1`);
  // A column that this very change renames is not called so yet.
  const shown = names.filter((name) => one !== undefined && name in one);
  const example =
    one === undefined || shown.length === 0 ? null : Object.fromEntries(shown.map((name) => [name, String(one[name])]));
  throw new DatabaseError(
    code,
    `${message(n)}${example === null ? '' : `, for example at ${JSON.stringify(example)}`}`,
    { details: { count: n, example } },
  );
}

/** The same for rows that have their values in `columns` in common; all quoted. Those with a NULL have none. */
export async function refuseShared(
  session: Session,
  table: string,
  columns: readonly string[],
  live: LiveTable | null,
  message: (n: number) => string,
): Promise<void> {
  const values = columns.join(', ');
  const whole = columns.map((column) => `${column} is not null`).join(' and ');
  // First what an index can answer: the rows themselves are sorted only when there are such.
  const shared = await session.query(
    `select 1 as found from ${table} where ${whole} group by ${values} having count(*) > 1 limit 1`,
  );
  if (shared.length === 0) return;
  // The table stands there once: under LOCK TABLES MySQL takes it once, and by its own name.
  await refuseRows(
    session,
    `(select ${table}.*, count(*) over (partition by ${values}) as _saga_n from ${table} where ${whole}) d`,
    live,
    '_saga_n > 1',
    message,
  );
}

/**
 * Refuses unless all that statements need is there. `live` tells the primary key by which a row is named. Errors:
 * DatabaseError dependents_exist (a table or column that a key refers to is missing), rows_conflict (rows do not fit),
 * table_name_taken.
 */
export async function meetNeeds(session: Session, live: LiveTable | null, needs: readonly Need[]): Promise<void> {
  for (const need of needs) {
    if (need.need === 'table') await refuseMissing(session, need);
    else if (need.need === 'free') await refuseTaken(session, need);
    else
      await refuseRows(
        session,
        need.from,
        live,
        need.like,
        (n) => `${n} row(s) do not fit ${need.of}, which is to come back`,
      );
  }
}

async function refuseTaken(session: Session, { from, like, of }: Extract<Need, { need: 'free' }>): Promise<void> {
  if ((await session.query(`select 1 as found from ${from} where ${like} limit 1`)).length === 0) return;
  throw new DatabaseError(
    'table_name_taken',
    `${of} is to come back, and another one has its name: restore the table under another name, or rename what has it`,
  );
}

async function refuseMissing(
  session: Session,
  { table, columns, of }: Extract<Need, { need: 'table' }>,
): Promise<void> {
  const found = await session.introspect(table);
  const missing =
    found === null
      ? table
      : columns.filter((column) => findColumn(found, column) === undefined).map((column) => `${table}.${column}`)[0];
  if (missing === undefined) return;
  const message = `${of} is to come back, and ${missing}, to which it refers, is not there: bring that back first`;
  throw new DatabaseError('dependents_exist', message, { details: { missing, of } });
}
