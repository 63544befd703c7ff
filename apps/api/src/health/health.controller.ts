import { Controller, Get, Header, HttpCode } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { CoreDatabase } from '../../../../libs/event-store/src/index.js';
import type { SagaQueue } from '../../../../libs/sagas/src/index.js';
import { ApiError } from '../http/api-error.js';

export class Health {
  readonly registry = new Registry();
  constructor(private readonly core: CoreDatabase, private readonly queue: SagaQueue) { collectDefaultMetrics({ register: this.registry }); }

  async ready(): Promise<object> {
    await this.core.ping();
    try {
      await this.queue.ping();
    } catch {
      throw new ApiError('queue_unavailable', 'Redis does not answer: changes go on from the core database, and start a moment later', { members: { core_database: 'ok', queue: 'unreachable' } });
    }
    return { status: 'ok', core_database: 'ok', queue: 'ok' };
  }
}

@Controller()
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('health/live')
  @HttpCode(200)
  live(): object { return { status: 'ok' }; }

  @Get('health/ready')
  async ready(): Promise<object> { return this.health.ready(); }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4')
  async metrics(): Promise<string> { return this.health.registry.metrics(); }
}
