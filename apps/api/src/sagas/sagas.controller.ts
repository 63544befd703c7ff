import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CoreDatabase, EventStore } from '#event-store';
import { isEnded, loadSaga, pageOfSagas, sagaStreams, type Orchestrator, type Saga, type SagaEventType } from '#sagas';
import { findDatabase } from '#tables';
import { ApiError } from '../http/api-error.js';
import { metadataOf, nothingAsked, pageShape, parse } from '../http/input.js';
import { EventStreams, resumeAfter } from '../log/streams.js';
import { KINDS } from './kinds.js';
import { sagaView } from './view.js';

const reason = z.strictObject({ reason: z.string().min(1, 'must not be empty').max(1000) });
export const resolution = z.strictObject({
  step_id: z.string().min(1).max(64),
  as: z.enum(['applied', 'restored', 'skipped']),
  reason: z.string().min(1, 'must not be empty').max(1000),
});
const filter = z.strictObject({
  ...pageShape,
  table_id: z.string().optional(),
  database: z.string().optional(),
  kind: z.enum(KINDS).optional(),
  status: z.enum(['pending', 'running', 'compensating', 'completed', 'compensated', 'rejected', 'stuck']).optional(),
});

const page = z.strictObject(pageShape);
/** Sagas whose subject is a database, and which may name a table. */
const OF_DATABASES = KINDS.filter((kind) => kind.startsWith('database.'));

/** No event of a saga follows one of these. */
const endings: ReadonlySet<string> = new Set<SagaEventType>(['SagaCompleted', 'SagaCompensated', 'SagaRejected']);

/** The saga calls. */
export class Sagas {
  constructor(
    readonly core: CoreDatabase,
    readonly store: EventStore,
    readonly orchestrator: Orchestrator,
  ) {}

  async one(id: string): Promise<Saga> {
    const saga = await loadSaga(this.core, id);
    if (saga === null) throw new ApiError('saga_not_found', `no saga ${id}`);
    return saga;
  }

  async list(query: unknown): Promise<object> {
    const { limit, cursor, status, table_id, database, kind } = parse(filter, query);
    const at = database === undefined ? undefined : await findDatabase(this.core, database);
    if (at === null) throw new ApiError('database_not_found', `no database ${JSON.stringify(database)}`);
    const { sagas, more } = await pageOfSagas(this.core, {
      limit,
      before: cursor,
      status,
      ...(table_id === undefined ? {} : { named_in: { id: table_id, kinds: OF_DATABASES } }),
      kind,
      target_id: at?.database_id,
    });
    return { sagas: sagas.map((r) => sagaView(r.saga)), next_cursor: more ? String(sagas.at(-1)!.position) : null };
  }

  async events(id: string, query: unknown): Promise<object> {
    const { limit, cursor = 0 } = parse(page, query);
    await this.one(id);
    const { events, more } = await this.store.asStored.pageOfStream(sagaStreams.name(id), cursor, limit);
    return { events, next_cursor: more ? String(events.at(-1)!.version) : null };
  }

  /** Whether the saga has ended and its last event is not after this position: there is nothing to wait for then. */
  async isOver(id: string, position: number): Promise<boolean> {
    const saga = await this.one(id);
    return (
      isEnded(saga) &&
      (await this.store.readStream(sagaStreams.name(id), { after: saga.version - 1 })).every(
        (event) => event.position <= position,
      )
    );
  }
}

@Controller('sagas')
export class SagasController {
  constructor(
    private readonly sagas: Sagas,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    return this.sagas.list(query);
  }

  @Get(':id')
  async one(@Param('id') id: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return { saga: sagaView(await this.sagas.one(id)) };
  }

  @Get(':id/events')
  async events(
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!(request.headers.accept ?? '').includes('text/event-stream'))
      return void reply.send(await this.sagas.events(id, query));
    parse(nothingAsked, query);
    const after = resumeAfter(request) ?? 0;
    // 204 tells a browser not to come back; an empty stream would make it ask again and again.
    if (await this.sagas.isOver(id, after)) return void reply.status(204).send();
    await this.streams.serve(reply, request.id, {
      after,
      filter: { stream: sagaStreams.name(id) },
      until: ({ type }) => endings.has(type),
    });
  }

  @Post(':id/retry')
  @HttpCode(200)
  async retry(
    @Param('id') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<object> {
    parse(nothingAsked, query);
    await this.sagas.one(id);
    return { saga: sagaView(await this.sagas.orchestrator.retry(id, parse(reason, body).reason, metadataOf(request))) };
  }

  @Post(':id/abort')
  @HttpCode(200)
  async abort(
    @Param('id') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<object> {
    parse(nothingAsked, query);
    await this.sagas.one(id);
    return { saga: sagaView(await this.sagas.orchestrator.abort(id, parse(reason, body).reason, metadataOf(request))) };
  }

  @Post(':id/resolve')
  @HttpCode(200)
  async resolve(
    @Param('id') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<object> {
    parse(nothingAsked, query);
    const saga = await this.sagas.one(id);
    const { step_id, as, reason: why } = parse(resolution, body);
    if (!saga.steps.some((step) => step.step_id === step_id))
      throw new ApiError('not_found', `the saga has no step ${step_id}`);
    return { saga: sagaView(await this.sagas.orchestrator.resolve(id, step_id, as, why, metadataOf(request))) };
  }
}
