import type { SagaEvent } from '../events.js';

/** A look that began late is given so long even beyond the deadline. */
export const LOOK_MS = 2_000;

/** The effects of a run that are under way, one a step. */
export class UnderWay {
  private readonly outcomes = new Map<string, Promise<SagaEvent>>();
  /** Of these, the ones that only look, and when each began. Nothing is undone by leaving them. */
  private readonly looks = new Map<string, number>();

  get steps(): ReadonlySet<string> {
    return new Set(this.outcomes.keys());
  }

  get any(): boolean {
    return this.outcomes.size > 0;
  }

  /** Holds too when there is none at all. */
  get onlyLooks(): boolean {
    return this.outcomes.size === this.looks.size;
  }

  /** `lookBegan`: it only looks, since then. */
  add(stepId: string, outcome: Promise<SagaEvent>, lookBegan: number | null): void {
    if (lookBegan !== null) this.looks.set(stepId, lookBegan);
    this.outcomes.set(stepId, outcome);
    // One that is left may fail when nobody listens any more.
    outcome.catch(() => undefined);
  }

  /** It is over, or not waited for any longer. */
  leave(stepId: string): void {
    this.outcomes.delete(stepId);
    this.looks.delete(stepId);
  }

  /** When the first look is given up; Infinity: nothing looks. */
  looksUntil(deadline: number): number {
    return Math.min(...[...this.looks.values()].map((began) => lookUntil(began, deadline)));
  }

  /** The steps of looks that are given up by now. */
  lateLooks(now: number, deadline: number): string[] {
    return [...this.looks].filter(([, began]) => now >= lookUntil(began, deadline)).map(([stepId]) => stepId);
  }

  /** The outcome that comes next; null: none within so many milliseconds, Infinity being for ever. */
  async next(withinMs: number): Promise<SagaEvent | null> {
    if (withinMs === Infinity) return Promise.race(this.outcomes.values());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), withinMs);
    });
    try {
      return await Promise.race([...this.outcomes.values(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when all are over but the looks: one of those may never end. */
  async settled(): Promise<void> {
    const changes = [...this.outcomes].filter(([stepId]) => !this.looks.has(stepId));
    await Promise.allSettled(changes.map(([, outcome]) => outcome));
  }
}

function lookUntil(began: number, deadline: number): number {
  return Math.max(deadline, began + LOOK_MS);
}
