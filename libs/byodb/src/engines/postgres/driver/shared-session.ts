import { DatabaseError } from '../../../errors.js';
import { firstRow } from '../../../first-row.js';
import { toldBackend, type PooledClient } from './pooled-client.js';

const ROUNDS = 3;

/**
 * A pooler like pgbouncer may give each transaction another session of the server. Settings and locks of a session
 * would then stay with one that the customer's own programs get next, and nobody would be alone
 * (https://www.pgbouncer.org/features.html). `another` opens a second connection.
 */
export async function refuseSharedSession(pooled: PooledClient, another: () => Promise<PooledClient>): Promise<void> {
  if (!(await isShared(pooled, another))) return;
  throw new DatabaseError(
    'unsupported_change',
    'postgres: the address is that of a pooler which gives each transaction another session of the server, and what ' +
      "cannot run in a transaction needs one for itself: give the server's own address",
  );
}

async function isShared(pooled: PooledClient, another: () => Promise<PooledClient>): Promise<boolean> {
  const first = await backend(pooled);
  // A pooler tells its clients a number of its own. Others do so too that give each of them one session.
  if (first === toldBackend(pooled)) return false;
  const other = await another();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [theirs, ours] = [await backend(other), await backend(pooled)];
      if (theirs === first || ours !== first) return true;
    }
    return false;
  } finally {
    other.client.end(() => undefined);
  }
}

async function backend(pooled: PooledClient): Promise<number> {
  return Number(firstRow(await pooled.query('select pg_backend_pid() as pid'))['pid']);
}
