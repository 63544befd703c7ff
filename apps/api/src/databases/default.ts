import type { Address } from '#byodb';
import { ApiError } from '../http/api-error.js';
import type { Databases } from './databases.js';
import { soon } from './reach.js';

const AGAIN_MS = 2000;
const STOP_MS = 1000;

/** Registers the database named `default` at the first start: then, or as soon as it can be reached. */
export class DefaultDatabase {
  private timer: NodeJS.Timeout | null = null;
  private trying: Promise<void> | null = null;

  constructor(
    private readonly databases: Databases,
    private readonly address: Address,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Tries once, and goes on by itself when that fails. */
  async start(): Promise<void> {
    if (await this.attempt(true)) return;
    this.timer = setInterval(() => {
      this.trying ??= this.attempt(false)
        .then((done) => {
          if (done) this.end();
        })
        .finally(() => {
          this.trying = null;
        });
    }, AGAIN_MS);
  }

  async stop(): Promise<void> {
    this.end();
    // One that hangs goes with the process.
    if (this.trying !== null) await soon(this.trying, STOP_MS);
  }

  private end(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  /** Told once: the same every two seconds would hide everything else in the log. */
  private async attempt(first: boolean): Promise<boolean> {
    try {
      await this.databases.ensureDefault(this.address);
      return true;
    } catch (error) {
      if (first) this.onError(error);
      // Known here under another name: that will not pass.
      return error instanceof ApiError && error.code === 'database_exists';
    }
  }
}
