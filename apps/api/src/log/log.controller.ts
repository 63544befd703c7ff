import { Controller, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PageQuery } from '../http/input.js';
import { CheckedQuery, Route } from '../http/route.js';
import { logCalls } from './log.calls.js';
import { LogQueries, type EventsQuery, type LiveQuery, type VerifyQuery } from './log.queries.js';
import { Projections } from './projections.js';
import { CommandLog, type CommandsQuery } from './command-log.js';
import { EventStreams, resumeAfter } from './streams.js';

@Controller()
export class LogController {
  constructor(
    private readonly log: LogQueries,
    private readonly streams: EventStreams,
  ) {}

  @Route(logCalls.listEvents)
  list(@CheckedQuery() query: EventsQuery): Promise<object> {
    return this.log.list(query);
  }

  @Route(logCalls.streamEvents)
  async stream(
    @CheckedQuery() query: LiveQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const options = this.log.live(query);
    await this.streams.serve(reply, request.id, { ...options, after: resumeAfter(request) ?? options.after });
  }

  @Route(logCalls.verifyEvents)
  verify(@CheckedQuery() query: VerifyQuery): Promise<object> {
    return this.log.verify(query);
  }

  @Route(logCalls.getCorrelation)
  correlation(@Param('id') id: string): Promise<object> {
    return this.log.correlation(id);
  }
}

@Controller()
export class CommandLogController {
  constructor(private readonly received: CommandLog) {}

  @Route(logCalls.listCommands)
  list(@CheckedQuery() query: CommandsQuery): Promise<object> {
    return this.received.list(query);
  }
}

@Controller()
export class ProjectionsController {
  constructor(private readonly projections: Projections) {}

  /** All of them stand on one page. */
  @Route(logCalls.listProjections)
  async list(@CheckedQuery() _query: PageQuery): Promise<object> {
    return { projections: await this.projections.list(), next_cursor: null };
  }

  @Route(logCalls.rebuildProjection)
  async rebuild(@Param('name') name: string): Promise<object> {
    return { projection: await this.projections.rebuild(name) };
  }
}
