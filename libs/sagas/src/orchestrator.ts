import {
  CoreUnavailable,
  VersionConflict,
  type CoreClock,
  type CoreDatabase,
  type EventStore,
  type Metadata,
} from '#event-store';
import { v7 as uuid } from 'uuid';
import { decide } from './decide.js';
import type { SagaDefinition } from './definition.js';
import type { Resolution, SagaEvent } from './events.js';
import { Leases } from './lease.js';
import { decideAbort, decideResolve, decideRetry, notResolvable, unresolved } from './operator.js';
import { Places } from './places.js';
import { InProcessQueue } from './queue/in-process.js';
import type { SagaQueue } from './queue/queue.js';
import { loadSaga, openSagas } from './read-model.js';
import { runSaga } from './run-saga.js';
import type { ChangeStep, Saga } from './saga.js';
import { appendToSaga, sagasAtRest } from './saga-stream.js';

export interface OrchestratorOptions {
  store: EventStore;
  core: CoreDatabase;
  clock: CoreClock;
  queue: SagaQueue;
  definition: SagaDefinition;
  log: (message: string, details: Record<string, unknown>) => void;
  /** How long a dead worker's lease lasts, milliseconds. */
  leaseMs?: number;
  /** How often the reconciler looks for sagas that nobody runs, milliseconds. */
  sweepMs?: number;
  /** How many sagas without a job this process takes up at once by itself. */
  concurrency?: number;
  /** How many sagas this process has under way at once on one target. */
  perTarget?: number;
}

/** A saga that nobody holds has no effect under way. */
const NOTHING_RUNS: ReadonlySet<string> = new Set();

/** Starts sagas, resumes abandoned ones, and handles retry, abort and resolve. */
export class Orchestrator {
  private readonly leaseMs: number;
  private readonly leases: Leases;
  /** Sagas found by the reconciler run here and not through the queue: it may be the queue that is away. */
  private readonly found: InProcessQueue;
  private readonly places: Places;
  /** Runs under way, those included that wait for a database and take up no place of the queue. */
  private readonly going = new Map<string, Promise<void>>();
  /** Woken while they run: what woke them may have come too late for this run. */
  private readonly again = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;
  private sweeping: Promise<void> | null = null;
  private untell = (): void => undefined;

  constructor(private readonly options: OrchestratorOptions) {
    this.found = new InProcessQueue(options.concurrency ?? 8);
    this.places = new Places(options.perTarget ?? 4, (sagaId) => {
      void this.found.wake(sagaId);
    });
    this.leaseMs = options.leaseMs ?? 900;
    this.leases = new Leases(options.core, uuid(), this.leaseMs, (error) =>
      options.log('heartbeat failed', { error: String(error) }),
    );
  }

  /** Starts taking sagas, unfinished ones first. */
  start(): void {
    this.options.queue.start((sagaId) => this.run(sagaId));
    this.found.start((sagaId) => this.run(sagaId));
    const sweep = (): void => {
      this.sweeping ??= this.sweep()
        .catch((error: unknown) => this.options.log('sweep failed', { error: String(error) }))
        .finally(() => {
          this.sweeping = null;
        });
    };
    this.untell = this.options.store.onAppended((events) => {
      for (const sagaId of sagasAtRest(events)) this.options.queue.tell(sagaId);
    });
    sweep();
    this.timer = setInterval(sweep, this.options.sweepMs ?? 250);
  }

