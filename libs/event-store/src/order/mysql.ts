import { onlyRow, sql } from '../core-database.js';
import type { CoreDatabase } from '../core-database.js';
import type { UncommittedReads } from '../core/mysql.js';
import type { GlobalOrder } from './order.js';

/**
 * MySQL and MariaDB have no list of locks that one may read, but they show what is not committed to who asks for it.
 * Each session has one row in `appenders`. An append first changes that row, in its own transaction: `append` one
 * higher, `floor` = the highest committed position; then it takes positions, all above the floor. A reader, in this
 * order and in separate statements:
 *   a. S = the highest position there is, committed or not;
 *   b. the appenders' rows, committed or not;
 *   c. the appenders' rows as committed: an append is in flight if b shows its (session, append) and c does not;
 *   d. (readAll) reads committed positions up to min(S, lowest floor in flight), in a snapshot not older than c's.
 *
 * Nothing at or below that bound can appear later. Take an append A, and when it changed its row:
 *   - after b read there: its positions are taken after b, hence after a, so they are above S (the counter only rises);
 * - before, and not over at c: then c cannot show A's (session, append): A holds the row's lock, so the last committed
 *     row is the one A started from (or none), whose `append` is lower. So the bound is at most A's floor;
 *   - before, and over at c: A committed, and d sees its events, since a commit becomes visible as a whole; or A rolled
 *     back, and there are none.
 * Two appends of one session follow each other, so the row stands for the latest, and the cases above hold for each.
 *
 * No append waits for another: each changes a row of its own. Nothing has to be tidied up after an append. The rows of
 * sessions long gone are removed by `forgetOldAppenders`. It rests on: one server that takes the writes (dirty reads do
 * not reach another one), and all appends coming through `announce`.
 */
export function mysqlOrder(core: CoreDatabase, now: () => Date): GlobalOrder {
  if (!readsUncommitted(core)) throw new TypeError('a core database on MySQL must offer queryUncommitted');
  return {
    announce: async (tx) => {
      // "insert … select" reads without locks under READ COMMITTED; a subquery in `values` would wait for uncommitted
      // events.
      await tx.execute(sql`insert into appenders (session, append, floor, used_at)
        select connection_id(), 1, coalesce(max(position), 0), ${now().toISOString()} from events
        on duplicate key update append = append + 1, floor = values(floor), used_at = values(used_at)`);
    },
    horizon: async () => {
      const given = onlyRow(await core.queryUncommitted(sql`select coalesce(max(position), 0) as last from events`));
      const there = await core.queryUncommitted(sql`select session, append, floor from appenders`);
      const committed = await core.query(sql`select session, append from appenders`);
      const over = new Map(committed.map((row) => [row.session, row.append]));
      const inFlight = there.filter((row) => over.get(row.session) !== row.append);
      return Math.min(Number(given.last), ...inFlight.map((row) => Number(row.floor)));
    },
  };
}

function readsUncommitted(core: CoreDatabase): core is CoreDatabase & UncommittedReads {
  return 'queryUncommitted' in core;
}

/**
 * Removes the rows of sessions that appended nothing since `before`; at most 1000. Never waits: rows in use are passed
 * over.
 */
export async function forgetOldAppenders(core: CoreDatabase, before: Date): Promise<void> {
  await core.transaction(async (tx) => {
    const old = await tx.query(
      sql`select session from appenders where used_at < ${before.toISOString()} limit 1000 for update skip locked`,
    );
    // One by one, by the key: a list could be run as a scan, which would wait for the rows of appends in flight.
    for (const row of old) await tx.execute(sql`delete from appenders where session = ${Number(row.session)}`);
  });
}
