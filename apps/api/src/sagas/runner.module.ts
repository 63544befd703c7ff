import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { CoreClock, type CoreDatabase, type EventStore } from '#event-store';
import type { Limits } from '#byodb';
import { InProcessQueue, Orchestrator, type SagaQueue } from '#sagas';
import { changeSagas, Purger } from '#tables';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE, EVENT_STORE, LIMITS, LOG, LOGGER, SAGA_QUEUE, type Log, type Logger } from '../core/tokens.js';
import { Databases } from '../databases/databases.js';
import { RegistryModule } from '../databases/registry.module.js';

/** The queue and the orchestrator: made together, since whoever stops the orchestrator stops its queue. */
const ENGINE = Symbol('saga engine');
interface SagaEngine {
  queue: SagaQueue;
  orchestrator: Orchestrator;
}

/** What runs sagas. A process of the role `api` makes it too, to wake the others, and does not start it. */
@Module({
  imports: [RegistryModule],
  providers: [
    {
      provide: ENGINE,
      inject: [CONFIG, LOGGER, LOG, CORE, CoreClock, EVENT_STORE, LIMITS, Databases, Lifecycle],
      useFactory: makeEngine,
    },
    { provide: SAGA_QUEUE, inject: [ENGINE], useFactory: ({ queue }: SagaEngine) => queue },
    { provide: Orchestrator, inject: [ENGINE], useFactory: ({ orchestrator }: SagaEngine) => orchestrator },
    {
      provide: Purger,
      inject: [CONFIG, LOG, CORE, CoreClock, EVENT_STORE, Orchestrator, Lifecycle],
      useFactory: makePurger,
    },
  ],
  exports: [SAGA_QUEUE, Orchestrator],
})
export class RunnerModule implements OnModuleInit {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly orchestrator: Orchestrator,
    private readonly purger: Purger,
    private readonly lifecycle: Lifecycle,
  ) {}

  onModuleInit(): void {
    if (this.config.ROLE === 'api') return;
    this.lifecycle.onListening(() => {
      this.orchestrator.start();
      this.purger.start();
    });
  }
}

async function makeEngine(
  config: Config,
  logger: Logger,
  log: Log,
  core: CoreDatabase,
  clock: CoreClock,
  store: EventStore,
  limits: Limits,
  databases: Databases,
  lifecycle: Lifecycle,
): Promise<SagaEngine> {
  const queue = await openQueue(config, logger);
  const definition = changeSagas({
    store,
    core,
    connect: (id) => databases.connect(id),
    limits,
    retentionSeconds: config.RETENTION_SECONDS,
    lockTimeoutMs: config.LOCK_TIMEOUT_MS,
    slots: config.DATABASE_CONCURRENCY,
  });
  const orchestrator = new Orchestrator({
    store,
    core,
    clock,
    queue,
    definition,
    log,
    concurrency: config.SAGA_CONCURRENCY,
    perTarget: config.DATABASE_CONCURRENCY,
  });
  lifecycle.onStop('sagas', () => orchestrator.stop());
  return { queue, orchestrator };
}

async function openQueue(config: Config, logger: Logger): Promise<SagaQueue> {
  const { REDIS_URL: url, SAGA_CONCURRENCY: concurrency } = config;
  if (url === undefined) return new InProcessQueue(concurrency);
  // Loaded when asked for: BullMQ and its Redis client are half of a start's time.
  const { BullQueue } = await import('#sagas/bullmq');
  return new BullQueue(url, concurrency, 'schemasaga', (error) => {
    logger.warn({ error: error.message }, 'redis');
  });
}

function makePurger(
  config: Config,
  log: Log,
  core: CoreDatabase,
  clock: CoreClock,
  store: EventStore,
  orchestrator: Orchestrator,
  lifecycle: Lifecycle,
): Purger {
  const purger = new Purger({
    store,
    core,
    clock,
    wake: (sagaId) => orchestrator.wake(sagaId),
    deadlineSeconds: config.CHANGE_DEADLINE_SECONDS,
    log,
  });
  lifecycle.onStop('makers', () => purger.stop());
  return purger;
}
