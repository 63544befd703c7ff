import type { Bench } from './bench.js';
import type { Bound } from './measure.js';

/** One figure that a case gives. */
export interface Target {
  label: string;
  /** `×`, service over denominator, unless given. */
  unit?: string;
  asked: Bound;
  moonshot: Bound;
}

interface Named {
  /** As in docs/performance.md. */
  number: string;
  /** What `npm run bench -- NAME` calls it. */
  name: string;
  what: string;
  targets: readonly Target[];
}

export type Case = Named &
  (
    | { run(bench: Bench): Promise<void> }
    /** Why it cannot be measured yet. */
    | { notYet: string }
  );
