import { decide, type Decision, type Effect, type End } from '../decide.js';
import type { SagaEvent } from '../events.js';
import { evolve } from '../evolve.js';
import { nextOf } from '../read-model.js';
import { isEnded, stepOf, type Saga } from '../saga.js';
import { isJudged, turnOf } from '../turn.js';
import { carryOut } from './carry-out.js';
import type { Place } from './place.js';
import { nothingNext, type RunnerPorts, type RunResult } from './ports.js';
import { Recorder } from './recorder.js';
import { LOOK_MS, UnderWay } from './under-way.js';

/** A run that has waited so long for a database does not take up a place of the process any more. */
const WAITS_MS = 250;
/**
 * What stands in a customer's database may be anything: a counter that followed it to the end of its numbers would have
 * none left.
 */
const HIGHEST_TOKEN = Number.MAX_SAFE_INTEGER / 2;
/** A wait shorter than this is slept through; a longer one gives the worker back and asks to be woken. */
const SLEEP_MS = 1_000;

/** Decides, records and acts, again and again, until the saga has ended or waits for longer than a moment. */
export class DecisionLoop {
  private readonly recorder: Recorder;
  private readonly underWay = new UnderWay();
  /** A higher token than this run's was met: a run with another one goes on. */
  private outdated = false;

  constructor(
    private readonly ports: RunnerPorts,
    saga: Saga,
    private readonly token: number,
    private readonly place: Place,
  ) {
    this.recorder = new Recorder(ports, saga, token);
  }

  async toEnd(): Promise<RunResult> {
    try {
      return await this.loop();
    } finally {
      // Never leave an effect running behind a lease that is given back.
      await this.underWay.settled();
    }
  }

  private async loop(): Promise<RunResult> {
    const turn = isJudged(this.saga) ? await this.takeTurn() : 'go';
    // The reconciler asks again soon: waking ourselves as well would make more and more jobs of it.
    if (turn === 'wait') return nothingNext;
    if (turn === 'over') return this.over();
    for (;;) {
      if (isEnded(this.saga)) return this.over();
      const result = await this.advance();
      if (result !== null) return result;
    }
  }

  private async takeTurn(): Promise<'go' | 'wait' | 'over'> {
    const turn = turnOf(await this.ports.definition.judge(this.saga));
    if (turn === 'go' || turn === 'wait') return turn;
    await this.end(this.saga, turn);
    return 'over';
  }

  private async over(): Promise<RunResult> {
    return { again: null, next: await nextOf(this.ports.core, this.saga.subject_id) };
  }

  /** One decision, and what follows from it; null: there may be more to do at once. */
  private async advance(): Promise<RunResult | null> {
    this.leaveLost();
    const { events, effects, wakeAt, end } = this.decide(this.saga);
    if (events.length > 0) await this.record(events);
    else if (end !== null) await this.end(this.saga, end);
    else return this.act(effects, wakeAt);
    return null;
  }

  private async act(effects: readonly Effect[], wakeAt: number | null): Promise<RunResult | null> {
    if (!this.isLeaving()) for (const effect of effects) this.start(effect);
    if (this.isLeaving() && this.underWay.onlyLooks) return nothingNext;
    if (this.underWay.any) {
      await this.hear(this.isLeaving() ? null : wakeAt);
      return null;
    }
    return wakeAt === null || this.isLeaving() ? nothingNext : this.sleepUntil(wakeAt);
  }

  private start(effect: Effect): void {
    const { ports, token, saga } = this;
    const lookBegan = effect.way === 'prepare' ? ports.clock.now() : null;
    const outcome = carryOut({ ports, token, outrun: (met) => this.outrun(met) }, saga, effect);
    this.underWay.add(effect.step.step_id, outcome, lookBegan);
  }

  /** With the same token it would be refused again and again, as long as the lease is ours. */
  private async outrun(met: unknown): Promise<void> {
    this.outdated = true;
    if (typeof met === 'number' && met < HIGHEST_TOKEN) await this.ports.leases.exceed(met);
  }

