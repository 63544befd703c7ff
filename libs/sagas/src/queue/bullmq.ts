import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { v7 as uuid } from 'uuid';
import type { SagaQueue } from './queue.js';

const NAME = 'sagas';

/**
 * BullMQ on Redis, as an alarm clock only: Redis may be wiped at any time. Each wake is a job of its own id, because
 * BullMQ silently ignores an id that it has seen; doubles are harmless, for a saga's lease lets one run.
 */
export class BullQueue implements SagaQueue {
  private readonly redis: Redis;
  private readonly queue: Queue;
  private worker: Worker | null = null;

  constructor(private readonly url: string, private readonly concurrency: number, private readonly prefix: string, private readonly onError: (error: Error) => void) {
    // Fails at once while Redis is away: the reconciler makes up for a wake that was not heard.
    this.redis = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: true, commandTimeout: 2000 });
    this.redis.on('error', onError);
    this.queue = new Queue(NAME, { connection: this.redis, prefix });
    this.queue.on('error', onError);
  }

  async wake(sagaId: string, delayMs = 0): Promise<void> {
    await this.queue.add('wake', { saga_id: sagaId }, { jobId: `${sagaId}-${uuid()}`, delay: delayMs, removeOnComplete: true, removeOnFail: true });
  }

  start(handler: (sagaId: string) => Promise<void>): void {
    const connection = new Redis(this.url, { maxRetriesPerRequest: null });
    connection.on('error', this.onError);
    this.worker = new Worker<{ saga_id: string }>(NAME, async (job) => handler(job.data.saga_id), { connection, prefix: this.prefix, concurrency: this.concurrency });
    this.worker.on('error', this.onError);
    this.worker.on('closed', () => connection.disconnect());
  }

  async ping(): Promise<void> {
    await this.redis.ping();
  }

  async stop(): Promise<void> {
    await this.worker?.close();
    await this.queue.close();
    this.redis.disconnect();
  }
}
