/**
 * Wakes sagas up, and whoever waits for one; nothing more. A job is an id: all progress is in the core database, so
 * every job may be lost or doubled.
 */
export interface SagaQueue {
  /** Soon, or after `delayMs`. */
  wake(sagaId: string, delayMs?: number): Promise<void>;
  /** Starts handing ids to `handler`, several at once. */
  start(handler: (sagaId: string) => Promise<void>): void;
  /** Tells all processes that listen how far this saga has come. As with a wake, it may be lost. */
  tell(sagaId: string): void;
  /**
   * Hears what other processes tell. False: the queue reaches no other process, and whoever waits for one has to look.
   */
  onTold(listener: (sagaId: string) => void): boolean;
  /** Resolves when the queue answers, else throws. */
  ping(): Promise<void>;
  /** No new jobs; resolves when those under way are done. */
  stop(): Promise<void>;
}
