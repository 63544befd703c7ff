import { secretsOf, type ServerAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, Other, ServerInfo } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { Liveness } from '../../liveness.js';
import { claimedId, LEDGER_TABLES, refuseOthers, type Claimant, type Traces } from '../../ownership.js';
import type { Session } from '../../session.js';
import type { Pool } from './driver/pool.js';
import type { RawDriver } from './driver/raw-driver.js';
import { findTraces, LEDGER, noLedger, takeLedger } from './ledger.js';
import { Locks } from './locks.js';
import { MysqlSession } from './session.js';
import { listOthers, listTables } from './tables.js';
import { translate } from './translate.js';

/** How long a look or a claim waits for another's lock. */
const LOOK_LOCK_MS = 5000;

export class MysqlConnection implements Connection {
  private opening: Promise<Pool> | null = null;
  private readonly secrets: string[];
  private readonly liveness = new Liveness(async () => {
    (await (await this.pool()).acquireRawConnection()).destroy();
  });
  /** The lock timeout that each session has now, in seconds. */
  private readonly waits = new WeakMap<RawDriver, number>();
  private closing: Promise<void> | null = null;

  constructor(
    readonly engine: Engine,
    private readonly address: ServerAddress,
  ) {
    this.secrets = secretsOf(address);
  }

  async info(): Promise<ServerInfo> {
    return this.on(async (session) => ({
      version: String(firstRow(await session.query('select version() as v'))['v']),
    }));
  }

  async identity(): Promise<string | null> {
    return (await this.traces()).id;
  }

  async traces(): Promise<Traces> {
    return this.on(async (session) => (await findTraces(session)).traces);
  }

  async claim(id: string, claimant?: Claimant): Promise<string> {
    return this.on(async (session) => {
      const { tables, traces } = await findTraces(session);
      refuseOthers(traces, claimant);
      // A user who may not create tables can still use a ledger that is there.
      for (const name of LEDGER_TABLES) if (!tables.includes(name)) await session.run(LEDGER[name]);
      if (traces.id === null)
        await session.query('insert ignore into `_saga_identity` (one, database_id) values (1, ?)', [id]);
      if (claimant !== undefined && traces.managed_by?.core_id !== claimant.core_id) {
        await takeLedger(session, id, claimant).catch((error: unknown) => {
          // One that may not be altered goes on as it is: nobody's.
          if (traces.id === null || traces.managed_by !== null || !(error instanceof DatabaseError) || error.retryable)
            throw error;
        });
      }
      const { traces: now } = await findTraces(session);
      refuseOthers(now, claimant);
      return claimedId(now);
    });
  }

  async release(id: string): Promise<void> {
    await this.on(async (session) => {
      const { tables, traces } = await findTraces(session);
      const own = LEDGER_TABLES.filter((name) => tables.includes(name));
      if (traces.id === id) await session.run(`drop table if exists ${own.map((name) => `\`${name}\``).join(', ')}`);
    });
  }

  async others(): Promise<Other[]> {
    return this.on(listOthers);
  }

  async tables(): Promise<string[]> {
    return this.on(listTables);
  }

  async look<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.on(work);
  }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    return this.on(async (session) => {
      const locks = new Locks(session, this.address.database, on);
      let result: T;
      try {
        await locks.take().catch((error: unknown) => {
          throw noLedger(error);
        });
        result = await work(session);
      } catch (error) {
        await this.free(session, locks); // what failed first is the news
        throw error;
      }
      if (!(await this.free(session, locks)))
        throw new DatabaseError('database_unreachable', 'the lock on this table was lost while working', {
          retryable: true,
          outcome: 'unknown',
        });
      return result;
    }, on.lockTimeoutMs);
  }

  close(): Promise<void> {
    return (this.closing ??= this.opening?.then((pool) => pool.destroy()) ?? Promise.resolve());
  }

  /** Loaded when it is needed: Knex and the driver are a good part of a start's time. */
  private pool(): Promise<Pool> {
    return (this.opening ??= import('./driver/pool.js').then(({ openPool }) => openPool(this.address)));
  }

  /** A session that did not give its locks back is thrown away, and they go with it. False: it had lost them before. */
  private async free(session: MysqlSession, locks: Locks): Promise<boolean> {
    if (session.broken) return true;
    try {
      const whole = await locks.free();
      session.broken ||= !whole;
      return whole;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      session.broken = true;
      return true;
    }
  }

  private async on<T>(work: (session: MysqlSession) => Promise<T>, lockTimeoutMs = LOOK_LOCK_MS): Promise<T> {
    if (this.closing !== null)
      throw new DatabaseError('database_unreachable', 'the connection is closed', { retryable: true });
    const pool = await this.pool();
    let raw: RawDriver;
    try {
      raw = await pool.acquireConnection();
    } catch (error) {
      throw translate(error, this.secrets, false);
    }
    const session = new MysqlSession(raw.promise(), this.secrets);
    try {
      return await this.liveness.watch(
        async () => {
          await this.setTimeouts(session, raw, lockTimeoutMs);
          return work(session);
        },
        () => {
          session.broken = true;
          // With an error: the driver tells of it to whoever waits for a statement, and of a mere goodbye to nobody.
          raw.stream.destroy(new Error('the server does not answer any more'));
        },
      );
    } finally {
      await session.thaw().catch(() => {
        session.broken = true;
      });
      if (session.broken) {
        // Knex throws it away then instead of giving it out again, but not before it needs one
        raw.__knex__disposed = 'broken';
        raw.destroy();
      }
      await pool.releaseConnection(raw);
    }
  }

  /** Whole seconds, rounded up: the server knows no other. */
  private async setTimeouts(session: MysqlSession, raw: RawDriver, ms: number): Promise<void> {
    const seconds = Math.max(1, Math.ceil(ms / 1000));
    if (this.waits.get(raw) === seconds) return;
    this.waits.delete(raw);
    await session.query(`set session lock_wait_timeout = ${seconds}, innodb_lock_wait_timeout = ${seconds}`);
    this.waits.set(raw, seconds);
  }
}
