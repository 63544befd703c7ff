import { Module, type DynamicModule } from '@nestjs/common';
import type { Config } from './config.js';
import { CoreModule } from './core/core.module.js';
import type { Lifecycle } from './core/lifecycle.js';
import type { Logger } from './core/tokens.js';
import { DatabasesModule } from './databases/databases.module.js';
import { RegistryModule } from './databases/registry.module.js';
import { DocsModule } from './docs/docs.module.js';
import { HealthModule } from './health/health.module.js';
import { LogModule } from './log/log.module.js';
import { RunnerModule } from './sagas/runner.module.js';
import { SagasModule } from './sagas/sagas.module.js';
import { CommandsModule } from './tables/commands.module.js';
import { TablesModule } from './tables/tables.module.js';

/** What every role needs. A process of the role `worker` answers nothing but its health. */
const EVERY_ROLE = [RegistryModule, RunnerModule, CommandsModule, HealthModule];
const API = [TablesModule, SagasModule, DatabasesModule, LogModule, DocsModule];

@Module({})
export class AppModule {
  static with(config: Config, logger: Logger, lifecycle: Lifecycle): DynamicModule {
    const core = CoreModule.with(config, logger, lifecycle);
    return { module: AppModule, imports: [core, ...EVERY_ROLE, ...(config.ROLE === 'worker' ? [] : API)] };
  }
}
