import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  CoreClock,
  CoreUnavailable,
  readPage,
  sql,
  sqlList,
  UniqueViolation,
  type CoreDatabase,
  type Row,
  type Sql,
} from '#event-store';
import type { Config } from '../config.js';
import { Lifecycle } from '../core/lifecycle.js';
import { CONFIG, CORE, LOG, type Log } from '../core/tokens.js';
import { cursorAfter, metadataOf, pageShape, toldAs } from '../http/input.js';
import { problemOf } from '../http/problem.js';
import { withoutSecrets } from './redact.js';

/** A command as it was received, and what it was answered. */
interface Received {
  request_id: string;
  received_at: string;
  actor: string;
  method: string;
  path: string;
  body: string | null;
  status: number;
  code: string | null;
  saga_id: string | null;
  duration_ms: number;
}

/** Calls that are no commands, though they are no GET. */
const reads = new Set(['/table/show', '/databases/:name/test']);
const FLUSH_MS = 200;
const RETRY_MS = 1000;
const ROWS_PER_INSERT = 100;
/**
 * What is kept in memory while the core database is away; then the oldest go. Commands, and characters of their bodies.
 */
const MOST_WAITING = 10_000;
const MOST_WAITING_LENGTH = 8 * 1024 * 1024;
const LONGEST_BODY = 16_384;
/** Of a refused command less is kept: anybody can send as many as he likes of them. */
const LONGEST_REFUSED = 2048;
const LONGEST_PATH = 1000;
/** Refused commands that are kept beside what was accepted; with what is kept of each, some 40 MB. */
const MOST_REFUSED = 20_000;
/** After so many of this process it is looked whether there are too many. */
const REFUSED_BETWEEN_SWEEPS = 2000;
const SWEEP_ROWS = 1000;
const HOUR_MS = 3_600_000;
export const commandsQuery = z.strictObject({
  limit: pageShape.limit,
  cursor: toldAs(z.string(), z.uuid('is not a cursor of this list').optional()),
  saga_id: toldAs(
    z.string(),
    z
      .string()
      .min(1)
      .max(64)
      .regex(/^[!-~]+$/)
      .optional(),
  ),
});
export type CommandsQuery = z.output<typeof commandsQuery>;
const refused = sql`status >= 400 and saga_id is null`;
const columns = sql`request_id, received_at, actor, method, path, body, status, code, saga_id, duration_ms`;

/**
 * Every command received, refused ones too. Noted when the answer goes out and written soon after it, in batches: no
 * command waits for it, and none fails by it. A process killed at that moment loses the last notes; what was accepted
 * is in the events all the same.
 */
