import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { secretsOf, type ServerAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, Other, ServerInfo } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { Liveness } from '../../liveness.js';
import { claimedId, refuseOthers, type Claimant, type Traces } from '../../ownership.js';
import type { Session } from '../../session.js';
import type { Pool } from './driver/pool.js';
import { answerAt, begin, PooledClient, settleSession } from './driver/pooled-client.js';
import { refuseSharedSession } from './driver/shared-session.js';
import { findTraces, isMissingTable, LOCK_CLAIM, MAKE_LEDGER, noLedger, takeLedger } from './ledger.js';
import { freeLock, isLocked, lockAndReadFence, openExclusively, raiseFence, readFence, tryLock } from './locks.js';
import { PostgresSession } from './session.js';
import { listOthers, listTables } from './tables.js';
import { translate } from './translate.js';

/** How long a look or a claim waits for another's lock. */
const LOOK_LOCK_MS = 5_000;

/** Ends the transaction of a worker that stalled between two statements, and with it its locks. */
const IDLE_MS = 60_000;

/** How long a holder of the table's lock is given to end by itself. */
const PATIENCE_MS = 500;
const POLL_MS = 50;

export class PostgresConnection implements Connection {
  private opening: Promise<Pool> | null = null;
  private readonly secrets: string[];
  private readonly liveness = new Liveness(async () => {
    (await (await this.pool()).acquireRawConnection()).end(() => undefined);
  });
  private closing: Promise<void> | null = null;

  constructor(
    readonly engine: Engine,
    private readonly address: ServerAddress,
  ) {
    this.secrets = secretsOf(address);
  }

  async info(): Promise<ServerInfo> {
    const row = firstRow(await this.look((session) => session.query('show server_version')));
    return { version: String(row['server_version']) };
  }

  async identity(): Promise<string | null> {
    try {
      const [row] = await this.look((session) => session.query('select id from _saga_identity'));
      return row === undefined ? null : String(row['id']);
    } catch (error) {
      if (isMissingTable(error)) return null;
      throw error;
    }
  }

  traces(): Promise<Traces> {
    return this.looking(findTraces);
  }

  async claim(id: string, claimant?: Claimant): Promise<string> {
    const traces = await this.traces();
    const complete = traces.missing.length === 0;
    refuseOthers(traces, claimant);
    const isOwn = claimant === undefined || traces.managed_by?.core_id === claimant.core_id;
    // A user who may not create tables can still use a ledger that is there.
    if (complete && traces.id !== null && isOwn) return traces.id;
    if (!complete || traces.id === null) await this.claiming((pooled) => this.makeLedger(pooled, id, claimant));
    if (claimant === undefined) return claimedId(await this.traces());
    return this.claiming((pooled) => takeLedger(pooled, id, claimant)).catch((error: unknown) => {
      // One that may not be altered goes on as it is: nobody's.
      const isLeft = error instanceof DatabaseError && !error.retryable && error.code !== 'managed_elsewhere';
      if (traces.id === null || traces.managed_by !== null || !isLeft) throw error;
      return traces.id;
    });
  }

  private async makeLedger(pooled: PooledClient, id: string, claimant: Claimant | undefined): Promise<void> {
    await pooled.query(MAKE_LEDGER);
    await pooled.query('insert into _saga_identity (id) values ($1) on conflict do nothing', [id]);
    if (claimant !== undefined) await takeLedger(pooled, id, claimant);
  }

  async release(id: string): Promise<void> {
    await this.claiming(async (pooled) => {
      const there = firstRow(await pooled.query("select to_regclass('_saga_identity') is not null as there"));
      if (there['there'] !== true) return;
      const [row] = await pooled.query('select id from _saga_identity where id = $1', [id]);
      if (row !== undefined) await pooled.query('drop table if exists _saga_ledger, _saga_fences, _saga_identity');
    });
  }

  /** Two processes that make a ledger, or take one away, at once would fail on each other. */
  private async claiming<T>(work: (pooled: PooledClient) => Promise<T>): Promise<T> {
    const start = (pooled: PooledClient): Promise<unknown> => pooled.start(this.begin(false, LOOK_LOCK_MS));
    return this.withClient((pooled) =>
      this.transaction(
        pooled,
        () => start(pooled),
        async () => {
          await pooled.query(LOCK_CLAIM);
          return work(pooled);
        },
      ),
    );
  }

  async tables(): Promise<string[]> {
    return this.look(listTables);
  }

  async others(): Promise<Other[]> {
    return this.look(listOthers);
  }

