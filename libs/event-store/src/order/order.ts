import type { Tx } from '../core-database.js';

/**
 * Positions are taken when an event is inserted, but events become visible when their transaction commits: position 7
 * can appear after position 8 was read, and who reads "everything after 8" next has lost 7. Appends could queue behind
 * one lock; here they announce themselves instead, and readers stop short of what may still appear.
 */
export interface GlobalOrder {
  /** First in an append's transaction, before it takes positions. Never waits for another append. */
  announce(tx: Tx): Promise<void>;
  /**
   * A position at or below which nothing can appear any more in reads that begin after the answer. Includes all that
   * was committed before the call, unless an append in flight came before it.
   */
  horizon(): Promise<number>;
}
