import type { SagaQueue } from './queue.js';

/** Runs sagas in this very process. What a stop forgets, the reconciler finds in the core database. */
export class InProcessQueue implements SagaQueue {
  private readonly waiting = new Set<string>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private handler: ((sagaId: string) => Promise<void>) | null = null;

  constructor(private readonly concurrency: number) {}

  async wake(sagaId: string, delayMs = 0): Promise<void> {
    if (delayMs > 0) {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        this.add(sagaId);
      }, delayMs);
      timer.unref();
      this.timers.add(timer);
    } else this.add(sagaId);
  }

  start(handler: (sagaId: string) => Promise<void>): void {
    this.handler = handler;
    this.pump();
  }

  /** The event store tells what is recorded in this process. */
  tell(): void {}

  onTold(): boolean {
    return false;
  }

  async ping(): Promise<void> {}

  async stop(): Promise<void> {
    this.handler = null;
    this.timers.forEach((timer) => clearTimeout(timer));
    this.waiting.clear();
    while (this.running.size > 0) await Promise.all(this.running.values());
  }

  private add(sagaId: string): void {
    // Woken while it runs: what woke it may have come too late for this run.
    if (this.running.has(sagaId)) this.again.add(sagaId);
    else this.waiting.add(sagaId);
    this.pump();
  }

  private pump(): void {
    for (const sagaId of this.waiting) {
      if (this.handler === null || this.running.size >= this.concurrency) return;
      this.waiting.delete(sagaId);
      this.running.set(
        sagaId,
        this.handler(sagaId).finally(() => {
          this.running.delete(sagaId);
          if (this.again.delete(sagaId)) this.waiting.add(sagaId);
          this.pump();
        }),
      );
    }
  }
}
