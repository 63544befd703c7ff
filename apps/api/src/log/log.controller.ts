import { Controller, Get, HttpCode, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageQuery, type PageQuery } from '../http/input.js';
import { checked, NoQuery } from '../http/route.js';
import {
  eventsQuery,
  liveQuery,
  LogQueries,
  verifyQuery,
  type EventsQuery,
  type LiveQuery,
  type VerifyQuery,
} from './log.queries.js';
import { Projections } from './projections.js';
import { commandsQuery, CommandLog, type CommandsQuery } from './command-log.js';
import { EventStreams, resumeAfter } from './streams.js';

@Controller('events')
export class LogController {
  constructor(
    private readonly log: LogQueries,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  list(@Query(checked(eventsQuery)) query: EventsQuery): Promise<object> {
    return this.log.list(query);
  }

  @Get('stream')
  async stream(
    @Query(checked(liveQuery)) query: LiveQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const options = this.log.live(query);
    await this.streams.serve(reply, request.id, { ...options, after: resumeAfter(request) ?? options.after });
  }

  @Get('verify')
  verify(@Query(checked(verifyQuery)) query: VerifyQuery): Promise<object> {
    return this.log.verify(query);
  }

  @Get(':id/correlation')
  @UseGuards(NoQuery)
  correlation(@Param('id') id: string): Promise<object> {
    return this.log.correlation(id);
  }
}

@Controller('commands')
export class CommandLogController {
  constructor(private readonly received: CommandLog) {}

  @Get()
  list(@Query(checked(commandsQuery)) query: CommandsQuery): Promise<object> {
    return this.received.list(query);
  }
}

@Controller('projections')
export class ProjectionsController {
  constructor(private readonly projections: Projections) {}

  /** All of them stand on one page. */
  @Get()
  async list(@Query(checked(pageQuery)) _query: PageQuery): Promise<object> {
    return { projections: await this.projections.list(), next_cursor: null };
  }

  @Post(':name/rebuild')
  @HttpCode(202)
  @UseGuards(NoQuery)
  async rebuild(@Param('name') name: string): Promise<object> {
    return { projection: await this.projections.rebuild(name) };
  }
}
