import { onlyRow, sql } from './core-database.js';
import type { CoreDatabase, Tx } from './core-database.js';
import { breathe, sleep } from './core/handle.js';
import { isBusy } from './core/sqlite.js';
import { CoreUnavailable } from './errors.js';

/** Any two numbers that nothing else in the database uses: the key of the lock that migrating processes share. */
const postgresLock = 0x53534d49;
const lockSeconds = 120;
const againMs = 200;

/**
 * Runs `work` in a transaction while no other process migrates or lifts read models. Errors: CoreUnavailable when
 * others do so for too long.
 */
export function migrating<T>(
  core: CoreDatabase,
  work: (tx: Tx) => Promise<T>,
  inTransaction: typeof core.transaction = (run) => core.transaction(run),
): Promise<T> {
  const run = (): Promise<T> => inTransaction((tx) => locked(core.engine, tx, () => work(tx)));
  return core.engine === 'sqlite' ? patiently(run) : run();
}

async function locked<T>(engine: CoreDatabase['engine'], tx: Tx, run: () => Promise<T>): Promise<T> {
  // "begin immediate" has already locked the file.
  if (engine === 'sqlite') return run();
  if (engine === 'postgres') {
    await tx.query(sql`select pg_advisory_xact_lock(${postgresLock})`);
    return run();
  }
  // MySQL ends the transaction at the first DDL, so only a lock of the session holds; and it is the server's, so it
  // names the database.
  const name = sql`concat('schemasaga_migrate_', left(sha1(database()), 40))`;
  const answer = onlyRow(await tx.query(sql`select get_lock(${name}, ${lockSeconds}) as held`));
  if (answer.held !== 1) throw new CoreUnavailable(`another process has been migrating for over ${lockSeconds} s`);
  const result = await run();
  // When it fails, the rollback gives the lock back (core/mysql.ts).
  await tx.query(sql`select release_lock(${name})`);
  return result;
}

/** SQLite waits for a lock as long as an append may; who migrates or lifts holds it for longer. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  const until = Date.now() + lockSeconds * 1000;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isBusy(error) || Date.now() > until) throw error;
      await breathe();
      await sleep(againMs);
    }
  }
}
