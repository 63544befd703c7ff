import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Address } from '#byodb';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, LOGGER, type Logger } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { AddressRules } from './address-rules.js';
import { Databases } from './databases.js';
import { soon } from './reach.js';

const AGAIN_MS = 2000;
const STOP_MS = 1000;

/** Registers the database named `default` at the first start: then, or as soon as it can be reached. */
@Injectable()
export class DefaultDatabase implements OnModuleInit {
  private readonly address: Address;
  private timer: NodeJS.Timeout | null = null;
  private trying: Promise<void> | null = null;

  constructor(
    private readonly databases: Databases,
    private readonly lifecycle: Lifecycle,
    @Inject(LOGGER) private readonly logger: Logger,
    rules: AddressRules,
    @Inject(CONFIG) config: Config,
  ) {
    this.address = rules.read({ url: config.BYODB_URL });
  }

  /** Tries once, and goes on by itself when that fails. */
  async onModuleInit(): Promise<void> {
    this.lifecycle.onStop('makers', () => this.stop());
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

  private async stop(): Promise<void> {
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
      if (first) this.logger.error({ error: String(error) }, 'the default database cannot be reached yet');
      // Known here under another name: that will not pass.
      return error instanceof ApiError && error.code === 'database_exists';
    }
  }
}
