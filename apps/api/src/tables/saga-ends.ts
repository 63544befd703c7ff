import type { CoreDatabase, EventStore } from '#event-store';
import { isEnded, loadSaga, sagasAtRest, type Saga, type SagaQueue } from '#sagas';

/**
 * How often a waiting caller looks, milliseconds: where the ends of other processes' sagas are heard of, which may be
 * lost, and where they are not.
 */
const LOOKS = { told: 1000, untold: 200 };

/** Tells callers of the ends of sagas. */
export class SagaEnds {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly lookMs: number;
  private stopping = false;

  constructor(
    private readonly core: CoreDatabase,
    store: EventStore,
    /** Null: nobody waits in this process. */
    queue: Pick<SagaQueue, 'onTold'> | null,
    looks = LOOKS,
  ) {
    const notice = (sagaId: string): void => this.waiting.get(sagaId)?.forEach((waiter) => waiter());
    store.onAppended((events) => sagasAtRest(events).forEach(notice));
    this.lookMs = queue?.onTold(notice) === true ? looks.told : looks.untold;
  }

  /** The saga when it has ended, is stuck, or the time is over; null: there is none. */
  async wait(sagaId: string, waitMs: number): Promise<Saga | null> {
    const until = performance.now() + waitMs;
    for (;;) {
      // Listens before it looks: what is appended in between would be missed otherwise.
      const listening = this.listen(sagaId);
      try {
        const saga = await loadSaga(this.core, sagaId);
        if (saga !== null && isEnded(saga)) return saga;
        const left = until - performance.now();
        if (left <= 0 || this.stopping || saga?.status === 'stuck') return saga;
        await listening.noticedWithin(Math.min(left, this.lookMs));
      } finally {
        listening.end();
      }
    }
  }

  /** Who waits is told now how far the saga is: a stop does not wait for it. */
  stop(): void {
    this.stopping = true;
    for (const listeners of this.waiting.values()) for (const notice of listeners) notice();
  }

  private listen(sagaId: string): { noticedWithin(ms: number): Promise<void>; end(): void } {
    const listeners = this.waiting.get(sagaId) ?? new Set();
    let notice = (): void => undefined;
    const noticed = new Promise<void>((resolve) => {
      notice = resolve;
    });
    this.waiting.set(sagaId, listeners.add(notice));
    return {
      async noticedWithin(ms: number): Promise<void> {
        let timer: NodeJS.Timeout | undefined;
        const over = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ms);
        });
        await Promise.race([noticed, over]);
        clearTimeout(timer);
      },
      end: (): void => {
        listeners.delete(notice);
        if (listeners.size === 0) this.waiting.delete(sagaId);
      },
    };
  }
}
