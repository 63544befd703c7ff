import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { v7 as uuid } from 'uuid';
import type { CoreDatabase, Metadata } from '#event-store';
import { fileOf, type Address } from '#byodb';
import { findDatabase } from '#tables';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE, LOGGER, type Logger } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { AddressRules } from './address-rules.js';
import { Registration } from './registration.js';
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
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly registration: Registration,
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
      await this.ensureDefault();
      return true;
    } catch (error) {
      if (first) this.logger.error({ error: String(error) }, 'the default database cannot be reached yet');
      // Known here under another name: that will not pass.
      return error instanceof ApiError && error.code === 'database_exists';
    }
  }

  /** The `default` one exists from the start, even when it cannot be reached yet. */
  private async ensureDefault(): Promise<void> {
    if ((await findDatabase(this.core, 'default')) !== null) return;
    const file = fileOf(this.address);
    if (file !== null) await mkdir(dirname(file), { recursive: true });
    const metadata: Metadata = { correlation_id: uuid(), causation_id: null, actor: 'schemasaga' };
    try {
      await this.registration.register('default', this.address, metadata);
    } catch (error) {
      if ((await findDatabase(this.core, 'default')) === null) throw error;
    }
  }
}
