import type { CoreDatabase } from './core-database.js';

/** A process whose clock is off by more than this takes no work. */
export const MOST_OFF_MS = 5_000;

/** Said once when it begins, and once when it is over. */
export type TellOfClock = (level: 'error' | 'warn', message: string, details: Record<string, unknown>) => void;

/**
 * The core database's clock as a process knows it: what it said last, carried on by the monotonic clock, which nobody
 * sets. The
 * process's own clock decides nothing; how far it is off is measured, to be told.
 *
 * A core database on SQLite knows no other clock than the machine's, so none is ever off from it. That the machine's
 * was set is
 * seen all the same: it did not go on as the monotonic one did. After such a jump, of whichever clock, nothing is over
 * before
 * this process has seen the time pass, and nothing is kept for less. One that was off before the process began cannot
 * be told.
 */
export class CoreClock {
  private offset = 0;
  private off = false;
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly core: CoreDatabase,
    private readonly tell: TellOfClock,
    private last: Reading,
    private readonly first: Reading,
  ) {}

  /** Errors: CoreUnavailable. */
  static async open(core: CoreDatabase, tell: TellOfClock): Promise<CoreClock> {
    const { reading } = await read(core);
    const clock = new CoreClock(core, tell, reading, reading);
    await clock.measure();
    return clock;
  }

  /** Milliseconds since the epoch. For what is recorded, and what is tried again; not for what is destroyed. */
  now(): number {
    return carriedOn(this.last);
  }

  /** It is this late for certain: what is over by now may be destroyed. Errors: CoreUnavailable. */
  async earliest(): Promise<number> {
    return Math.min(await this.core.now(), carriedOn(this.first));
  }

  /** It is no later than this: from here on counts how long something is kept. Errors: CoreUnavailable. */
  async latest(): Promise<number> {
    return Math.max(await this.core.now(), carriedOn(this.first));
  }

  /** Whether this process's clock is off from the core database's, as it was measured last. */
  isOff(): boolean {
    return this.off;
  }

  /** By how much, milliseconds: above 0 it is ahead. */
  offBy(): number {
    return this.offset;
  }

  /** Errors: CoreUnavailable. */
  async measure(): Promise<void> {
    const { reading, own, sure } = await read(this.core);
    const jump = reading.told - carriedOn(this.last, reading.at);
    this.last = reading;
    this.offset = own - reading.told;
    if (Math.abs(jump) > MOST_OFF_MS + sure)
      this.tell(
        'error',
        "a clock jumped, the core database's or that of a machine which slept: nothing is destroyed before " +
          'the time has passed',
        { jumped_ms: Math.round(jump) },
      );
    // An answer that took long says less of when it was given: it may leave open what is so.
    const is =
      Math.abs(this.offset) > MOST_OFF_MS + sure
        ? true
        : Math.abs(this.offset) <= MOST_OFF_MS - sure
          ? false
          : this.off;
    if (is === this.off) return;
    this.off = is;
    if (is)
      this.tell('error', "the clock of this process is off from the core database's: it takes no work", {
        off_by_ms: Math.round(this.offset),
      });
    else
      this.tell('warn', 'the clock of this process is right again: it takes work', {
        off_by_ms: Math.round(this.offset),
      });
  }

  /** Measures from time to time. A core database that is away is asked again. */
  watch(everyMs = 1000): void {
    this.timer = setInterval(() => {
      this.measure().catch(() => undefined);
    }, everyMs);
    this.timer.unref();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }
}

/** What the clock said, and when that was by the monotonic one. */
interface Reading {
  told: number;
  at: number;
}

/**
 * `own`: what the process's clock said at the same moment, in the middle of asking; `sure`: the moment may be so far
 * from the middle.
 */
async function read(core: CoreDatabase): Promise<{ reading: Reading; own: number; sure: number }> {
  const asked = performance.now();
  const told = await core.now();
  const [answered, own] = [performance.now(), Date.now()];
  const half = (answered - asked) / 2;
  return { reading: { told, at: answered - half }, own: own - half, sure: half };
}

function carriedOn({ told, at }: Reading, until = performance.now()): number {
  return Math.round(told + until - at);
}
