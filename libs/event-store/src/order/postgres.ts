import { onlyRow, sql } from '../core-database.js';
import type { CoreDatabase } from '../core-database.js';
import type { GlobalOrder } from './order.js';

/**
 * Our mark in the upper 16 bits of an advisory lock's 64-bit key; the lower 48 hold a position.
 * pg_locks shows the key's upper half as classid and the lower as objid, with objsubid 1.
 */
const mark = 0x5353;
const markBits = (BigInt(mark) << 48n).toString();

/**
 * PostgreSQL. An append reads L, the last position the sequence gave (0 if none), holds the shared advisory lock
 * [mark, L] until its transaction has ended, and only then takes positions. A reader, in this order and in separate
 * statements:
 *   1. S = the last position the sequence gave;
 *   2. the lowest L among the locks held now;
 *   3. (readAll) reads positions up to min(S, L), in a snapshot taken after 2.
 *
 * Nothing at or below min(S, L) can appear later. Take an append A, and when it took its lock:
 *   - after 2 looked: its positions were taken after 2, hence after 1, so they are above S;
 *   - before, and still held at 2: the bound is at most A's L, and A's positions are above it;
 *   - before, and gone at 2: PostgreSQL lets go of a transaction's locks only after its outcome is visible, so 3,
 *     whose snapshot is younger, sees A's events (or A rolled back and there are none).
 * It rests on: the sequence's cache being 1 (else sessions hold numbers below the last value), the sequence's value
 * being outside transactions, and all appends coming through `announce`, on the primary server. Another installation
 * in another schema of this database shares the mark: it can only delay readers, never mislead them.
 */
export function postgresOrder(core: CoreDatabase): GlobalOrder {
  const lastGiven = sql`case when is_called then last_value else 0 end`;
  return {
    announce: async (tx) => {
      await tx.query(
        sql`select pg_advisory_xact_lock_shared(cast(${markBits} as bigint) + ${lastGiven}) from events_position_seq`,
      );
    },
    horizon: async () => {
      const given = onlyRow(await core.query(sql`select ${lastGiven} as last from events_position_seq`));
      const held = onlyRow(
        await core.query(sql`
        select min(((classid::bigint & 65535) << 32) | objid::bigint) as floor from pg_locks
        where locktype = 'advisory' and objsubid = 1 and granted and (classid::bigint >> 16) = ${mark}
          and database = (select oid from pg_database where datname = current_database())`),
      );
      const last = Number(given.last);
      return typeof held.floor === 'number' ? Math.min(last, held.floor) : last;
    },
  };
}
