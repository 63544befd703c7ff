import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { pino } from 'pino';
import {
  CoreClock,
  coreIdentity,
  createEventStore,
  Followers,
  liftReadModels,
  migrate,
  openCoreDatabase,
  packageVersion,
  ReadModels,
  startSealer,
} from '#event-store';
import { InProcessQueue, Orchestrator } from '#sagas';
import { changeSagas, Purger, upcasters } from '#tables';
import type { Config } from './config.js';
import { AppliedThere } from './databases/applied.js';
import { Candidates } from './databases/candidates.js';
import { AsideLists } from './databases/aside.js';
import { AddressRules, DatabaseLists, DatabasesController } from './databases/databases.controller.js';
import { DatabaseChanges } from './databases/changes.js';
import { Databases } from './databases/databases.js';
import { DefaultDatabase } from './databases/default.js';
import { DriftWatch } from './databases/drift-watch.js';
import { OwnFiles } from './databases/own-files.js';
import { DatabasePast } from './databases/past.js';
import { keepPrivate } from './databases/private-files.js';
import { Vault } from './databases/vault.js';
import { DocsController } from './docs/docs.controller.js';
import { Health, HealthController } from './health/health.controller.js';
import { listen } from './http/listen.js';
import { LogController, ProjectionsController, ReceivedController } from './log/log.controller.js';
import { Log } from './log/log.js';
import { Projections } from './log/projections.js';
import { ReceivedCommands } from './log/received.js';
import { EventStreams } from './log/streams.js';
import { keptBehind, keptInline } from './read-models.js';
import { Sagas, SagasController } from './sagas/sagas.controller.js';
import { Commands } from './tables/commands.js';
import { History } from './tables/history.js';
import { TablesController } from './tables/tables.controller.js';
import { Tables } from './tables/tables.js';

@Module({})
class AppModule {}

export interface App {
  url: string;
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** The only place where ports meet adapters. Resolves when it listens and takes sagas. */
export async function startApp(config: Config): Promise<App> {
  const logger = pino({ level: config.LOG_LEVEL });
  await keepPrivate(config.DATA_DIR, [config.CORE_DATABASE_URL, config.BYODB_URL]);
  const core = await openCoreDatabase(config.CORE_DATABASE_URL);
  await migrate(core).catch(async (error: unknown) => {
    await core.close();
    throw error;
  });
  const clock = await CoreClock.open(core, (level, message, details) => {
    logger[level](details, message);
  });
  clock.watch();
  const now = (): Date => new Date(clock.now());
  const store = createEventStore(core, { projections: keptInline.map(({ projection }) => projection), upcasters, now });
  const behind = keptBehind(store);
  const readModels = [...keptInline, ...behind];
  await liftReadModels(core, store, readModels, {
    version: packageVersion(),
    onLift: (names) => {
      logger.info({ names }, 'read models of an earlier version are made anew from the log');
    },
  });
  const vault = await Vault.open(config.CREDENTIALS_KEY, config.DATA_DIR, core);
  const log = (message: string, details: Record<string, unknown>): void => {
    logger.warn(details, message);
  };
  // Loaded when asked for: BullMQ and its Redis client are half of a start's time.
  const queue =
    config.REDIS_URL === undefined
      ? new InProcessQueue(config.SAGA_CONCURRENCY)
      : new (await import('#sagas/bullmq')).BullQueue(
          config.REDIS_URL,
          config.SAGA_CONCURRENCY,
          'schemasaga',
          (error) => {
            logger.warn({ error: error.message }, 'redis');
          },
        );
  const databases = new Databases(
    core,
    store,
    vault,
    new Candidates(await coreIdentity(core), new OwnFiles(config.CORE_DATABASE_URL, config.DATA_DIR)),
  );
  const limits = { maxRewriteRows: config.MAX_REWRITE_ROWS };
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
  const purger = new Purger({
    store,
    core,
    clock,
    wake: (sagaId) => orchestrator.wake(sagaId),
    deadlineSeconds: config.CHANGE_DEADLINE_SECONDS,
    log,
  });
  const commands = new Commands({
    core,
    clock,
    store,
    databases,
    orchestrator,
    deadlineSeconds: config.CHANGE_DEADLINE_SECONDS,
    retentionSeconds: config.RETENTION_SECONDS,
    limits,
  });
  const forgetting = setInterval(() => {
    commands.forgetKeys().catch((error: unknown) => {
      log('old idempotency keys were not forgotten', { error: String(error) });
    });
  }, HOUR_MS);
  const rules = new AddressRules();
  const registering = new DefaultDatabase(databases, rules.read({ url: config.BYODB_URL }), (error) => {
    logger.error({ error: String(error) }, 'the default database cannot be reached yet');
  });
  await registering.start();

  const streams = new EventStreams(store);
  const models = new ReadModels(core, store, readModels, now);
  const followers = new Followers(core, store, behind, (name, error) => {
    logger.error({ error: String(error) }, `the read model ${name} stands still`);
  });
  const applied = new AppliedThere(core, store, followers);
  const past = new DatabasePast(core, applied, databases);
  const watch = new DriftWatch(core, clock, store, past, { everySeconds: config.DRIFT_CHECK_SECONDS, log });
  const received = new ReceivedCommands(core, clock, { retentionSeconds: config.COMMANDS_RETENTION_SECONDS, log });
  const worker = config.ROLE === 'worker';
  const module: DynamicModule = {
    module: AppModule,
    controllers: worker
      ? [HealthController]
      : [
          TablesController,
          SagasController,
          DatabasesController,
          LogController,
          ReceivedController,
          ProjectionsController,
          HealthController,
          DocsController,
        ],
    providers: [
      {
        provide: Tables,
        useValue: new Tables(core, store, commands, databases, new History(core, store, commands, applied)),
      },
      { provide: Sagas, useValue: new Sagas(core, store, orchestrator) },
      { provide: Databases, useValue: databases },
      { provide: DatabaseLists, useValue: new DatabaseLists(core, databases) },
      { provide: AsideLists, useValue: new AsideLists(core, databases) },
      { provide: DatabasePast, useValue: past },
      { provide: DatabaseChanges, useValue: new DatabaseChanges(core, databases, commands) },
      { provide: AddressRules, useValue: rules },
      { provide: Log, useValue: new Log(core, store) },
      { provide: Projections, useValue: new Projections(core, store, models) },
      { provide: ReceivedCommands, useValue: received },
      { provide: EventStreams, useValue: streams },
      { provide: Health, useValue: new Health(core, clock, queue) },
    ],
  };
  followers.start();
  const http = await listen(module, config, logger, received);
  if (config.ROLE !== 'api') {
    orchestrator.start();
    purger.start();
    watch.start();
  }
  const sealer = startSealer(core, store, {
    onError: (error) => {
      logger.error({ error: String(error) }, 'sealing the log failed');
    },
  });
  return {
    url: http.url,
    async stop() {
      commands.stop();
      await streams.stop();
      await http.close();
      clearInterval(forgetting);
      await registering.stop();
      await purger.stop();
      await watch.stop();
      await received.stop();
      await orchestrator.stop();
      await models.stop();
      await followers.stop();
      await sealer.stop();
      clock.stop();
      await databases.close();
      await core.close();
    },
  };
}
