import { lockTimeout } from '../translate.js';

/** One at a time, first come first served. */
export class Mutex {
  private readonly waiting: (() => void)[] = [];
  private isHeld = false;

  /** Resolves to what frees it (only once, however often called); null when it could not be had in that time. */
  async tryAcquire(timeoutMs: number): Promise<(() => void) | null> {
    if (this.isHeld) {
      const had = await new Promise<boolean>((resolve) => {
        const turn = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          this.waiting.splice(this.waiting.indexOf(turn), 1);
          resolve(false);
        }, timeoutMs);
        this.waiting.push(turn);
      });
      if (!had) return null;
    }
    this.isHeld = true;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      const next = this.waiting.shift();
      if (next === undefined) this.isHeld = false;
      else next(); // stays held: nobody may come in between
    };
  }

  async acquire(timeoutMs: number): Promise<() => void> {
    const release = await this.tryAcquire(timeoutMs);
    if (release === null) throw lockTimeout(`the file was in use for ${timeoutMs} ms`);
    return release;
  }
}
