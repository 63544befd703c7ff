import type { FastifyReply, FastifyRequest } from 'fastify';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Feed, type EventStore, type ReadAllFilter, type StoredEvent } from '#event-store';
import { ApiError } from '../http/api-error.js';

const BATCH = 100;
const HEARTBEAT_MS = 15_000;

export interface StreamOptions {
  after: number;
  filter: ReadAllFilter;
  /** The stream ends after the event for which this holds; without it, it goes on. */
  until?: (event: StoredEvent) => boolean;
}

/**
 * Server-sent events. Each client is written to only as fast as it reads: what it has not taken is not read from the
 * log.
 */
export class EventStreams {
  private readonly feed: Feed;
  private readonly open = new Map<AbortController, Promise<void>>();
  private stopped = false;

  constructor(
    private readonly store: EventStore,
    private readonly heartbeatMs = HEARTBEAT_MS,
  ) {
    // As `GET /events` gives them: an event's hash is that of what is stored.
    this.feed = new Feed({ ...store, ...store.asStored });
  }

  /** Resolves when the stream is over. Errors, before anything was sent: CoreUnavailable. */
  async serve(reply: FastifyReply, requestId: string, options: StreamOptions): Promise<void> {
    // Asked now, since after the first byte an error can no longer become an answer.
    await this.store.head();
    if (this.stopped) throw new ApiError('core_database_unavailable', 'the service is shutting down');
    const ending = new AbortController();
    const { raw } = reply;
    reply.hijack();
    raw.once('close', () => ending.abort());
    if (raw.destroyed) ending.abort();
    // `close`: a connection kept for the next request would hold up a shutdown.
    raw.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      Connection: 'close',
      'X-Accel-Buffering': 'no',
      'X-Request-Id': requestId,
    });
    raw.write(': events follow\n\n');
    const serving = this.write(raw, options, ending.signal).finally(() => {
      this.open.delete(ending);
      ending.abort();
    });
    this.open.set(ending, serving);
    await serving;
  }

  /** Ends all streams, so that the server can close. */
  async stop(): Promise<void> {
    this.stopped = true;
    const all = [...this.open];
    for (const [ending] of all) ending.abort();
    await Promise.all(all.map(([, serving]) => serving));
  }

  private async write(
    raw: ServerResponse,
    { after, filter, until }: StreamOptions,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      for await (const batch of this.feed.follow(after, {
        filter,
        batchSize: BATCH,
        idleMs: this.heartbeatMs,
        signal,
      })) {
        const last = until === undefined ? -1 : batch.findIndex(until);
        const text =
          batch.length === 0
            ? ': still here\n\n'
            : batch
                .slice(0, last === -1 ? batch.length : last + 1)
                .map(message)
                .join('');
        if (!raw.write(text)) await once(raw, 'drain', { signal });
        if (last !== -1) break;
      }
      raw.end();
    } catch {
      // The client is gone, does not read while we shut down, or the core database is: it comes back with the last id
      // it saw.
      raw.destroy();
    }
  }
}

function message(event: StoredEvent): string {
  return `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * The position that a client saw last: what it says when it comes back wins over the address, which stays the same.
 * Null: neither is given.
 */
export function resumeAfter(request: FastifyRequest): number | null {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return null;
  if (typeof given !== 'string' || !/^\d{1,15}$/.test(given)) {
    throw new ApiError('validation_failed', 'Last-Event-ID must be a position', {
      errors: [{ path: 'Last-Event-ID', message: 'must be a position' }],
    });
  }
  return Number(given);
}
