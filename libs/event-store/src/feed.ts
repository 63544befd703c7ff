import type { EventStore, ReadAllFilter, StoredEvent } from './event-store.js';

export interface FollowOptions {
  filter?: ReadAllFilter;
  batchSize: number;
  /**
   * After so many milliseconds without an event an empty batch is given, so that the consumer can show that it lives.
   */
  idleMs: number;
  signal: AbortSignal;
}

/**
 * The log as it grows, for any number of followers. Each reads for itself, in batches, and only when it is asked for
 * the
 * next one: a slow follower costs one batch of memory and holds up nobody. One poll serves them all, and there is none
 * while nobody follows.
 */
export class Feed {
  private followers = 0;
  private timer: NodeJS.Timeout | null = null;
  private forget = (): void => undefined;
  private head = -1;
  /**
   * Rises with every sign of news. Compared with what it was before a read, so that news during the read is not missed.
   */
  private news = 0;
  private readonly waiting = new Set<() => void>();

  /** `pollMs`: how often what other processes appended is looked for. */
  constructor(
    private readonly store: EventStore,
    private readonly pollMs = 200,
  ) {}

  /** Every event after `after`, once, in global order, until the signal. Errors: CoreUnavailable. */
  async *follow(
    after: number,
    { filter, batchSize, idleMs, signal }: FollowOptions,
  ): AsyncGenerator<StoredEvent[], void, void> {
    let position = after;
    this.enter();
    try {
      while (!signal.aborted) {
        const before = this.news;
        const { events } = await this.store.pageOfAll(position, batchSize, filter);
        const last = events.at(-1);
        if (last !== undefined) {
          position = last.position;
          yield events;
        } else if (!(await this.newsSince(before, idleMs, signal)) && !signal.aborted) yield [];
      }
    } finally {
      this.leave();
    }
  }

  private enter(): void {
    if (++this.followers > 1) return;
    this.forget = this.store.onAppended(() => this.tell());
    this.poll();
  }

  private leave(): void {
    if (--this.followers > 0) return;
    this.forget();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private poll(): void {
    const timer = (this.timer = setTimeout(() => {
      void this.look().finally(() => {
        // Everybody may have left meanwhile, and the next one to come has started a poll of its own.
        if (this.timer === timer) this.poll();
      });
    }, this.pollMs));
  }

  private async look(): Promise<void> {
    try {
      const head = await this.store.head();
      if (head === this.head) return;
      this.head = head;
    } catch {
      // The followers are woken all the same: their own reads tell them that the core database is gone.
    }
    this.tell();
  }

  private tell(): void {
    this.news++;
    for (const wake of [...this.waiting]) wake();
  }

  /** False when there was none for `ms`, or the signal came. */
  private newsSince(before: number, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.news !== before) return Promise.resolve(true);
    // One that came during the read: there is no event for it any more.
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (news: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        signal.removeEventListener('abort', stop);
        resolve(news);
      };
      const wake = (): void => done(true);
      const stop = (): void => done(false);
      const timer = setTimeout(stop, ms);
      this.waiting.add(wake);
      signal.addEventListener('abort', stop);
    });
  }
}