  /** A wake that is not heard is no failure of what was asked: the reconciler finds the saga. */
  async wake(sagaId: string, delayMs = 0): Promise<void> {
    try {
      await this.options.queue.wake(sagaId, delayMs);
    } catch (error) {
      this.options.log('wake failed: left to the reconciler', { saga_id: sagaId, error: String(error) });
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    await this.sweeping;
    await Promise.all([this.found.stop(), this.options.queue.stop(), ...this.going.values()]);
    this.untell();
  }

  /** A stuck saga goes on from where it is. Errors: NotRetryable, VersionConflict. */
  async retry(sagaId: string, reason: string, metadata: Metadata): Promise<Saga> {
    return this.tell(sagaId, metadata, (saga) => decideRetry(saga, reason));
  }

  /** Errors: NotRetryable, VersionConflict. */
  async abort(sagaId: string, reason: string, metadata: Metadata): Promise<Saga> {
    return this.tell(sagaId, metadata, (saga) => decideAbort(saga, reason));
  }

  /**
   * Takes an operator's word for a step that cannot go on by itself, after a look at the database where one can be had.
   * Errors: NotRetryable, VersionConflict.
   */
  async resolve(sagaId: string, stepId: string, as: Resolution, reason: string, metadata: Metadata): Promise<Saga> {
    const { clock } = this.options;
    const claim = { step_id: stepId, as };
    const saga = await this.load(sagaId);
    const step = unresolved(saga, claim, clock.now());
    const fingerprint = as === 'skipped' ? null : await this.look(saga, step, as);
    return this.tell(sagaId, metadata, (now) => decideResolve(now, claim, reason, fingerprint, clock.now()));
  }

  private async look(saga: Saga, step: ChangeStep, as: 'applied' | 'restored'): Promise<string | null> {
    try {
      return await this.options.definition.look(saga, step, as);
    } catch (error) {
      if (error instanceof CoreUnavailable) throw error;
      throw notResolvable(`the step is not ${as}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async tell(sagaId: string, metadata: Metadata, decideOn: (saga: Saga) => SagaEvent): Promise<Saga> {
    for (let attempt = 0; ; attempt++) {
      const saga = await this.load(sagaId);
      const event = decideOn(saga);
      try {
        await this.options.store.append([appendToSaga(saga, [event])], metadata);
        await this.wake(sagaId);
        return await this.load(sagaId);
      } catch (error) {
        if (!(error instanceof VersionConflict) || attempt === 20) throw error;
      }
    }
  }

  private async load(sagaId: string): Promise<Saga> {
    const saga = await loadSaga(this.options.core, sagaId);
    if (saga === null) throw new Error(`there is no saga ${sagaId}`);
    return saga;
  }

  /** Resolves when the run is over, or does nothing but wait: then another one may have its place. */
  private async run(sagaId: string): Promise<void> {
    // What it is woken for the reconciler finds when its clock is right again, or another process's does now.
    if (this.stopped || this.options.clock.isOff()) return;
    if (this.going.has(sagaId)) {
      this.again.add(sagaId);
      return;
    }
    let waits = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      waits = resolve;
    });
    const going = this.go(sagaId, waits).finally(() => {
      this.going.delete(sagaId);
      if (this.again.delete(sagaId) && !this.stopped) void this.found.wake(sagaId);
    });
    this.going.set(sagaId, going);
    await Promise.race([going, waiting]);
  }

  private async go(sagaId: string, waits: () => void): Promise<void> {
    try {
      let left = true;
      const enter = (id: string, targets: string[]): (() => void) | null => {
        const leave = this.places.enter(id, targets);
        left = leave !== null;
        return leave;
      };
      const { again, next } = await runSaga(
        { ...this.options, leases: this.leases, draining: () => this.stopped, enter, waits },
        sagaId,
      );
      // It ended, it is not its turn, or it is to be woken at its time.
      if (left) this.places.forget(sagaId);
      // Not waited for: a queue that is away must not keep this run's place.
      if (again !== null) void this.wake(sagaId, Math.max(1, again - this.options.clock.now()));
      if (next !== null) void this.wake(next);
    } catch (error) {
      // The saga is as it was recorded; the reconciler hands it out again.
      this.options.log('saga run failed', {
        saga_id: sagaId,
        error: error instanceof Error ? error.stack : String(error),
      });
    }
  }

  /** The reconciler: finds sagas without a job (lost with Redis, with a process, with a wake that failed). */
  private async sweep(): Promise<void> {
    const { clock } = this.options;
    await clock.measure();
    if (clock.isOff()) return;
    const now = clock.now();
    for (const saga of await openSagas(this.options.core, this.leaseMs)) {
      // It is woken as soon as there is a place for it. To end it needs none.
      if (this.places.isWaiting(saga.saga_id) && saga.abort === null && now < Date.parse(saga.deadline_at)) continue;
      // Nothing to do or to record: it waits for a step's time, or for a person.
      const { events, effects, end } = decide(saga, now, NOTHING_RUNS, 0);
      if (events.length > 0 || effects.length > 0 || end !== null) await this.found.wake(saga.saga_id);
    }
  }
}
