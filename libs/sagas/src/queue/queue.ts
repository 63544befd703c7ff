/**
 * Wakes sagas up; nothing more. A job is an id: all progress is in the core database, so every job may be lost or
 * doubled.
 */
export interface SagaQueue {
  /** Soon, or after `delayMs`. */
  wake(sagaId: string, delayMs?: number): Promise<void>;
  /** Starts handing ids to `handler`, several at once. */
  start(handler: (sagaId: string) => Promise<void>): void;
  /** Resolves when the queue answers, else throws. */
  ping(): Promise<void>;
  /** No new jobs; resolves when those under way are done. */
  stop(): Promise<void>;
}
