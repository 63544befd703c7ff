import { onlyRow, sql, textOrNull } from './core-database.js';
import type { CoreDatabase, Tx } from './core-database.js';
import { breathe } from './core/handle.js';
import { CoreUnavailable, UniqueViolation } from './errors.js';
import { nameEvent } from './event-row.js';
import type { EventStore, StoredEvent } from './event-store.js';

export interface SubscriptionOptions {
  /** Names the checkpoint: processes that subscribe under one name share the work, and each event is handled once. */
  name: string;
  /** Position after which a new subscription begins; 0, the beginning, when absent. */
  from?: number;
  batchSize: number;
  /** Milliseconds between looks for what other processes appended. */
  pollMs: number;
  /**
   * Milliseconds for which it waits for more after an append, so that many small ones become one batch; 0 when absent.
   */
  gatherMs?: number;
  /**
   * Called with events in global order; its writes through `tx` are committed together with the checkpoint, or not at
   * all.
   */
  handler(tx: Tx, events: StoredEvent[]): Promise<void>;
  /** Hears of every failure: the handler's (which is also recorded) and the core database's. */
  onError?(error: unknown): void;
}

export interface Subscription {
  /** Somebody waits for it: it looks at once. A pause after a failure is not cut short. */
  hurry(): void;
  /** Resolves when the batch under way is over; nothing is handled afterwards. */
  stop(): Promise<void>;
}

export interface Checkpoint {
  name: string;
  position: number;
  /** How often the handler has failed in a row at the event after `position`. */
  failures: number;
  /** What it failed with, and at which event once that is known. */
  error: string | null;
  /** ISO 8601. */
  failed_at: string | null;
}

const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** An outage is nobody's poison event: once it is over, nobody is to wait long. */
const outagePauseMs = 1000;

/**
 * Handles every event once, in order, for as long as it runs. A handler that throws stops this subscription alone, at
 * the event it cannot handle: the error is recorded with the checkpoint, and it is tried again with growing pauses.
 */
export function subscribe(store: EventStore, core: CoreDatabase, options: SubscriptionOptions): Subscription {
  const { name, batchSize, pollMs, gatherMs = 0, handler, onError } = options;
  let stopped = false;
  /** Something was appended since the last look: without it an append during a look would wait for the next poll. */
  let appended = false;
  let hurried = false;
  let wake = (): void => undefined;
  const forget = store.onAppended(() => {
    appended = true;
    wake();
  });

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopped) {
      // SQLite answers at once: catching up on a long log would starve every timer and answer of this process.
      await breathe();
      appended = hurried = false;
      let handled: boolean;
      try {
        // After a failure one by one, so that it comes to stand exactly at the event that fails.
        handled = await handleNext(failures === 0 ? batchSize : 1);
        failures = 0;
      } catch (error) {
        failures++;
        onError?.(error);
        // Appends must not cut it short, else a failing handler is called at the rate of the appends.
        await pause(
          Math.min(firstPauseMs * 2 ** failures, error instanceof CoreUnavailable ? outagePauseMs : longestPauseMs) *
            (0.5 + Math.random() / 2),
          () => false,
        );
        continue;
      }
      if (handled) continue;
      await pause(pollMs, () => appended || hurried);
      if (appended && gatherMs > 0) await pause(gatherMs, () => hurried);
    }
  }

  /** Returns whether there was anything after the checkpoint. Errors: the handler's, CoreUnavailable. */
  async function handleNext(limit: number): Promise<boolean> {
    const position = await checkpointPosition(core, name, options.from ?? 0);
    const { events } = await store.pageOfAll(position, limit);
    const last = events.at(-1);
    if (last === undefined) return false;
    try {
      await core.transaction(async (tx) => {
        // First, so that a second process waits here; it then finds the checkpoint moved and leaves the events alone.
        const moved = await tx.execute(
          sql`update checkpoints set position = ${last.position}, failures = 0, error = null, failed_at = null
            where name = ${name} and position = ${position}`,
        );
        if (moved === 1) await handler(tx, events);
      });
    } catch (error) {
      if (!(error instanceof CoreUnavailable)) await recordFailure(position, events, error);
      throw error;
    }
    return true;
  }

  async function recordFailure(position: number, events: StoredEvent[], error: unknown): Promise<void> {
    const [only] = events.length === 1 ? events : [];
    const about = only === undefined ? '' : `${nameEvent(only)}: `;
    // Shown to callers, so without a stack. PostgreSQL refuses NUL in a text, and the record of the failure must not
    // fail itself.
    const text = `${about}${String(error)}`.replaceAll('\0', '').slice(0, 4000);
    await core.execute(
      sql`update checkpoints set failures = failures + 1, error = ${text}, failed_at = ${new Date().toISOString()}
        where name = ${name} and position = ${position}`,
    );
  }

  function pause(ms: number, enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      if (stopped || enough()) return resolve();
      const timer = setTimeout(resolve, ms);
      wake = (): void => {
        if (!stopped && !enough()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  const running = run();
  return {
    hurry() {
      hurried = true;
      wake();
    },
    stop() {
      stopped = true;
      forget();
      wake();
      return running;
    },
  };
}

/** All checkpoints by name: what a health check or a dashboard shows. */
export async function readCheckpoints(core: CoreDatabase): Promise<Checkpoint[]> {
  return (await core.query(sql`select name, position, failures, error, failed_at from checkpoints order by name`)).map(
    (row) => ({
      name: String(row.name),
      position: Number(row.position),
      failures: Number(row.failures),
      error: textOrNull(row.error),
      failed_at: textOrNull(row.failed_at),
    }),
  );
}

/** Made when it is not there yet. */
export async function checkpointPosition(core: CoreDatabase, name: string, from: number): Promise<number> {
  const read = sql`select position from checkpoints where name = ${name}`;
  const [row] = await core.query(read);
  if (row !== undefined) return Number(row.position);
  try {
    await core.execute(sql`insert into checkpoints (name, position) values (${name}, ${from})`);
  } catch (error) {
    // Another process was quicker.
    if (!(error instanceof UniqueViolation)) throw error;
  }
  return Number(onlyRow(await core.query(read)).position);
}
