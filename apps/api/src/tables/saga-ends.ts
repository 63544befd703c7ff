import type { CoreDatabase, EventStore } from '#event-store';
import { isEnded, loadSaga, sagaStreams, type Saga } from '#sagas';

/** How often a waiting caller looks: another process may run the saga, and its events are not heard of here. */
const LOOK_MS = 200;

/** Tells callers of the ends of sagas. */
export class SagaEnds {
  private readonly waiting = new Map<string, Set<() => void>>();
  private stopping = false;

  constructor(
    private readonly core: CoreDatabase,
    store: EventStore,
  ) {
    store.onAppended((events) => {
      for (const { stream } of events) this.waiting.get(stream)?.forEach((notice) => notice());
    });
  }

  /** The saga when it has ended, is stuck, or the time is over; null: there is none. */
  async wait(sagaId: string, waitMs: number): Promise<Saga | null> {
    const until = performance.now() + waitMs;
    const stream = sagaStreams.name(sagaId);
    for (;;) {
      // Listens before it looks: what is appended in between would be missed otherwise.
      const listening = this.listen(stream);
      try {
        const saga = await loadSaga(this.core, sagaId);
        if (saga !== null && isEnded(saga)) return saga;
        const left = until - performance.now();
        if (left <= 0 || this.stopping || saga?.status === 'stuck') return saga;
        await listening.noticedWithin(Math.min(left, LOOK_MS));
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

  private listen(stream: string): { noticedWithin(ms: number): Promise<void>; end(): void } {
    const listeners = this.waiting.get(stream) ?? new Set();
    let notice = (): void => undefined;
    const noticed = new Promise<void>((resolve) => {
      notice = resolve;
    });
    this.waiting.set(stream, listeners.add(notice));
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
        if (listeners.size === 0) this.waiting.delete(stream);
      },
    };
  }
}
