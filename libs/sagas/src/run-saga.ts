import {
  CoreUnavailable,
  VersionConflict,
  type Append,
  type CoreClock,
  type CoreDatabase,
  type EventStore,
} from '#event-store';
import { decide, LONGEST_DELAY_MS, type Decision, type Effect } from './decide.js';
import { isFailure, type SagaDefinition } from './definition.js';
import { sagaStream, type SagaEvent, type StepError } from './events.js';
import { LeaseLost, type Leases } from './lease.js';
import { nextOf, recorded } from './read-model.js';
import { appendToSaga } from './request.js';
import { evolve, isEnded, type Saga } from './saga.js';

/**
 * Back-off of a delayed step: doubled from the first to the longest, then jittered between half and whole.
 * Milliseconds.
 */
const FIRST_DELAY_MS = 100;
/** A run that has waited so long for a database does not take up a place of the process any more. */
const WAITS_MS = 250;
/** A look that began late is given so long even beyond the deadline. */
const LOOK_MS = 2_000;
/**
 * What stands in a customer's database may be anything: a counter that followed it to the end of its numbers would have
 * none left.
 */
const HIGHEST_TOKEN = Number.MAX_SAFE_INTEGER / 2;
/** A wait shorter than this is slept through; a longer one gives the worker back and asks to be woken. */
const SLEEP_MS = 1_000;

export interface RunnerPorts {
  store: EventStore;
  core: CoreDatabase;
  clock: CoreClock;
  leases: Leases;
  definition: SagaDefinition;
  log: (message: string, details: Record<string, unknown>) => void;
  /** Stops new steps from starting; those under way are let finish. */
  draining: () => boolean;
  /** A place on each of these targets, given back by what is returned; null: there is none now. */
  enter?: (sagaId: string, targets: string[]) => (() => void) | null;
  /** Called as soon as the run does nothing but wait. */
  waits?: () => void;
}

/** What the queue is to do next: wake this saga at that time, or wake the subject's next one. */
export interface RunResult {
  again: number | null;
  next: string | null;
}

/** Runs one saga as far as it can go now. Doing nothing is fine: not its turn, held by another worker, ended. */
export async function runSaga(ports: RunnerPorts, sagaId: string): Promise<RunResult> {
  const first = await load(ports.store, sagaId);
  if (first === null || isEnded(first))
    return { again: null, next: first === null ? null : await nextOf(ports.core, first.subject_id) };
  if ((await nextOf(ports.core, first.subject_id)) !== sagaId) return { again: null, next: null };
  const place = new Place(ports, first);
  if (!place.enter()) return { again: null, next: null };
  try {
    return await runHeld(ports, first, place);
  } finally {
    place.leave();
  }
}

/**
 * What a run takes up on its databases. One that is to be ended now, by its deadline or by a person, needs none of
 * them.
 */
class Place {
  private given: (() => void) | null = null;

  constructor(
    private readonly ports: RunnerPorts,
    private readonly saga: Saga,
  ) {}

  /** False: it is woken when there may be one. */
  enter(): boolean {
    const { saga_id, steps, abort, deadline_at } = this.saga;
    if (this.ports.enter === undefined || abort !== null || this.ports.clock.now() >= Date.parse(deadline_at))
      return true;
    this.given ??= this.ports.enter(saga_id, [...new Set(steps.map((step) => step.target.id))]);
    return this.given !== null;
  }

  leave(): void {
    this.given?.();
    this.given = null;
  }
}

async function runHeld(ports: RunnerPorts, first: Saga, place: Place): Promise<RunResult> {
  const sagaId = first.saga_id;
  const token = await ports.leases.acquire(first.subject_id);
  if (token === null) return { again: null, next: null };
  try {
    // Read again: another worker may have gone on until it gave the lease up.
    const saga = await load(ports.store, sagaId);
    return await new Run(ports, saga!, token, place).toEnd();
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    ports.log('lease lost: another worker goes on', { saga_id: sagaId });
    return { again: null, next: null };
  } finally {
    await ports.leases.release(first.subject_id);
  }
}

