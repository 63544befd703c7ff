import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { nothingAsked, pageShape, parse } from '../http/input.js';
import { Log } from './log.js';
import { Projections } from './projections.js';
import { ReceivedCommands } from './received.js';
import { EventStreams, resumeAfter } from './streams.js';

@Controller('events')
export class LogController {
  constructor(
    private readonly log: Log,
    private readonly streams: EventStreams,
  ) {}

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    return this.log.list(query);
  }

  @Get('stream')
  async stream(@Query() query: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const options = this.log.live(query);
    await this.streams.serve(reply, request.id, { ...options, after: resumeAfter(request) ?? options.after });
  }

  @Get('verify')
  async verify(@Query() query: unknown): Promise<object> {
    return this.log.verify(query);
  }

  @Get(':id/correlation')
  async correlation(@Param('id') id: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return this.log.correlation(id);
  }
}

@Controller('commands')
export class ReceivedController {
  constructor(private readonly received: ReceivedCommands) {}

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    return this.received.list(query);
  }
}

@Controller('projections')
export class ProjectionsController {
  constructor(private readonly projections: Projections) {}

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    parse(z.strictObject(pageShape), query);
    return { projections: await this.projections.list(), next_cursor: null };
  }

  @Post(':name/rebuild')
  @HttpCode(202)
  async rebuild(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return { projection: await this.projections.rebuild(name) };
  }
}
