import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { CoreClock, type CoreDatabase, type EventStore } from '#event-store';
import type { Limits } from '#byodb';
import { Orchestrator, type SagaQueue } from '#sagas';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE, EVENT_STORE, LIMITS, LOG, SAGA_QUEUE, type Log } from '../core/tokens.js';
import { Databases } from '../databases/databases.js';
import { RegistryModule } from '../databases/registry.module.js';
import { RunnerModule } from '../sagas/runner.module.js';
import { CommandHandler } from './command-handler.js';

const HOUR_MS = 3_600_000;

/** How a command is accepted, about a table or about a database. */
@Module({
  imports: [RegistryModule, RunnerModule],
  providers: [
    {
      provide: CommandHandler,
      inject: [CONFIG, CORE, CoreClock, EVENT_STORE, LIMITS, Databases, Orchestrator, SAGA_QUEUE, Lifecycle],
      useFactory: makeCommands,
    },
  ],
  exports: [CommandHandler],
})
export class CommandsModule implements OnModuleInit {
  constructor(
    private readonly commands: CommandHandler,
    private readonly lifecycle: Lifecycle,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onModuleInit(): void {
    const forgetting = setInterval(() => {
      this.commands.forgetKeys().catch((error: unknown) => {
        this.log('old idempotency keys were not forgotten', { error: String(error) });
      });
    }, HOUR_MS);
    this.lifecycle.onStop('makers', () => {
      clearInterval(forgetting);
    });
  }
}

function makeCommands(
  config: Config,
  core: CoreDatabase,
  clock: CoreClock,
  store: EventStore,
  limits: Limits,
  databases: Databases,
  orchestrator: Orchestrator,
  queue: SagaQueue,
  lifecycle: Lifecycle,
): CommandHandler {
  const commands = new CommandHandler({
    core,
    clock,
    store,
    databases,
    orchestrator,
    // Listening takes a connection of its own.
    queue: config.ROLE === 'worker' ? null : queue,
    deadlineSeconds: config.CHANGE_DEADLINE_SECONDS,
    retentionSeconds: config.RETENTION_SECONDS,
    limits,
  });
  lifecycle.onStop('callers', () => {
    commands.stop();
  });
  return commands;
}
