import { Inject, Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { CoreClock, MOST_OFF_MS, type CoreDatabase } from '#event-store';
import type { SagaQueue } from '#sagas';
import { CORE, SAGA_QUEUE } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';

/** Whether this process can work, and its metrics. */
@Injectable()
export class Health {
  readonly registry = new Registry();

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
    @Inject(SAGA_QUEUE) private readonly queue: SagaQueue,
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
