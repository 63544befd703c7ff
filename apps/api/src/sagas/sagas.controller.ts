import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sagaStream, type SagaEventType } from '#sagas';
import { ApiError } from '../http/api-error.js';
import { metadataOf, nothingAsked, parse } from '../http/input.js';
import { EventStreams, resumeAfter } from '../log/streams.js';
import { reason, resolution, Sagas } from './sagas.js';
import { sagaView } from './view.js';

/** No event of a saga follows one of these. */
const endings: ReadonlySet<string> = new Set<SagaEventType>(['SagaCompleted', 'SagaCompensated', 'SagaRejected']);

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
      filter: { stream: sagaStream(id) },
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
