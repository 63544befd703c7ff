import { sql } from '../core-database.js';
import type { CoreDatabase, Tx } from '../core-database.js';
import type { RangeLocks } from '../core/mysql.js';

/**
 * Runs `work` in a transaction that no append overlaps: those in flight are waited for, those that come wait. All that
 * was appended is visible in it. The lock comes first in `work`'s transaction, and appends that come wait before they
 * touched a read model: so nobody waits in a ring.
 */
export function withoutAppends<T>(core: CoreDatabase, work: (tx: Tx) => Promise<T>): Promise<T> {
  return ableTo(core)(async (tx) => {
    await keepAppendsOut(core.engine, tx);
    return work(tx);
  });
}

/** How the core database begins a transaction that can keep appends out. */
export function ableTo(core: CoreDatabase): CoreDatabase['transaction'] {
  if (core.engine !== 'mysql') return (work) => core.transaction(work);
  if (!locksRanges(core)) throw new TypeError('a core database on MySQL must offer transactionWithRangeLocks');
  return (work) => core.transactionWithRangeLocks(work);
}

/** Until the transaction ends. */
export async function keepAppendsOut(engine: CoreDatabase['engine'], tx: Tx): Promise<void> {
  // SQLite: one writer at a time. PostgreSQL: conflicts with every insert, with no read.
  if (engine === 'postgres') await tx.execute(sql`lock table events in share row exclusive mode`);
  // An append first changes its session's row here or adds one (mysql.ts): the scan locks the rows and the gaps between
  // them.
  if (engine === 'mysql') await tx.query(sql`select session from appenders for update`);
}

function locksRanges(core: CoreDatabase): core is CoreDatabase & RangeLocks {
  return 'transactionWithRangeLocks' in core;
}
