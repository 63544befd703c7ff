import type { CoreClock, CoreDatabase, EventStore } from '#event-store';
import type { SagaDefinition } from '../definition.js';
import type { Leases } from '../lease.js';

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

/** Nothing: somebody else goes on, or the reconciler finds the saga when there is something to do. */
export const nothingNext: RunResult = { again: null, next: null };
