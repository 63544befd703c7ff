import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FileAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, Other, ServerInfo } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { claimedId, LEDGER_TABLES, refuseOthers, type Claimant, type Traces } from '../../ownership.js';
import type { Session } from '../../session.js';
import { findTraces, LEDGER, takeLedger, type Ask } from './ledger.js';
import { holders, raiseFence, type Holder } from './locks.js';
import { SqliteSession, withPatience } from './session.js';
import { listOthers, listTables } from './tables.js';
import { lockTimeout, translate } from './translate.js';
import { Mutex } from './worker/mutex.js';
import { Thread } from './worker/thread.js';

/** How long a look waits for its turn or for a lock. */
const LOOK_MS = 10_000;

/**
 * One worker for changes and one for looks: with a write-ahead log both work at once, else a look waits for a commit.
 */
export class SqliteConnection implements Connection {
  private readonly file: string;
  private readonly writer: Thread;
  private readonly reader: Thread;
  private readonly writing = new Mutex();
  private readonly reading = new Mutex();
  private isClosed = false;

  constructor(
    readonly engine: Engine,
    address: FileAddress,
  ) {
    this.file = resolve(address.file);
    this.writer = new Thread(this.file);
    this.reader = new Thread(this.file);
  }

  async info(): Promise<ServerInfo> {
    // From the header too: the version alone would say that any file is a database.
    const row = firstRow(
      await this.looking((session) =>
        session.query('select sqlite_version() as version, (select count(*) from sqlite_schema) as entries'),
      ),
    );
    return { version: String(row['version']) };
  }

  async identity(): Promise<string | null> {
    return (await this.traces()).id;
  }

  async traces(): Promise<Traces> {
    return this.looking((session) => findTraces((sql) => session.query(sql)));
  }

  async claim(id: string, claimant?: Claimant): Promise<string> {
    this.refuseClosed();
    const denied = await access(dirname(this.file), constants.W_OK).then(
      () => null,
      (error: NodeJS.ErrnoException) => error,
    );
    if (denied !== null)
      throw translate({
        code: denied.code === 'ENOENT' ? 'SAGA_MISSING' : (denied.code ?? 'SAGA_MISSING'),
        message: `the folder of the database file: ${denied.message}`,
      });
    const release = await this.writing.acquire(LOOK_MS);
    try {
      return await withPatience(LOOK_MS, () => this.claimOnce(id, claimant));
    } finally {
      release();
    }
  }

  private async claimOnce(id: string, claimant: Claimant | undefined): Promise<string> {
    await this.writer.call({ op: 'enter', mode: 'create' });
    refuseOthers(await findTraces((sql) => this.ask(sql)), claimant);
    return this.alone(async () => {
      const traces = await findTraces((sql) => this.ask(sql));
      refuseOthers(traces, claimant);
      for (const sql of LEDGER) await this.writer.call({ op: 'run', sql });
      await this.change('insert into _saga_identity (only_row, id) values (1, ?) on conflict do nothing', [id]);
      if (claimant !== undefined && traces.managed_by?.core_id !== claimant.core_id)
        await takeLedger(this.writer, id, claimant);
      return claimedId(await findTraces((sql) => this.ask(sql)));
    });
  }

  async release(id: string): Promise<void> {
    this.refuseClosed();
    const release = await this.writing.acquire(LOOK_MS);
    try {
      await withPatience(LOOK_MS, async () => {
        await this.writer.call({ op: 'enter', mode: 'work' });
        await this.alone(async () => {
          if ((await findTraces((sql) => this.ask(sql))).id !== id) return;
          for (const name of LEDGER_TABLES) await this.writer.call({ op: 'run', sql: `drop table if exists ${name}` });
        });
      });
    } finally {
      release();
    }
  }