  look<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.looking(work);
  }

  private async looking<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.withClient((pooled) =>
      this.transaction(
        pooled,
        () => pooled.start(this.begin(true, LOOK_LOCK_MS)),
        () => withSession(pooled, work),
      ),
    );
  }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    return this.withClient((pooled) => {
      const lock = (): Promise<void> =>
        this.lock(pooled, on).catch((error: unknown) => {
          throw noLedger(error);
        });
      return on.outsideTransaction === true
        ? this.outsideTransaction(pooled, lock, () => withSession(pooled, work))
        : this.transaction(pooled, lock, () => withSession(pooled, work));
    });
  }

  close(): Promise<void> {
    return (this.closing ??= this.opening?.then((pool) => pool.destroy()) ?? Promise.resolve());
  }

  /** Loaded when it is needed: Knex and the driver are a good part of a start's time. */
  private pool(): Promise<Pool> {
    return (this.opening ??= import('./driver/pool.js').then(({ openPool }) => openPool(this.address)));
  }

  /** Leaves a transaction open, or a session, that holds the table's lock and whose token is not behind. */
  private async lock(pooled: PooledClient, on: Exclusive): Promise<void> {
    const started = performance.now();
    const opening = await this.open(pooled, on);
    this.refuseStale(on, firstRow(answerAt(opening, -1).rows)['token']);
    let held = isLocked(firstRow(answerAt(opening, -2).rows), on);
    if (held) return;
    const wait = async (ms: number): Promise<void> => {
      while (!held && performance.now() - started < ms) {
        await sleep(POLL_MS);
        held = await tryLock(pooled, on);
      }
    };
    await wait(Math.min(PATIENCE_MS, on.lockTimeoutMs / 2));
    if (!held) {
      // Others may have raised the fence meanwhile: whoever holds the lock then is not ours to end.
      this.refuseStale(on, await readFence(pooled, on));
      await freeLock(pooled, on);
      await wait(Math.max(on.lockTimeoutMs, 2 * POLL_MS));
    }
    if (!held)
      throw new DatabaseError('lock_timeout', 'another worker is changing this table', {
        retryable: true,
        details: { table_id: on.tableId },
      });
    this.refuseStale(on, await readFence(pooled, on));
  }

  private async open(pooled: PooledClient, on: Exclusive): Promise<pg.QueryResult[]> {
    const begin = this.begin(false, on.lockTimeoutMs);
    if (on.outsideTransaction !== true) return pooled.start(openExclusively(on, begin));
    const { schema } = this.address;
    const settle = settleSession({ schema, lockTimeoutMs: on.lockTimeoutMs, idleTimeoutMs: IDLE_MS });
    await pooled.start([raiseFence(on, begin), settle].join('; '));
    // What is sent at once is one transaction, and has the isolation that the session had before.
    return pooled.results(lockAndReadFence(on), undefined, 'begin');
  }

  private refuseStale(on: Exclusive, seen: unknown): void {
    if (BigInt(String(seen)) > BigInt(on.token)) {
      throw new DatabaseError('stale_token', 'another worker has taken over this table', {
        retryable: true,
        details: { table_id: on.tableId, token: on.token, seen: Number(seen) },
      });
    }
  }

  private async transaction<T>(
    pooled: PooledClient,
    start: () => Promise<unknown>,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      await start();
      const result = await work();
      await pooled.commit();
      return result;
    } catch (error) {
      await pooled.rollback();
      throw error;
    }
  }

  /** Each statement commits by itself; lock and settings are the session's, and go with it. */
  private async outsideTransaction<T>(
    pooled: PooledClient,
    start: () => Promise<void>,
    work: () => Promise<T>,
  ): Promise<T> {
    await refuseSharedSession(pooled, () => this.connectBeside());
    try {
      await start();
      return await work();
    } finally {
      await pooled.discard();
    }
  }

  /** A connection that the pool does not count: all of its own may be waiting for one. */
  private async connectBeside(): Promise<PooledClient> {
    try {
      return new PooledClient(await (await this.pool()).acquireRawConnection(), this.secrets);
    } catch (error) {
      throw translate(error, 'connecting', this.secrets);
    }
  }

  private begin(readOnly: boolean, lockTimeoutMs: number): string {
    return begin({ schema: this.address.schema, readOnly, lockTimeoutMs, idleTimeoutMs: IDLE_MS });
  }

  private async withClient<T>(work: (pooled: PooledClient) => Promise<T>): Promise<T> {
    if (this.closing !== null)
      throw new DatabaseError('database_unreachable', 'the connection is closed', { retryable: true });
    const pool = await this.pool();
    let client: pg.Client & { __knex__disposed?: unknown };
    try {
      client = await pool.acquireConnection();
    } catch (error) {
      throw translate(error, 'connecting', this.secrets);
    }
    const pooled = new PooledClient(client, this.secrets);
    try {
      return await this.liveness.watch(
        () => work(pooled),
        () => {
          pooled.broken = true;
          socketOf(client).destroy();
        },
      );
    } finally {
      if (pooled.broken) {
        // Knex throws it away then instead of giving it out again, but not before it needs one
        client.__knex__disposed = 'broken';
        client.end(() => undefined);
      }
      await pool.releaseConnection(client);
    }
  }
}

/** A goodbye would wait for what is never answered. */
function socketOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

async function withSession<T>(pooled: PooledClient, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = new PostgresSession(pooled);
  try {
    return await work(session);
  } finally {
    session.end();
  }
}
