/**
 * The stages of a stop. Each one is over before the next one begins, and each needs those that come after it:
 *
 * 1. `callers`: who waits for a saga's end is told how far it is. HTTP would wait for them otherwise, up to a minute.
 * 2. `streams`: live streams never end by themselves, and HTTP would never close.
 * 3. `http`: from here on nobody asks for anything. Before this, what is asked must still be answered.
 * 4. `makers`: what makes work by itself, such as the purger. The orchestrator would be handed sagas while it stops.
 * 5. `sagas`: steps under way finish. They need their databases, and record what they did in the log.
 * 6. `rebuilds`: a rebuild of a read model takes its follower's place, and gives it back.
 * 7. `followers`: read models behind the log, and the sealer.
 * 8. `clock`: everybody above reads it.
 * 9. `databases`: customers' databases. Nobody sends a statement any more.
 * 10. `core`: the last one, since all of the above reads and writes there.
 */
const STAGES = [
  'callers',
  'streams',
  'http',
  'makers',
  'sagas',
  'rebuilds',
  'followers',
  'clock',
  'databases',
  'core',
] as const;
type Stage = (typeof STAGES)[number];

type Stop = () => Promise<void> | void;

/**
 * What has been started, and how it stops. Whoever starts something says here how it is stopped, at once: a start that
 * fails half-way then stops what there is.
 *
 * Nest's own hooks for a shutdown cannot do this. Nest calls none of them when a provider could not be made, and their
 * order follows from which module imports which, so that a new import could change it.
 */
export class Lifecycle {
  private readonly stops = new Map<Stage, Stop[]>();
  private readonly starts: (() => void)[] = [];
  private stopping: Promise<void> | null = null;

  /** `start` is called once the service listens: one whose port is taken must not take another one's work. */
  onListening(start: () => void): void {
    this.starts.push(start);
  }

  onStop(stage: Stage, stop: Stop): void {
    if (this.stopping === null) {
      this.stops.set(stage, [...(this.stops.get(stage) ?? []), stop]);
      return;
    }
    // Made while the rest of a failed start stops already: nobody else would stop it.
    Promise.resolve()
      .then(stop)
      .catch(() => undefined);
  }

  listening(): void {
    for (const start of this.starts) start();
  }

  /** Stops everything, also when a part of it fails. Errors: the first of them. */
  async stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const stage of STAGES) {
      const stops = this.stops.get(stage) ?? [];
      const ends = await Promise.allSettled(stops.map(async (stop) => stop()));
      failures.push(...ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason));
    }
    if (failures.length > 0) throw failures[0];
  }
}
