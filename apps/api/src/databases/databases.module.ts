import { Module } from '@nestjs/common';
import { CommandsModule } from '../tables/commands.module.js';
import { AsideQueries } from './aside.queries.js';
import { DatabaseCommands } from './databases.commands.js';
import { DatabaseCommandsController, DatabaseQueriesController } from './databases.controller.js';
import { DatabaseQueries } from './databases.queries.js';
import { RegistryModule } from './registry.module.js';

/** The calls about databases. */
@Module({
  imports: [RegistryModule, CommandsModule],
  controllers: [DatabaseCommandsController, DatabaseQueriesController],
  providers: [AsideQueries, DatabaseCommands, DatabaseQueries],
  exports: [AsideQueries],
})
export class DatabasesModule {}
