import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exclusive } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import type { MysqlSession } from './session.js';

/** How long a holder of the table's lock is given to end by itself. */
const PATIENCE_MS = 500;
const POLL_MS = 50;
const NO_SUCH_THREAD = 1094;
const NOT_YOUR_THREAD = 1095;

/** A lock's name is the server's, so it names the database too. 64 characters at most. */
function digest(...parts: string[]): string {
  return createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 40);
}

/** The table's lock with a valid token, and a slot where they are counted, all had by one session. */
export class Locks {
  private readonly held: string[] = [];
  private readonly database: string;

  constructor(
    private readonly session: MysqlSession,
    database: string,
    private readonly on: Exclusive,
  ) {
    // Whether Db and db are one database is the server's choice; to share a lock between the two does no harm.
    this.database = database.toLowerCase();
  }

  async take(): Promise<void> {
    const { session, on } = this;
    await session.query(
      'insert into `_saga_fences` (table_id, token) values (?, ?) on duplicate key update token = ' +
        'greatest(token, values(token))',
      [on.tableId, on.token],
    );
    await this.refuseStale();
    await this.takeTable(`saga_${digest(this.database, on.tableId)}`);
    // A worker that stalled between the first look at the fence and the lock may have a successor that has come and
    // gone.
    await this.refuseStale();
    if (on.slots !== undefined) await this.takeSlot(on.slots);
  }

  /** False: the server does not agree that all of them were ours until now. */
  async free(): Promise<boolean> {
    if (this.held.length === 0) return true;
    const row = firstRow(
      await this.session.query(`select ${this.held.map((_, i) => `release_lock(?) as l${i}`).join(', ')}`, this.held),
    );
    return Object.values(row).every((released) => Number(released) === 1);
  }

  private async takeTable(name: string): Promise<void> {
    const { on, session } = this;
    if (await this.get(name, Math.min(PATIENCE_MS, on.lockTimeoutMs / 2))) return;
    const holder = Number(firstRow(await session.query('select is_used_lock(?) as id', [name]))['id'] ?? 0);
    // Every holder raised the fence before: ours being the newest now, after the holder was seen, his is over and he
    // must not act any more.
    await this.refuseStale();
    if (holder !== 0) await this.end(name, holder);
    if (!(await this.get(name, on.lockTimeoutMs)))
      throw new DatabaseError('lock_timeout', 'another worker is changing this table', {
        retryable: true,
        details: { table_id: on.tableId },
      });
  }

  /**
   * Only while it still holds the lock: the session may be in its pool again, or work on another table. What may not be
   * ended, or has ended, is waited for.
   */
  private async end(name: string, holder: number): Promise<void> {
    await this.session.query(`kill if(is_used_lock(?) = ${holder}, ${holder}, 0)`, [name]).catch((error: unknown) => {
      if (
        !(error instanceof DatabaseError) ||
        ![NO_SUCH_THREAD, NOT_YOUR_THREAD].includes(Number(error.details['errno']))
      )
        throw error;
    });
  }

  /**
   * After the table's lock: a stalled worker keeps its slot as well, and only who has the table's lock has ended it.
   */
  private async takeSlot(slots: number): Promise<void> {
    const named = (slot: number): string => `saga_slot_${digest(this.database)}_${slot}`;
    const names = Array.from({ length: slots }, (_, i) => named(i));
    const row = firstRow(
      await this.session.query(
        `select case ${names.map((_, i) => `when get_lock(?, 0) = 1 then ${i}`).join(' ')} end as slot`,
        names,
      ),
    );
    const slot = row['slot'];
    if (slot === null)
      throw new DatabaseError('lock_timeout', `${slots} changes are running on this database already`, {
        retryable: true,
        details: { slots },
      });
    this.held.push(named(Number(slot)));
  }

  /**
   * Asks again and again: a wait in the server is rounded to seconds by some, and cannot be told from a deadlock by
   * others.
   */
  private async get(name: string, waitMs: number): Promise<boolean> {
    const until = performance.now() + waitMs;
    for (;;) {
      if (Number(firstRow(await this.session.query('select get_lock(?, 0) as held', [name]))['held']) === 1) {
        this.held.push(name);
        return true;
      }
      if (performance.now() >= until) return false;
      await sleep(POLL_MS);
    }
  }

  private async refuseStale(): Promise<void> {
    const { on } = this;
    const seen = firstRow(
      await this.session.query('select token from `_saga_fences` where table_id = ?', [on.tableId]),
    )['token'];
    if (BigInt(String(seen)) > BigInt(on.token))
      throw new DatabaseError('stale_token', 'another worker has taken over this table', {
        retryable: true,
        details: { table_id: on.tableId, token: on.token, seen: Number(seen) },
      });
  }
}