async function load(store: EventStore, sagaId: string): Promise<Saga | null> {
  const events = await store.readStream(sagaStream(sagaId));
  return events.reduce<Saga | null>((saga, event) => evolve(saga, recorded(event)), null);
}

class Run {
  private readonly busy = new Map<string, Promise<SagaEvent>>();
  /** Of the busy ones those that only look, and when each began. Nothing is undone by leaving them. */
  private readonly looking = new Map<string, number>();
  /** A higher token than this run's was met: a run with another one goes on. */
  private outdated = false;

  constructor(
    private readonly ports: RunnerPorts,
    private saga: Saga,
    private readonly token: number,
    private readonly place: Place,
  ) {}

  async toEnd(): Promise<RunResult> {
    try {
      return await this.loop();
    } finally {
      // Never leave an effect running behind a lease that is given back. A look is none, and may be one that never
      // ends.
      await Promise.allSettled([...this.busy].filter(([id]) => !this.looking.has(id)).map(([, work]) => work));
    }
  }

  private async loop(): Promise<RunResult> {
    if (this.saga.status === 'pending') {
      const turn = await this.takeTurn();
      // The reconciler asks again soon: waking ourselves as well would make more and more jobs of it.
      if (turn === 'wait') return { again: null, next: null };
      if (turn === 'over') return this.over();
    }
    for (;;) {
      if (isEnded(this.saga)) return this.over();
      this.leaveLost();
      const decision = this.decide();
      if (decision.events.length > 0) await this.record(decision.events);
      else if (decision.end !== null) await this.end(decision.end);
      else {
        if (!this.isLeaving()) decision.effects.forEach((effect) => this.start(effect));
        if (this.isLeaving() && this.busy.size === this.looking.size) return { again: null, next: null };
        if (this.busy.size > 0) {
          const done = await this.nextOutcome(this.isLeaving() ? null : decision.wakeAt);
          if (done !== null) await this.record([done]);
          else await this.giveUpLooks();
        } else if (decision.wakeAt === null || this.isLeaving()) return { again: null, next: null };
        else if (decision.wakeAt - this.now() > SLEEP_MS) return { again: decision.wakeAt, next: null };
        else {
          this.ports.waits?.();
          this.place.leave();
          await new Promise((resolve) => setTimeout(resolve, Math.max(1, decision.wakeAt! - this.now())));
          if (!this.place.enter()) return { again: null, next: null };
        }
      }
    }
  }

  /**
   * Null: a delayed step is due before any other has ended; one database's long statement must not use up another's
   * time.
   */
  private async nextOutcome(wakeAt: number | null): Promise<SagaEvent | null> {
    let timer: NodeJS.Timeout | undefined;
    const waits = setTimeout(() => this.ports.waits?.(), WAITS_MS);
    const at = Math.min(
      wakeAt ?? Infinity,
      ...[...this.looking.values()].map((began) => this.lookUntil(began)),
      this.isLeaving() ? Infinity : this.now() + LOOK_MS,
    );
    const due =
      at === Infinity
        ? []
        : [
            new Promise<null>((resolve) => {
              timer = setTimeout(
                () => {
                  resolve(null);
                },
                Math.max(1, at - this.now()),
              );
            }),
          ];
    try {
      return await Promise.race([...this.busy.values(), ...due]);
    } finally {
      clearTimeout(timer);
      clearTimeout(waits);
    }
  }

  private lookUntil(began: number): number {
    return Math.max(Date.parse(this.saga.deadline_at), began + LOOK_MS);
  }

