import { Module } from '@nestjs/common';
import { CommandsModule } from '../tables/commands.module.js';
import { AsideLists } from './aside.js';
import { DatabaseChanges } from './changes.js';
import { DatabaseCommandsController, DatabaseQueriesController } from './databases.controller.js';
import { DatabaseLists } from './lists.js';
import { RegistryModule } from './registry.module.js';

/** The calls about databases. */
@Module({
  imports: [RegistryModule, CommandsModule],
  controllers: [DatabaseCommandsController, DatabaseQueriesController],
  providers: [AsideLists, DatabaseChanges, DatabaseLists],
  exports: [AsideLists],
})
export class DatabasesModule {}
