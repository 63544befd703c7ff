/** What one block of work took: one time for each thing done, and the time of the whole block. */
export interface Sample {
  /** Milliseconds. */
  ms: number[];
  seconds: number;
  /** What went wrong, in the words of whoever refused. */
  errors: string[];
}

export type Bound = { atMost: number } | { atLeast: number };

export interface Summary {
  count: number;
  p50: number;
  p99: number;
  perSecond: number;
}

/** One line of the table: the values of all pairs, or of a figure that is no ratio. */
export interface Line {
  number: string;
  label: string;
  /** `×`: service over denominator. */
  unit: string;
  values: number[];
  asked: Bound;
  moonshot: Bound;
  /** Null where a line is no comparison of two kinds of work. */
  service: Summary | null;
  base: Summary | null;
  errors: string[];
}

/** `part`: 0.5 is the median, 0.99 what one of a hundred exceeds. NaN when there is nothing. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function summarise(samples: readonly Sample[]): Summary {
  const ms = samples.flatMap((sample) => sample.ms);
  return {
    count: ms.length,
    p50: percentile(ms, 0.5),
    p99: percentile(ms, 0.99),
    perSecond: ms.length / samples.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** How two blocks of one pair are compared. */
export type Compare = (service: Sample, base: Sample) => number;

export const byP50: Compare = (service, base) => percentile(service.ms, 0.5) / percentile(base.ms, 0.5);
export const byP99: Compare = (service, base) => percentile(service.ms, 0.99) / percentile(base.ms, 0.99);
export const byRate: Compare = (service, base) => service.ms.length / service.seconds / (base.ms.length / base.seconds);
/** For work that is one piece, such as one change of many databases. */
export const byTime: Compare = (service, base) => service.seconds / base.seconds;

export function meets(value: number, bound: Bound): boolean {
  return 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast;
}
