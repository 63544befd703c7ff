import type { Ddl } from '../ddl.js';
import type { Engine } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { findColumn, isAside, type LiveTable } from '../live.js';
import { existingTable, statementsOf, type Limits, type Operation } from '../operation.js';
import { hasMoreRows } from '../rows.js';
import type { Session } from '../session.js';

/**
 * `aside`: what the column is called since it was set aside, and the table that its values move to; `name`: what it was
 * called before.
 */
interface Params {
  table: string;
  aside: string;
  name: string;
  step_id: string;
}

/**
 * Takes a column that was set aside out of its table, so that nobody meets it any more; its values go on in a table of
 * their own. Done once all databases have set it aside: an engine may not be able to put a column back in its place, so
 * a compensation must not come behind it.
 */
export const detachColumn: Operation<Params> = {
  kind: 'detach_column',
  looksAtRows: { apply: true },
  plan({ table, aside, name }, before, { engine, columns }) {
    const done = detacher(engine.ddl)(existingTable(before, table), aside);
    return {
      table,
      table_after: table,
      shown_after: table,
      before: [{ table, columns: 'any', with: [aside] }],
      after: [{ table, columns: 'any', without: [aside] }],
      columns_after: columns,
      live: done.live,
      statements: done.statements,
      compensation: [],
      reason: `move the values of column ${name}, which is set aside, out of ${table} into ${aside}`,
    };
  },
  /** Gone already is as good: it is tried until it is done. */
  async apply({ engine }, { params: { aside } }, live) {
    return live === null || findColumn(live, aside) === undefined
      ? { statements: [] }
      : statementsOf(detacher(engine.ddl)(live, aside));
  },
  async compensate() {
    throw new DatabaseError(
      'unsupported_change',
      'a column that was taken out of its table comes back by reattach_column',
    );
  },
};

/** Errors: DatabaseError unsupported_change (the engine hides the column in its place instead). */
export function detacher(ddl: Ddl): NonNullable<Ddl['detachColumn']> {
  if (ddl.detachColumn === undefined)
    throw new DatabaseError('unsupported_change', 'this engine takes no column out of its table');
  return ddl.detachColumn.bind(ddl);
}

/**
 * Why a column that is set aside must stay in its place, as half a sentence; null: it can be taken out; 'hidden': the
 * engine hides it there.
 */
export async function staysInPlace(
  session: Session,
  engine: Engine,
  live: LiveTable,
  aside: string,
  quotedNow: string,
  { maxRewriteRows }: Limits,
): Promise<string | null> {
  if (engine.ddl.detachColumn === undefined) return 'hidden';
  if (live.primaryKey.length === 0) return 'it has no primary key to tell its rows apart by';
  if (live.primaryKey.some(isAside)) return 'the column is its primary key';
  try {
    engine.ddl.detachColumn(live, aside);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'unsupported_change') return error.message;
    throw error;
  }
  return (await hasMoreRows(session, quotedNow, maxRewriteRows)) ? `it has more than ${maxRewriteRows} rows` : null;
}

/** For who reads the plan of a drop. */
export function stayNote(table: string, name: string, reason: string): string {
  return (
    `${name} stays in its place in ${table}, under another name, until it is destroyed, since ${reason}. ` +
    `Statements without a list of columns (insert into … values, select *) still meet it there: name the columns.`
  );
}