  /** Looks that the deadline came upon: the database has not answered, and may never do. */
  private async giveUpLooks(): Promise<void> {
    const late = [...this.looking]
      .filter(([, began]) => this.now() >= this.lookUntil(began))
      .map(([id]) => this.saga.steps.find((step) => step.step_id === id)!);
    if (late.length === 0) return this.refresh();
    await this.record(
      late.map((step) => ({
        type: 'StepFailed',
        step_id: step.step_id,
        way: 'prepare',
        error: {
          code: 'deadline_exceeded',
          message: `gave up at the deadline: ${step.target.name} had not answered`,
          database: step.target.name,
          step_id: step.step_id,
        },
      })),
    );
  }

  /** What a person asked meanwhile must not wait for a database that does not answer. */
  private async refresh(): Promise<void> {
    const now = await load(this.ports.store, this.saga.saga_id);
    if (now !== null && now.version > this.saga.version) this.saga = now;
  }

  /** An effect on a database that was given up for lost is waited for no longer. */
  private leaveLost(): void {
    for (const { step_id } of this.saga.steps.filter((step) => step.lost === true)) this.busy.delete(step_id);
  }

  private isLeaving(): boolean {
    return this.outdated || this.ports.draining();
  }

  private now(): number {
    return this.ports.clock.now();
  }

  private decide(): Decision {
    return decide(this.saga, this.now(), new Set(this.busy.keys()), this.token);
  }

  private async over(): Promise<RunResult> {
    return { again: null, next: await nextOf(this.ports.core, this.saga.subject_id) };
  }

  /** Judged again when the turn has come: what no longer makes sense ends rejected, what alters nothing completes. */
  private async takeTurn(): Promise<'go' | 'wait' | 'over'> {
    if (this.saga.abort !== null) return 'go';
    const judged = await this.ports.definition.judge(this.saga);
    if (judged.verdict === 'go' || judged.verdict === 'wait') return judged.verdict;
    await this.end(judged.verdict === 'refuse' ? { as: 'rejected', error: judged.error } : { as: 'completed' });
    return 'over';
  }

  private start({ way, step }: Effect): void {
    const { definition, log } = this.ports;
    const [began, since] = [this.now(), performance.now()];
    const work = async (): Promise<SagaEvent> => {
      const took = (): number => Math.round(performance.now() - since);
      if (way === 'prepare')
        return {
          type: 'StepPrepared',
          step_id: step.step_id,
          ...(await definition.prepare(this.saga, step)),
          duration_ms: took(),
        };
      if (way === 'apply')
        return {
          type: 'StepApplied',
          step_id: step.step_id,
          ...(await definition.apply(this.saga, step, this.token)),
          duration_ms: took(),
        };
      if (way === 'finalize')
        return {
          type: 'StepApplied',
          step_id: step.step_id,
          ...(await definition.finalize(this.saga, step, this.token)),
          duration_ms: took(),
        };
      const done = await definition.compensate(this.saga, step, this.token);
      return {
        type: 'StepCompensated',
        step_id: step.step_id,
        fingerprint_after: done.fingerprint_after,
        statements: done.statements,
        duration_ms: took(),
      };
    };
    const saga = this.saga;
    if (way === 'prepare') this.looking.set(step.step_id, began);
    this.busy.set(
      step.step_id,
      work().catch(async (error: unknown): Promise<SagaEvent> => {
        // That our own memory is away says nothing of the step: this run ends, and the reconciler begins another.
        if (error instanceof CoreUnavailable) throw error;
        if (!isFailure(error))
          log('unexpected error in a step', {
            saga_id: saga.saga_id,
            step_id: step.step_id,
            error: error instanceof Error ? error.stack : String(error),
          });
        const known = isFailure(error);
        const seen: StepError = {
          code: known ? error.code : 'database_error',
          message: known ? error.message : 'unexpected error, see the log',
          database: step.target.name,
          step_id: step.step_id,
          ...(known && error.details !== undefined ? { details: error.details } : {}),
        };
        // Rows that do not fit wait for a person; every other failing undo is tried for as long as it takes.
        const again =
          way === 'finalize' ||
          (way === 'compensate'
            ? seen.code !== 'rows_conflict'
            : known && (error.retryable || error.outcome === 'unknown'));
        if (!again) return { type: 'StepFailed', step_id: step.step_id, way, error: seen };
        if (seen.code === 'stale_token') await this.outrun(seen.details?.['seen']);
        const next = new Date(this.now() + backOff(step.attempts)).toISOString();
        return {
          type: 'StepDelayed',
          step_id: step.step_id,
          way,
          attempt: step.attempts + 1,
          next_attempt_at: next,
          error: seen,
        };
      }),
    );
    // One that is left may fail when nobody listens any more.
    this.busy.get(step.step_id)!.catch(() => undefined);
  }

