import { Global, Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import {
  CoreClock,
  createEventStore,
  Followers,
  liftReadModels,
  migrate,
  openCoreDatabase,
  packageVersion,
  ReadModels,
  startSealer,
  type CoreDatabase,
  type EventStore,
  type ReadModel,
} from '#event-store';
import { upcasters } from '#tables';
import type { Config } from '../config.js';
import { keepPrivate } from '../databases/private-files.js';
import { keptBehind, keptInline } from '../read-models.js';
import { Lifecycle } from './lifecycle.js';
import { BEHIND, CONFIG, CORE, EVENT_STORE, LIMITS, LOG, LOGGER, type Log, type Logger } from './tokens.js';

/** The core database and what reads and writes it: every other module needs it. */
@Global()
@Module({})
export class CoreModule implements OnModuleInit {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly followers: Followers,
    private readonly lifecycle: Lifecycle,
  ) {}

  static with(config: Config, logger: Logger, lifecycle: Lifecycle): DynamicModule {
    const log: Log = (message, details) => {
      logger.warn(details, message);
    };
    const providers = [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: LOG, useValue: log },
      { provide: LIMITS, useValue: { maxRewriteRows: config.MAX_REWRITE_ROWS } },
      { provide: Lifecycle, useValue: lifecycle },
      { provide: CORE, inject: [CONFIG, Lifecycle], useFactory: openCore },
      { provide: CoreClock, inject: [CORE, LOGGER, Lifecycle], useFactory: openClock },
      { provide: EVENT_STORE, inject: [CORE, CoreClock, LOGGER], useFactory: openStore },
      { provide: BEHIND, inject: [EVENT_STORE], useFactory: keptBehind },
      { provide: ReadModels, inject: [CORE, EVENT_STORE, BEHIND, CoreClock, Lifecycle], useFactory: makeReadModels },
      { provide: Followers, inject: [CORE, EVENT_STORE, BEHIND, LOGGER, Lifecycle], useFactory: makeFollowers },
    ];
    return { module: CoreModule, providers, exports: providers.map(({ provide }) => provide) };
  }

  onModuleInit(): void {
    this.followers.start();
    this.lifecycle.onListening(() => {
      this.seal();
    });
  }

  private seal(): void {
    const sealer = startSealer(this.core, this.store, {
      onError: (error) => {
        this.logger.error({ error: String(error) }, 'sealing the log failed');
      },
    });
    this.lifecycle.onStop('followers', () => sealer.stop());
  }
}

async function openCore(config: Config, lifecycle: Lifecycle): Promise<CoreDatabase> {
  await keepPrivate(config.DATA_DIR, [config.CORE_DATABASE_URL, config.BYODB_URL]);
  const core = await openCoreDatabase(config.CORE_DATABASE_URL);
  lifecycle.onStop('core', () => core.close());
  await migrate(core);
  return core;
}

async function openClock(core: CoreDatabase, logger: Logger, lifecycle: Lifecycle): Promise<CoreClock> {
  const clock = await CoreClock.open(core, (level, message, details) => {
    logger[level](details, message);
  });
  clock.watch();
  lifecycle.onStop('clock', () => {
    clock.stop();
  });
  return clock;
}

/** Resolves when the read models have today's shape: nobody reads them before. */
async function openStore(core: CoreDatabase, clock: CoreClock, logger: Logger): Promise<EventStore> {
  const store = createEventStore(core, {
    projections: keptInline.map(({ projection }) => projection),
    upcasters,
    now: () => new Date(clock.now()),
  });
  await liftReadModels(core, store, [...keptInline, ...keptBehind(store)], {
    version: packageVersion(),
    onLift: (names) => {
      logger.info({ names }, 'read models of an earlier version are made anew from the log');
    },
  });
  return store;
}

function makeReadModels(
  core: CoreDatabase,
  store: EventStore,
  behind: readonly ReadModel[],
  clock: CoreClock,
  lifecycle: Lifecycle,
): ReadModels {
  const models = new ReadModels(core, store, [...keptInline, ...behind], () => new Date(clock.now()));
  lifecycle.onStop('rebuilds', () => models.stop());
  return models;
}

function makeFollowers(
  core: CoreDatabase,
  store: EventStore,
  behind: readonly ReadModel[],
  logger: Logger,
  lifecycle: Lifecycle,
): Followers {
  const followers = new Followers(core, store, behind, (name, error) => {
    logger.error({ error: String(error) }, `the read model ${name} stands still`);
  });
  lifecycle.onStop('followers', () => followers.stop());
  return followers;
}
