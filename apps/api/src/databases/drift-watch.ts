import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import {
  CoreClock,
  MOST_OFF_MS,
  sql,
  UniqueViolation,
  VersionConflict,
  type CoreDatabase,
  type Sql,
  type EventStore,
} from '#event-store';
import { canonical, type Drift, type Json } from '#byodb';
import { databaseStreams, listDatabases, type Database, type DatabaseEvent } from '#tables';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE, EVENT_STORE, LOG, type Log } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { DriftQueries } from './drift.queries.js';
import { soon } from './reach.js';

const ALL = 1_000_000;
const STOP_MS = 1000;

/**
 * Compares every database with history from time to time, and records what differs: once, until it differs in another
 * way or not at all.
 */
@Injectable()
export class DriftWatch implements OnModuleInit {
  private timer: NodeJS.Timeout | null = null;
  private working: Promise<void> | null = null;
  private stopped = false;

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly drift: DriftQueries,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly lifecycle: Lifecycle,
  ) {}

  onModuleInit(): void {
    this.lifecycle.onStop('makers', () => this.stop());
    if (this.config.ROLE === 'api') return;
    this.lifecycle.onListening(() => {
      this.start();
    });
  }

  /** Any number of processes may: each database is looked at by one of them in each interval. */
  private start(): void {
    const everySeconds = this.config.DRIFT_CHECK_SECONDS;
    if (everySeconds === 0) return;
    // Looked for often, so that a process that has just started does not wait a whole interval.
    this.timer = setInterval(
      () => {
        this.working ??= this.round()
          .catch((error: unknown) => {
            this.log('drift check failed', { error: String(error) });
          })
          .finally(() => {
            this.working = null;
          });
      },
      Math.min(everySeconds * 1000, 10_000) / 2,
    );
  }

  private async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    // A look that hangs goes with the process.
    if (this.working !== null) await soon(this.working, STOP_MS);
  }

  private async round(): Promise<void> {
    if (this.clock.isOff()) return;
    const lately = new Set(
      (await this.core.query(sql`select database_id from drift_checks where ${this.lately()}`)).map(
        (row) => row['database_id'],
      ),
    );
    for (const { database } of await listDatabases(this.core, { limit: ALL })) {
      if (this.stopped) return;
      if (!lately.has(database.database_id) && (await this.claim(database.database_id))) await this.check(database);
    }
  }

  private async claim(id: string): Promise<boolean> {
    const now = this.clock.now();
    if (
      (await this.core.execute(
        sql`update drift_checks set checked_at = ${now} where database_id = ${id} and not ${this.lately()}`,
      )) === 1
    )
      return true;
    if ((await this.core.query(sql`select 1 as found from drift_checks where database_id = ${id}`)).length > 0)
      return false;
    try {
      await this.core.execute(sql`insert into drift_checks (database_id, checked_at) values (${id}, ${now})`);
      return true;
    } catch (error) {
      if (error instanceof UniqueViolation) return false;
      throw error;
    }
  }

  /** A look in the future was noted by a clock that was ahead: nobody waits for that time. */
  private lately(): Sql {
    const now = this.clock.now();
    return sql`(checked_at > ${now - this.config.DRIFT_CHECK_SECONDS * 1000} and checked_at <= ${now + MOST_OFF_MS})`;
  }

  private async check(database: Database): Promise<void> {
    let drift: Drift[];
    try {
      ({ drift } = await this.drift.of(database.name));
    } catch (error) {
      // Out of reach, or removed meanwhile: that is no drift.
      if (error instanceof ApiError) return;
      throw error;
    }
    // What nobody here made is none of history's business, until it is adopted.
    const own = drift.filter((d) => d.kind !== 'added');
    const digest =
      own.length === 0
        ? null
        : createHash('sha256')
            .update(canonical(own as unknown as Json))
            .digest('hex');
    if (digest === (database.drift?.digest ?? null)) return;
    const event: DatabaseEvent =
      digest === null ? { type: 'DriftEnded' } : { type: 'DriftDetected', digest, drift: own };
    try {
      await this.store.append([databaseStreams.append(database.database_id, database.version, [event])], {
        correlation_id: uuid(),
        causation_id: null,
        actor: 'schemasaga',
      });
      if (digest !== null) this.log('drift found', { database: database.name, tables: own.map((d) => d.table) });
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
    }
  }
}