  /**
   * Waits for an outcome, until a delayed step is due: one database's long statement must not use up another's time.
   */
  private async hear(wakeAt: number | null): Promise<void> {
    const until = Math.min(
      wakeAt ?? Infinity,
      this.underWay.looksUntil(this.deadline()),
      this.isLeaving() ? Infinity : this.now() + LOOK_MS,
    );
    const waits = setTimeout(() => this.ports.waits?.(), WAITS_MS);
    const outcome = await this.underWay.next(Math.max(1, until - this.now())).finally(() => clearTimeout(waits));
    if (outcome === null) await this.giveUpLooks();
    else await this.record([outcome]);
  }

  /** Looks that the deadline came upon: the database has not answered, and may never do. */
  private async giveUpLooks(): Promise<void> {
    const late = this.underWay.lateLooks(this.now(), this.deadline());
    // What a person asked meanwhile must not wait for a database that does not answer.
    if (late.length === 0) await this.recorder.refresh();
    else await this.record(late.map((stepId) => this.unanswered(stepId)));
  }

  private unanswered(stepId: string): SagaEvent {
    const { step_id, target } = stepOf(this.saga, stepId);
    const error = {
      code: 'deadline_exceeded',
      message: `gave up at the deadline: ${target.name} had not answered`,
      database: target.name,
      step_id,
    };
    return { type: 'StepFailed', step_id, way: 'prepare', error };
  }

  private async sleepUntil(at: number): Promise<RunResult | null> {
    if (at - this.now() > SLEEP_MS) return { again: at, next: null };
    this.ports.waits?.();
    this.place.leave();
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, at - this.now())));
    // A step that was settled meanwhile must not be tried again.
    await this.recorder.refresh();
    return this.place.enter() ? null : nothingNext;
  }

  /**
   * Records events, and with them whatever follows from them at once, be it the saga's end: one commit where one is
   * enough.
   */
  private async record(events: readonly SagaEvent[]): Promise<void> {
    for (const event of events) if ('step_id' in event) this.underWay.leave(event.step_id);
    const all = this.recorder.standing(events);
    let ahead = this.foreseen(this.saga, all);
    for (;;) {
      const { events: more, end } = this.decide(ahead);
      if (more.length === 0) return end === null || all.length === 0 ? this.append(all) : this.end(ahead, end, all);
      all.push(...more);
      ahead = this.foreseen(ahead, more);
    }
  }

  private async append(events: SagaEvent[]): Promise<void> {
    if (events.length > 0) await this.recorder.append(events);
  }

  /** The saga as it will be once these events are recorded. */
  private foreseen(saga: Saga, events: readonly SagaEvent[]): Saga {
    const at = new Date(this.now()).toISOString();
    return events.reduce(
      (s, event, i) =>
        evolve(s, { event, version: s.version + i, recorded_at: at, event_id: null, correlation_id: '', actor: '' }),
      saga,
    );
  }

  /**
   * Records what ends the saga, as it is or as it will be once `before` is recorded, and that with it. Where a person's
   * word on the saga came in between, the end is to be decided anew.
   */
  private async end(saga: Saga, end: End, before: readonly SagaEvent[] = []): Promise<void> {
    const kept = saga.reversible_seconds;
    const at = kept === null ? this.now() : await this.ports.clock.latest();
    const until = kept === null ? null : new Date(at + kept * 1000).toISOString();
    const event: SagaEvent =
      end.as === 'completed'
        ? { type: 'SagaCompleted', reversible_until: until }
        : { type: end.as === 'rejected' ? 'SagaRejected' : 'SagaCompensated', error: end.error };
    const known = this.saga;
    // A command that came in on the subject's stream in between changes what that is told, and nothing else.
    while (known === this.saga) {
      const others = await this.ports.definition.ending(saga, end.as, 'error' in end ? end.error : null, at);
      if (await this.recorder.appendLast(before, event, others)) return;
    }
  }

  /** An effect on a database that was given up for lost is waited for no longer. */
  private leaveLost(): void {
    for (const step of this.saga.steps) if (step.lost === true) this.underWay.leave(step.step_id);
  }

  private decide(saga: Saga): Decision {
    return decide(saga, this.now(), this.underWay.steps, this.token);
  }

  private isLeaving(): boolean {
    return this.outdated || this.ports.draining();
  }

  private get saga(): Saga {
    return this.recorder.saga;
  }

  private deadline(): number {
    return Date.parse(this.saga.deadline_at);
  }

  private now(): number {
    return this.ports.clock.now();
  }
}