  /** With the same token it would be refused again and again, as long as the lease is ours. */
  private async outrun(met: unknown): Promise<void> {
    this.outdated = true;
    if (typeof met === 'number' && met < HIGHEST_TOKEN) await this.ports.leases.exceed(met);
  }

  /** Records events, and with them whatever intents follow from them at once: one commit where one is enough. */
  private async record(events: SagaEvent[]): Promise<void> {
    for (const event of events) {
      if (!('step_id' in event)) continue;
      this.busy.delete(event.step_id);
      this.looking.delete(event.step_id);
    }
    let ahead = this.evolved(this.saga, events);
    const all = [...events];
    for (;;) {
      const more = decide(ahead, this.now(), new Set(this.busy.keys()), this.token).events;
      if (more.length === 0) break;
      all.push(...more);
      ahead = this.evolved(ahead, more);
    }
    await this.append(all, []);
  }

  private evolved(saga: Saga, events: SagaEvent[]): Saga {
    const at = new Date(this.now()).toISOString();
    return events.reduce(
      (s, event, i) =>
        evolve(s, { event, version: s.version + i, recorded_at: at, event_id: null, correlation_id: '', actor: '' }),
      saga,
    );
  }

  private async end(end: NonNullable<Decision['end']>): Promise<void> {
    const { saga } = this;
    const kept = saga.reversible_seconds;
    const at = kept === null ? this.now() : await this.ports.clock.latest();
    const until = kept === null ? null : new Date(at + kept * 1000).toISOString();
    const event: SagaEvent =
      end.as === 'completed'
        ? { type: 'SagaCompleted', reversible_until: until }
        : { type: end.as === 'rejected' ? 'SagaRejected' : 'SagaCompensated', error: end.error };
    for (;;) {
      const others = await this.ports.definition.ending(saga, end.as, 'error' in end ? end.error : null, at);
      if (await this.append([event], others)) return;
      // A command came in on the subject's stream, or an abort on this one, between reading and appending.
      if (saga !== this.saga) return;
    }
  }

  /**
   * False when a stream had moved on: `saga` is up to date then, and what was not recorded is decided anew or, for
   * outcomes, appended again.
   */
  private async append(events: SagaEvent[], others: Append[]): Promise<boolean> {
    const { store, leases } = this.ports;
    const { saga } = this;
    const own = appendToSaga(saga, events);
    try {
      const stored = await store.append(
        [own, ...others],
        { correlation_id: saga.correlation_id, causation_id: saga.last_event_id, actor: 'schemasaga' },
        (tx) => leases.check(tx, saga.subject_id, this.token),
      );
      this.saga = stored.filter((e) => e.stream === own.stream).reduce((s, e) => evolve(s, recorded(e)), saga);
      return true;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      const now = (await load(store, saga.saga_id))!;
      if (now.version === saga.version) return false;
      this.saga = now;
      // An outcome is a fact whatever an operator asked meanwhile; intents are not: they are decided anew.
      const facts = events.filter(
        (e) =>
          e.type === 'StepPrepared' ||
          e.type === 'StepApplied' ||
          e.type === 'StepCompensated' ||
          e.type === 'StepFailed' ||
          e.type === 'StepDelayed',
      );
      if (facts.length > 0) await this.append(facts, []);
      return false;
    }
  }
}

function backOff(attempts: number): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 20));
  return whole / 2 + Math.random() * (whole / 2);
}
