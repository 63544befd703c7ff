import { v7 as uuid } from 'uuid';
import { VersionConflict, type Append, type EventExtras, type NewEvent, type Tx } from '#event-store';
import type { SagaEvent } from '../events.js';
import { isOverruled } from '../operator.js';
import type { Saga } from '../saga.js';
import { appendToSaga, foldSaga, readOn } from '../saga-stream.js';
import type { RunnerPorts } from './ports.js';

/** What a run knows of its saga, and how it adds to it: under its lease, and never over what others have added. */
export class Recorder {
  constructor(
    private readonly ports: Pick<RunnerPorts, 'store' | 'leases' | 'log'>,
    private known: Saga,
    private readonly token: number,
  ) {}

  get saga(): Saga {
    return this.known;
  }

  /** With what others, a person for instance, have added meanwhile. */
  async refresh(): Promise<void> {
    this.known = await readOn(this.ports.store, this.known);
  }

  /** Those of them that still count. What does not is told to the log of the process, and to nobody else. */
  standing(events: readonly SagaEvent[]): SagaEvent[] {
    const { saga_id } = this.known;
    return events.filter((event) => {
      const counts = !isOverruled(this.known, event);
      if (!counts) this.ports.log('a step that was settled meanwhile did not work', { saga_id, ...event });
      return counts;
    });
  }

  /**
   * False when a stream had moved on: `saga` is up to date then, and what was not recorded is decided anew or, for
   * outcomes, appended again. Errors: LeaseLost, CoreUnavailable.
   */
  append(events: SagaEvent[]): Promise<boolean> {
    const { leases } = this.ports;
    return this.recordUnder((tx) => leases.check(tx, this.known.subject_id, this.token), events);
  }

  /**
   * The same for what ends the saga, with the outcomes `before` that it follows from: the lease is given back in that
   * commit. `others`: what is told to other streams in it. The last outcome is the cause of both.
   */
  async appendLast(before: readonly SagaEvent[], end: SagaEvent, others: readonly Append[]): Promise<boolean> {
    const { leases } = this.ports;
    const { subject_id } = this.known;
    const outcome = before.length === 0 ? undefined : uuid();
    const extras = before.map((_, i) => (i === before.length - 1 ? { event_id: outcome } : {}));
    const isRecorded = await this.recordUnder(
      (tx) => leases.giveBack(tx, subject_id, this.token),
      [...before, end],
      others.map((append) => ({ ...append, events: append.events.map((event) => causedBy(outcome, event)) })),
      [...extras, { causation_id: outcome }],
    );
    if (isRecorded) leases.forget(subject_id);
    return isRecorded;
  }

  private async recordUnder(
    lease: (tx: Tx) => Promise<void>,
    events: SagaEvent[],
    others: Append[] = [],
    extras: EventExtras[] = [],
  ): Promise<boolean> {
    const { store } = this.ports;
    const saga = this.known;
    const own = appendToSaga(saga, events, extras);
    try {
      const stored = await store.append(
        [own, ...others],
        { correlation_id: saga.correlation_id, causation_id: saga.last_event_id, actor: 'schemasaga' },
        lease,
      );
      this.known = foldSaga(
        saga,
        stored.filter((event) => event.stream === own.stream),
      );
      return true;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
      await this.refresh();
      const facts = this.standing(events.filter(isFact));
      if (this.known !== saga && facts.length > 0) await this.append(facts);
      return false;
    }
  }
}

/** `cause` undefined: what the whole append has. */
function causedBy(cause: string | undefined, event: NewEvent): NewEvent {
  return { ...event, causation_id: event.causation_id ?? cause };
}

/** An outcome is a fact whatever an operator asked meanwhile; intents are not: they are decided anew. */
function isFact({ type }: SagaEvent): boolean {
  return (
    type === 'StepPrepared' ||
    type === 'StepApplied' ||
    type === 'StepCompensated' ||
    type === 'StepFailed' ||
    type === 'StepDelayed'
  );
}