@Injectable()
export class CommandLog implements OnModuleInit {
  private waiting: Received[] = [];
  private waitingLength = 0;
  private refused = 0;
  private sweeping: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private sweeper: NodeJS.Timeout | null = null;
  private flushing: Promise<boolean> | null = null;

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly host: HttpAdapterHost,
    private readonly lifecycle: Lifecycle,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance<FastifyInstance>();
    this.lifecycle.onStop('makers', () => this.stop());
    server.addHook('onSend', (request, reply, payload, done) => {
      // Whatever goes wrong here, the answer goes out.
      try {
        if (isCommand(request)) this.note(received(request, reply, this.clock.now()));
      } catch (error) {
        this.log('a command was not noted', { request_id: request.id, error: String(error) });
      }
      done(null, payload);
    });
    const every = Math.min(HOUR_MS, Math.max(1000, this.config.COMMANDS_RETENTION_SECONDS * 250));
    this.sweeper = setInterval(() => {
      this.sweepSoon();
    }, every);
    this.sweepSoon();
  }

  async list({ limit, cursor, saga_id }: CommandsQuery): Promise<object> {
    await this.flush();
    const older = cursor === undefined ? sql`` : sql` and request_id < ${cursor}`;
    const own = saga_id === undefined ? sql`` : sql` and saga_id = ${saga_id}`;
    // The ids are UUIDv7: their order is that of the time.
    const { rows, more } = await readPage(this.core, {
      from: sql`from commands where 1 = 1${older}${own}`,
      key: 'request_id',
      order: 'desc',
      heavy: 'body',
      columns,
      limit,
    });
    return { commands: rows.map(view), next_cursor: cursorAfter(rows, more, (last) => String(last['request_id'])) };
  }

  private sweepSoon(): void {
    this.refused = 0;
    this.sweeping ??= this.sweep()
      .catch((error: unknown) => {
        this.log('old commands were not swept', { error: String(error) });
      })
      .finally(() => {
        this.sweeping = null;
      });
  }

  /** Deletes what is older than the retention time, and the oldest refused ones where there are too many. */
  private async sweep(): Promise<void> {
    const before = new Date(
      (await this.clock.earliest()) - this.config.COMMANDS_RETENTION_SECONDS * 1000,
    ).toISOString();
    for (let more = true; more;) {
      const old = await this.core.query(
        sql`select request_id from commands where received_at < ${before} order by received_at limit ${SWEEP_ROWS}`,
      );
      if (old.length > 0)
        await this.core.execute(
          sql`delete from commands where request_id in (${sqlList(old.map((row) => String(row['request_id'])))})`,
        );
      more = old.length === SWEEP_ROWS;
    }
    const [last] = await this.core.query(
      sql`select request_id from commands where ${refused} order by request_id desc limit 1 offset ${MOST_REFUSED}`,
    );
    if (last !== undefined)
      await this.core.execute(
        sql`delete from commands where ${refused} and request_id <= ${String(last['request_id'])}`,
      );
  }

  /** After the server was closed. What cannot be written now is lost, and said so. */
  private async stop(): Promise<void> {
    if (this.sweeper !== null) clearInterval(this.sweeper);
    await this.sweeping;
    await this.flush();
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.waiting.length > 0) this.log('commands were not recorded', { lost: this.waiting.length });
  }

  private note(command: Received): void {
    this.waiting.push(command);
    this.waitingLength += lengthOf(command);
    while (this.waiting.length > MOST_WAITING || this.waitingLength > MOST_WAITING_LENGTH) {
      this.waitingLength -= lengthOf(this.waiting.shift()!);
      this.log('commands were not recorded', { lost: 1 });
    }
    if (command.status >= 400 && command.saga_id === null && ++this.refused >= REFUSED_BETWEEN_SWEEPS) this.sweepSoon();
    this.later(FLUSH_MS);
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.flush();
    }, ms);
  }

  /** Writes what waits; what waits when the core database is away goes on waiting. One at a time. */
  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      this.flushing ??= this.write(this.waiting.slice(0, ROWS_PER_INSERT)).finally(() => {
        this.flushing = null;
      });
      if (!(await this.flushing)) return this.later(RETRY_MS);
    }
  }

  /** False: not now. */
  private async write(batch: Received[]): Promise<boolean> {
    try {
      await this.insert(batch);
    } catch (error) {
      if (error instanceof CoreUnavailable) return false;
      // One of them is there already (a commit whose answer was lost) or cannot be stored: it must not stop the others.
      for (const one of batch) {
        try {
          await this.insert([one]);
        } catch (reason) {
          if (reason instanceof CoreUnavailable) return false;
          if (!(reason instanceof UniqueViolation))
            this.log('a command was not recorded', { request_id: one.request_id, error: String(reason) });
        }
      }
    }
    const done = new Set(batch);
    this.waiting = this.waiting.filter((one) => !done.has(one));
    this.waitingLength = this.waiting.reduce((sum, one) => sum + lengthOf(one), 0);
    return true;
  }

  private async insert(batch: Received[]): Promise<void> {
    const row = (one: Received): Sql => {
      const values = [
        one.request_id,
        one.received_at,
        one.actor,
        one.method,
        one.path,
        one.body,
        one.status,
        one.code,
        one.saga_id,
        one.duration_ms,
      ];
      return sql`(${sqlList(values)})`;
    };
    await this.core.execute(sql`insert into commands (${columns}) values ${sqlList(batch.map(row))}`);
  }
}

function isCommand(request: FastifyRequest): boolean {
  const route = request.routeOptions.url;
  if (
    request.method === 'GET' ||
    request.method === 'HEAD' ||
    request.method === 'OPTIONS' ||
    route === undefined ||
    reads.has(route)
  )
    return false;
  // A replay without a database only reads, and a dry run leaves no trace.
  if (route === '/table/replay' && (request.body as { database?: unknown } | null | undefined)?.database === undefined)
    return false;
  return (request.query as { dry_run?: unknown }).dry_run !== 'true';
}

function received(request: FastifyRequest, reply: FastifyReply, now: number): Received {
  const took = Math.round(reply.elapsedTime);
  const problem = problemOf(reply);
  const body =
    request.body === undefined || request.body === null
      ? null
      : JSON.stringify(withoutSecrets(request.routeOptions.url!, request.body));
  const location = /^\/sagas\/([^/]+)$/.exec(String(reply.getHeader('location') ?? ''))?.[1];
  const params = request.params as { id?: string };
  const saga =
    location ??
    problem?.saga_id ??
    (request.routeOptions.url!.startsWith('/sagas/') && reply.statusCode !== 404 ? params.id : undefined);
  const longest = reply.statusCode >= 400 && saga === undefined ? LONGEST_REFUSED : LONGEST_BODY;
  return {
    request_id: request.id,
    received_at: new Date(now - took).toISOString(),
    actor: metadataOf(request).actor,
    method: request.method,
    path: request.url.split('?', 1)[0]!.slice(0, LONGEST_PATH),
    body: body === null || body.length <= longest ? body : JSON.stringify({ left_out: `${body.length} characters` }),
    status: reply.statusCode,
    code: problem?.code ?? null,
    saga_id: saga ?? null,
    duration_ms: took,
  };
}

function lengthOf(command: Received): number {
  return (command.body?.length ?? 0) + command.path.length;
}

function view(row: Row): object {
  const status = Number(row['status']);
  return {
    request_id: row['request_id'],
    received_at: row['received_at'],
    actor: row['actor'],
    method: row['method'],
    path: row['path'],
    body: row['body'] === null ? null : (JSON.parse(String(row['body'])) as unknown),
    outcome: status < 400 ? 'accepted' : row['saga_id'] === null ? 'refused' : 'failed',
    status,
    code: row['code'],
    saga_id: row['saga_id'],
    duration_ms: row['duration_ms'],
  };
}
