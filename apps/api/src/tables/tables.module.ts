import { Module } from '@nestjs/common';
import { DatabasesModule } from '../databases/databases.module.js';
import { RegistryModule } from '../databases/registry.module.js';
import { CommandsModule } from './commands.module.js';
import { ReplayController, TableCommandsController, TableQueriesController } from './tables.controller.js';
import { TableCommands } from './tables.commands.js';
import { TableQueries } from './tables.queries.js';

/** The calls about tables. */
@Module({
  imports: [RegistryModule, CommandsModule, DatabasesModule],
  controllers: [TableCommandsController, ReplayController, TableQueriesController],
  providers: [TableCommands, TableQueries],
})
export class TablesModule {}
