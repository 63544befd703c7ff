import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { v7 as uuid } from 'uuid';
import type { SagaQueue } from './queue.js';

const NAME = 'sagas';
/** How long a goodbye to Redis may take once no saga runs here any more. */
const CLOSE_MS = 2000;

/** With Redis away its own end stops before the timer that renews locks, which would keep the process for ever. */
class StoppableWorker<T> extends Worker<T> {
  async letGo(): Promise<void> {
    await this.lockManager.close();
  }
}

/**
 * BullMQ on Redis, as an alarm clock only: Redis may be wiped at any time. Each wake is a job of its own id, because
 * BullMQ silently ignores an id that it has seen; doubles are harmless, for a saga's lease lets one run.
 */
export class BullQueue implements SagaQueue {
  private readonly redis: Redis;
  private readonly queue: Queue;
  private worker: StoppableWorker<{ saga_id: string }> | null = null;
  /** Those that only wait: for what is told, and the worker's, with the copies that it makes. */
  private readonly waiting: Redis[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly channel: string;

  constructor(
    private readonly url: string,
    private readonly concurrency: number,
    private readonly prefix: string,
    private readonly onError: (error: Error) => void,
  ) {
    // Fails at once while Redis is away: the reconciler makes up for a wake that was not heard.
    this.redis = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: true, commandTimeout: 2000 });
    this.redis.on('error', onError);
    this.channel = `${prefix}:told`;
    this.queue = new Queue(NAME, { connection: this.redis, prefix });
    this.queue.on('error', onError);
  }

  async wake(sagaId: string, delayMs = 0): Promise<void> {
    // BullMQ waits for its first connection for as long as it takes, and no option of the client bounds that.
    if (this.redis.status !== 'ready') throw new Error(`Redis is not there (${this.redis.status})`);
    await this.queue.add(
      'wake',
      { saga_id: sagaId },
      { jobId: `${sagaId}-${uuid()}`, delay: delayMs, removeOnComplete: true, removeOnFail: true },
    );
  }

  start(handler: (sagaId: string) => Promise<void>): void {
    const connection = this.keep(new Redis(this.url, { maxRetriesPerRequest: null }));
    connection.on('error', this.onError);
    connection.duplicate = (override) => this.keep(Redis.prototype.duplicate.call(connection, override));
    this.worker = new StoppableWorker<{ saga_id: string }>(NAME, async (job) => this.track(handler(job.data.saga_id)), {
      connection,
      prefix: this.prefix,
      concurrency: this.concurrency,
    });
    this.worker.on('error', this.onError);
  }

  tell(sagaId: string): void {
    if (this.redis.status !== 'ready') return;
    this.redis.publish(this.channel, sagaId).catch(this.onError);
  }

  /** On a connection of its own: one that listens takes no other command. It listens again whenever Redis is back. */
  onTold(listener: (sagaId: string) => void): boolean {
    const connection = this.keep(new Redis(this.url, { maxRetriesPerRequest: null }));
    connection.on('error', this.onError);
    connection.on('message', (_channel: string, sagaId: string) => {
      listener(sagaId);
    });
    connection.subscribe(this.channel).catch(this.onError);
    return true;
  }

  async ping(): Promise<void> {
    await this.redis.ping();
  }

  async stop(): Promise<void> {
    // Takes no more jobs from here on. With Redis away, or just back, BullMQ may wait for its connections for ever.
    const closed = Promise.allSettled([this.worker?.close(), this.queue.close()]);
    while (this.running.size > 0) await Promise.allSettled(this.running);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      closed,
      new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      }),
    ]);
    clearTimeout(timer);
    await this.worker?.letGo();
    // A connection that BullMQ gave up on would try to reconnect for as long as the process lives.
    for (const connection of [...this.waiting, this.redis]) connection.disconnect();
  }

  private keep(connection: Redis): Redis {
    this.waiting.push(connection);
    return connection;
  }

  private async track(work: Promise<void>): Promise<void> {
    this.running.add(work);
    try {
      await work;
    } finally {
      this.running.delete(work);
    }
  }
}
