import { sql } from './core-database.js';
import type { CoreDatabase } from './core-database.js';
import { sleep } from './core/handle.js';
import type { EventStore } from './event-store.js';
import type { ReadModel } from './rebuild.js';
import { subscribe, type Subscription } from './subscription.js';

const batchSize = 200;
/**
 * Nobody is kept waiting by these: who waits for a model hurries it. On SQLite its commits stand in line with
 * everybody's.
 */
const pollMs = 1000;
const gatherMs = 250;
/** How often somebody who waits looks: what another process has handled is told to nobody here. */
const lookMs = 10;

/**
 * Keeps read models behind the log: a model's rows and its checkpoint are committed together. One that meets an event
 * it cannot take is parked before it, alone, with its error in the checkpoint. Any number of processes may keep the
 * same
 * ones: each event is handled by one of them.
 */
export class Followers {
  private readonly running = new Map<string, Subscription>();

  constructor(
    private readonly core: CoreDatabase,
    private readonly store: EventStore,
    private readonly models: readonly ReadModel[],
    private readonly onError?: (name: string, error: unknown) => void,
  ) {}

  start(): void {
    for (const { projection } of this.models) {
      const { name } = projection;
      this.running.set(
        name,
        subscribe(this.store, this.core, {
          name,
          batchSize,
          pollMs,
          gatherMs,
          handler: (tx, events) => projection.apply(tx, events),
          onError: (error) => this.onError?.(name, error),
        }),
      );
    }
  }

  /** Resolves when the batches under way are over. */
  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((subscription) => subscription.stop()));
  }

  /**
   * Whether the model has come to this position, now or within `ms`. A parked one is not waited for. Errors:
   * CoreUnavailable.
   */
  async reached(name: string, position: number, ms: number): Promise<boolean> {
    for (const until = performance.now() + ms; ;) {
      const [row] = await this.core.query(sql`select position, failures from checkpoints where name = ${name}`);
      if (Number(row?.['position'] ?? 0) >= position) return true;
      if (Number(row?.['failures'] ?? 0) > 0 || performance.now() >= until) return false;
      this.running.get(name)?.hurry();
      await sleep(lookMs);
    }
  }
}
