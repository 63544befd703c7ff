import { Controller, Get, Header, HttpCode } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { MOST_OFF_MS, type CoreClock, type CoreDatabase } from '#event-store';
import type { SagaQueue } from '#sagas';
import { ApiError } from '../http/api-error.js';

export class Health {
  readonly registry = new Registry();
  constructor(
    private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
    private readonly queue: SagaQueue,
  ) {
    collectDefaultMetrics({ register: this.registry });
  }

  async ready(): Promise<object> {
    await this.core.ping();
    if (this.clock.isOff()) throw this.off();
    try {
      await this.queue.ping();
    } catch {
      throw new ApiError(
        'queue_unavailable',
        'Redis does not answer: changes go on from the core database, and start a moment later',
        { members: { core_database: 'ok', queue: 'unreachable' } },
      );
    }
    return { status: 'ok', core_database: 'ok', clock: 'ok', queue: 'ok' };
  }

  private off(): ApiError {
    const by = Math.round(this.clock.offBy());
    const detail =
      `the clock of this process is ${Math.abs(by) / 1000} s ${by > 0 ? 'ahead of' : 'behind'} the core ` +
      `database's, and may be off by ${MOST_OFF_MS / 1000} s: it takes no work until it is right`;
    return new ApiError('clock_off', detail, { members: { core_database: 'ok', clock: 'off', clock_off_by_ms: by } });
  }
}

@Controller()
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('health/live')
  @HttpCode(200)
  live(): object {
    return { status: 'ok' };
  }

  @Get('health/ready')
  async ready(): Promise<object> {
    return this.health.ready();
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4')
  async metrics(): Promise<string> {
    return this.health.registry.metrics();
  }
}
