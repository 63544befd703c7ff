import { Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Metadata } from '#event-store';
import { Orchestrator, sagaStreams, type Saga, type SagaEventType } from '#sagas';
import { ApiError } from '../http/api-error.js';
import { nothingAsked, pageQuery, parse } from '../http/input.js';
import { Caller, CheckedBody, CheckedQuery, Route } from '../http/route.js';
import { EventStreams, resumeAfter } from '../log/streams.js';
import { SagaExists } from './saga-exists.js';
import type { Because, Resolution } from './bodies.js';
import { sagaCalls } from './sagas.calls.js';
import { SagaQueries, type SagasQuery } from './sagas.queries.js';
import { sagaView } from './view.js';

/** No event of a saga follows one of these. */
const endings: ReadonlySet<string> = new Set<SagaEventType>(['SagaCompleted', 'SagaCompensated', 'SagaRejected']);

@Controller()
export class SagaQueriesController {
  constructor(
    private readonly sagas: SagaQueries,
    private readonly streams: EventStreams,
  ) {}

  @Route(sagaCalls.listSagas)
  list(@CheckedQuery() query: SagasQuery): Promise<object> {
    return this.sagas.list(query);
  }

  @Route(sagaCalls.getSaga)
  async one(@Param('id') id: string): Promise<object> {
    return shown(await this.sagas.one(id));
  }

  /** In pages, or as a stream, which takes another query. */
  @Route(sagaCalls.getSagaEvents)
  async events(
    @Param('id') id: string,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!(request.headers.accept ?? '').includes('text/event-stream'))
      return void reply.send(await this.sagas.events(id, parse(pageQuery, query)));
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
}

/** What an operator tells a saga. */
@Controller()
export class SagaCommandsController {
  constructor(
    private readonly sagas: SagaQueries,
    private readonly orchestrator: Orchestrator,
  ) {}

  @Route(sagaCalls.retrySaga, SagaExists)
  async retry(
    @Param('id') id: string,
    @Caller() caller: Metadata,
    @CheckedBody() { reason: why }: Because,
  ): Promise<object> {
    return shown(await this.orchestrator.retry(id, why, caller));
  }

  @Route(sagaCalls.abortSaga, SagaExists)
  async abort(
    @Param('id') id: string,
    @Caller() caller: Metadata,
    @CheckedBody() { reason: why }: Because,
  ): Promise<object> {
    return shown(await this.orchestrator.abort(id, why, caller));
  }

  @Route(sagaCalls.resolveSaga, SagaExists)
  async resolve(
    @Param('id') id: string,
    @Caller() caller: Metadata,
    @CheckedBody() { step_id, as, reason: why }: Resolution,
  ): Promise<object> {
    const { steps } = await this.sagas.one(id);
    if (!steps.some((step) => step.step_id === step_id))
      throw new ApiError('not_found', `the saga has no step ${step_id}`);
    return shown(await this.orchestrator.resolve(id, step_id, as, why, caller));
  }
}

function shown(saga: Saga): object {
  return { saga: sagaView(saga) };
}