  /** In a transaction of the writer, which has been entered. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    await this.writer.call({ op: 'run', sql: 'begin immediate' });
    try {
      const result = await work();
      await this.writer.call({ op: 'run', sql: 'commit' });
      return result;
    } catch (error) {
      await this.rollBack();
      throw error;
    }
  }

  private ask(sql: string): ReturnType<Ask> {
    return this.writer.call({ op: 'query', sql });
  }

  private async change(sql: string, args: unknown[]): Promise<void> {
    await this.writer.call({ op: 'run', sql, args });
  }

  tables(): Promise<string[]> {
    return this.looking(listTables);
  }

  others(): Promise<Other[]> {
    return this.looking(listOthers);
  }

  look<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.looking(work);
  }

  private async looking<T>(work: (session: SqliteSession) => Promise<T>): Promise<T> {
    this.refuseClosed();
    const release = await this.reading.acquire(LOOK_MS);
    const session = new SqliteSession(this.reader, this.file, LOOK_MS);
    try {
      await withPatience(LOOK_MS, () => this.reader.call({ op: 'enter', mode: 'look' }));
      return await work(session);
    } finally {
      session.end(over());
      release();
    }
  }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    this.refuseClosed();
    const deadline = performance.now() + on.lockTimeoutMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const release =
      (await this.writing.tryAcquire(left())) ??
      ((await this.endStalled(on)) ? await this.writing.tryAcquire(1000) : null);
    if (release === null) throw lockTimeout(`the file was in use for ${on.lockTimeoutMs} ms`);
    const session = new SqliteSession(this.writer, this.file, 0);
    try {
      await this.begin(on, left);
      holders.set(this.file, this.holder(on, session, release));
      return await this.inTransaction(on, session, work);
    } finally {
      session.end(over());
      release();
    }
  }

  private async begin(on: Exclusive, left: () => number): Promise<void> {
    const begin = async (): Promise<void> => {
      await this.writer.call({ op: 'enter', mode: 'work' });
      // The write lock of the whole file, at once: one taken later, after a read, could not be waited for.
      await this.writer.call({ op: 'run', sql: 'begin immediate' });
    };
    try {
      await withPatience(left(), begin);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'lock_timeout' || !(await this.endStalled(on)))
        throw error;
      await withPatience(1000, begin);
    }
  }

  private async inTransaction<T>(
    on: Exclusive,
    session: SqliteSession,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const mine = holders.get(this.file);
    try {
      await raiseFence(on, session);
      const result = await work(session);
      await session.checkKeys();
      // Without a write-ahead log a commit waits for those who just read.
      await withPatience(on.lockTimeoutMs, () => session.run('commit'));
      return result;
    } catch (error) {
      // One that a successor ended has no transaction any more: the worker's next one is not its own.
      if (holders.get(this.file) === mine) await this.rollBack();
      throw error;
    } finally {
      if (holders.get(this.file) === mine) holders.delete(this.file);
    }
  }

  private holder(on: Exclusive, session: SqliteSession, release: () => void): Holder {
    return {
      tableId: on.tableId,
      token: on.token,
      quietMs: () => this.writer.quietMs(),
      end: async () => {
        const ended = new DatabaseError('stale_token', 'a later holder of the lease ended this session', {
          retryable: true,
          details: { token: on.token },
        });
        session.end(ended);
        holders.delete(this.file);
        await this.writer.end(ended);
        release();
      },
    };
  }

  /**
   * A session that holds the file for this table with no higher token and has done nothing for as long as we waited
   * belongs to a worker that stalls.
   */
  private async endStalled(on: Exclusive): Promise<boolean> {
    const holder = holders.get(this.file);
    if (
      holder === undefined ||
      holder.tableId !== on.tableId ||
      holder.token > on.token ||
      holder.quietMs() < on.lockTimeoutMs * 0.8
    )
      return false;
    await holder.end();
    return true;
  }

  /** After an error; a worker that died took its transaction along. */
  private async rollBack(): Promise<void> {
    try {
      await this.writer.call({ op: 'run', sql: 'rollback' });
    } catch (error) {
      // "No transaction is active" after an error that rolled back by itself (a full disk), or a fresh worker: nothing
      // is left open.
      if (!(error instanceof DatabaseError)) throw error;
      await this.writer.end(error);
    }
  }

  private refuseClosed(): void {
    if (this.isClosed) throw new DatabaseError('database_unreachable', 'the connection is closed', { retryable: true });
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    const pairs: [Mutex, Thread][] = [
      [this.writing, this.writer],
      [this.reading, this.reader],
    ];
    await Promise.all(
      pairs.map(async ([mutex, thread]) => {
        // Drains; what still stalls then is ended, and rolled back.
        const release = await mutex.tryAcquire(LOOK_MS);
        if (release === null)
          await thread.end(new DatabaseError('database_unreachable', 'the connection was closed', { retryable: true }));
        else await thread.close();
        release?.();
      }),
    );
  }
}

function over(): DatabaseError {
  return new DatabaseError('database_error', 'the session is over');
}
