import { Module } from '@nestjs/common';
import { LogModule } from '../log/log.module.js';
import { RunnerModule } from './runner.module.js';
import { SagaCommandsController, SagaQueriesController } from './sagas.controller.js';
import { Sagas } from './sagas.js';

/** The calls about sagas. */
@Module({
  imports: [RunnerModule, LogModule],
  controllers: [SagaQueriesController, SagaCommandsController],
  providers: [Sagas],
})
export class SagasModule {}
