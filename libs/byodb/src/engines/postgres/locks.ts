import type { Exclusive } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import type { PooledClient, Row } from './driver/pooled-client.js';
import { literal } from './sql.js';

/** Two schemas of one database are two databases to us, and may have one and the same table. */
function key(on: Exclusive): string {
  return `hashtextextended('schemasaga/' || current_schema() || '/' || ${literal(on.tableId)}, 0)`;
}

/**
 * With the lock comes a slot, where they are counted: who waits for the lock takes none, and who has none after all
 * gives the lock back by rolling back. Locks of a session and those of a transaction shut each other out
 * (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
 */
function tryLockSql(on: Exclusive): string {
  const attempt = on.outsideTransaction === true ? 'pg_try_advisory_lock' : 'pg_try_advisory_xact_lock';
  const lock = `select ${attempt}(${key(on)}) as locked`;
  if (on.slots === undefined) return `${lock}, true as admitted`;
  const slot =
    `select true from generate_series(1, ${Math.trunc(on.slots)}) n where ` +
    `${attempt}(hashtextextended('schemasaga slot/' || current_schema() || '/' || n, 0)) ` +
    'limit 1';
  return (
    `with l as (${lock}) select locked, case when locked then coalesce((${slot}), false) else true end ` +
    'as admitted from l'
  );
}

function fenceSql(on: Exclusive): string {
  return `select token from _saga_fences where table_id = ${literal(on.tableId)}`;
}

/**
 * All that opens an exclusive transaction, in one round trip. The fence has a transaction of its own: raised in the
 * long one
 * it could not be seen, and its row's lock would keep a successor from finding out that it is one.
 * The fence is read by a statement of its own, after the lock: its snapshot is taken then.
 */
export function openExclusively(on: Exclusive, begin: string): string {
  return [raiseFence(on, begin), begin, lockAndReadFence(on)].join('; ');
}

/** `begin` opens its transaction. */
export function raiseFence(on: Exclusive, begin: string): string {
  const raise =
    `insert into _saga_fences as f (table_id, token) values (${literal(on.tableId)}, ` +
    `${BigInt(on.token)}) on conflict (table_id) do update set token = excluded.token where f.token < ` +
    'excluded.token';
  return [begin, raise, 'commit'].join('; ');
}

export function lockAndReadFence(on: Exclusive): string {
  return [tryLockSql(on), fenceSql(on)].join('; ');
}

export async function tryLock(pooled: PooledClient, on: Exclusive): Promise<boolean> {
  return isLocked(firstRow(await pooled.query(tryLockSql(on))), on);
}

/** Of the row that the attempt gave. */
export function isLocked(row: Row, on: Exclusive): boolean {
  if (row['admitted'] !== true)
    throw new DatabaseError('lock_timeout', `${on.slots} changes are running on this database already`, {
      retryable: true,
      details: { slots: on.slots },
    });
  return row['locked'] === true;
}

export async function readFence(pooled: PooledClient, on: Exclusive): Promise<unknown> {
  return (await pooled.query(fenceSql(on)))[0]?.['token'];
}

/**
 * Ends the session that holds the table's lock, be it the session's or its transaction's. Only that of a role whose
 * sessions we may end: others' would be an error that spoils the transaction.
 */
export async function freeLock(pooled: PooledClient, on: Exclusive): Promise<void> {
  await pooled.query(`
    select pg_terminate_backend(l.pid)
    from pg_locks l
      join pg_stat_activity a on a.pid = l.pid
      join pg_roles r on r.rolname = a.usename
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = ${key(on)}
      and l.pid <> pg_backend_pid() and pg_has_role(r.oid, 'MEMBER')
      and (not r.rolsuper or (select rolsuper from pg_roles where rolname = current_user))`);
}
