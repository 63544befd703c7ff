import { Module } from '@nestjs/common';
import { RunnerModule } from '../sagas/runner.module.js';
import { HealthController } from './health.controller.js';
import { Health } from './health.js';

/** Health and metrics. */
@Module({ imports: [RunnerModule], controllers: [HealthController], providers: [Health] })
export class HealthModule {}
