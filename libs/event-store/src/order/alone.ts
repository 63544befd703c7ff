import { sql } from '../core-database.js';
import type { CoreDatabase, Tx } from '../core-database.js';
import type { RangeLocks } from '../core/mysql.js';

/**
 * Runs `work` in a transaction that no append overlaps: those in flight are waited for, those that come wait. All that
 * was appended is visible in it. The lock comes first in `work`'s transaction, and appends that come wait before they
 * touched a read model: so nobody waits in a ring.
 */
export function withoutAppends<T>(core: CoreDatabase, work: (tx: Tx) => Promise<T>): Promise<T> {
  switch (core.engine) {
    // One writer at a time.
    case 'sqlite': return core.transaction(work);
    case 'postgres': return core.transaction(async (tx) => {
      // Conflicts with every insert, with no read.
      await tx.execute(sql`lock table events in share row exclusive mode`);
      return work(tx);
    });
    case 'mysql': {
      if (!locksRanges(core)) throw new TypeError('a core database on MySQL must offer transactionWithRangeLocks');
      return core.transactionWithRangeLocks(async (tx) => {
        // An append first changes its session's row here or adds one (mysql.ts): the scan locks the rows and the gaps between them.
        await tx.query(sql`select session from appenders for update`);
        return work(tx);
      });
    }
  }
}

function locksRanges(core: CoreDatabase): core is CoreDatabase & RangeLocks {
  return 'transactionWithRangeLocks' in core;
}
