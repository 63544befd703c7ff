import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { RunnerModule } from './runner.module.js';
import { SagaCommandsController, SagaQueriesController } from './sagas.controller.js';
import { SagaQueries } from './sagas.queries.js';

/** The calls about sagas. */
@Module({
  imports: [RunnerModule, LogModule],
  controllers: [SagaQueriesController, SagaCommandsController],
  providers: [SagaQueries],
})
export class SagasModule {}
