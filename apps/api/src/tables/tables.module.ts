import { Module } from '@nestjs/common';
import { DatabasesModule } from '../databases/databases.module.js';
import { RegistryModule } from '../databases/registry.module.js';
import { CommandsModule } from './commands.module.js';
import { History } from './history.js';
import { ReplayController, TableCommandsController, TableQueriesController } from './tables.controller.js';
import { Tables } from './tables.js';

/** The calls about tables. */
@Module({
  imports: [RegistryModule, CommandsModule, DatabasesModule],
  controllers: [TableCommandsController, ReplayController, TableQueriesController],
  providers: [History, Tables],
})
export class TablesModule {}
