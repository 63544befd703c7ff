/**
 * How many sagas may be under way on one target at once, in this process. A saga that finds no place on one of its
 * targets holds
 * none on the others: a database that does not answer keeps only those waiting that need it.
 */
export class Places {
  private readonly taken = new Map<string, number>();
  /** In the order in which they came, with the targets that they need. */
  private readonly waiting = new Map<string, string[]>();

  /** `wake` is called with a saga for which there may be a place now. */
  constructor(
    private readonly perTarget: number,
    private readonly wake: (sagaId: string) => void,
  ) {}

  isWaiting(sagaId: string): boolean {
    return this.waiting.has(sagaId);
  }

  /** A place on all of them, given back by what is returned; null: not now, and it is woken when there may be. */
  enter(sagaId: string, targets: string[]): (() => void) | null {
    if (!this.fits(targets, this.taken)) {
      this.waiting.set(sagaId, targets);
      return null;
    }
    this.waiting.delete(sagaId);
    add(this.taken, targets, 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      add(this.taken, targets, -1);
      this.wakeNext();
    };
  }

  /** It ended, or is another's: nobody has to be woken for it. */
  forget(sagaId: string): void {
    if (this.waiting.delete(sagaId)) this.wakeNext();
  }

  /** As many as fit. One that is woken waits on, in its place in the line, until it enters. */
  private wakeNext(): void {
    const ahead = new Map(this.taken);
    for (const [sagaId, targets] of this.waiting) {
      if (!this.fits(targets, ahead)) continue;
      add(ahead, targets, 1);
      this.wake(sagaId);
    }
  }

  private fits(targets: string[], taken: ReadonlyMap<string, number>): boolean {
    return targets.every((id) => (taken.get(id) ?? 0) < this.perTarget);
  }
}

function add(taken: Map<string, number>, targets: string[], n: 1 | -1): void {
  for (const id of targets) {
    const now = (taken.get(id) ?? 0) + n;
    if (now === 0) taken.delete(id);
    else taken.set(id, now);
  }
}
