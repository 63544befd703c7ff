import { createHash } from 'node:crypto';
import { v7 as uuid } from 'uuid';
import {
  MOST_OFF_MS,
  sql,
  UniqueViolation,
  VersionConflict,
  type CoreClock,
  type CoreDatabase,
  type Sql,
  type EventStore,
} from '#event-store';
import { canonical, type Drift, type Json } from '#byodb';
import { databaseStreams, listDatabases, type Database, type DatabaseEvent } from '#tables';
import { ApiError } from '../http/api-error.js';
import type { DatabasePast } from './past.js';
import { soon } from './reach.js';

const ALL = 1_000_000;
const STOP_MS = 1000;

/**
 * Compares every database with history from time to time, and records what differs: once, until it differs in another
 * way or not at all.
 */
export class DriftWatch {
  private timer: NodeJS.Timeout | null = null;
  private working: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
    private readonly store: EventStore,
    private readonly past: DatabasePast,
    private readonly options: {
      everySeconds: number;
      log: (message: string, details: Record<string, unknown>) => void;
    },
  ) {}

  /** Any number of processes may: each database is looked at by one of them in each interval. */
  start(): void {
    const { everySeconds, log } = this.options;
    if (everySeconds === 0) return;
    // Looked for often, so that a process that has just started does not wait a whole interval.
    this.timer = setInterval(
      () => {
        this.working ??= this.round()
          .catch((error: unknown) => {
            log('drift check failed', { error: String(error) });
          })
          .finally(() => {
            this.working = null;
          });
      },
      Math.min(everySeconds * 1000, 10_000) / 2,
    );
  }

  async stop(): Promise<void> {
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
    return sql`(checked_at > ${now - this.options.everySeconds * 1000} and checked_at <= ${now + MOST_OFF_MS})`;
  }

  private async check(database: Database): Promise<void> {
    let drift: Drift[];
    try {
      ({ drift } = await this.past.drift(database.name));
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
      if (digest !== null)
        this.options.log('drift found', { database: database.name, tables: own.map((d) => d.table) });
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
    }
  }
}
