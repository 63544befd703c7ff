import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsideLists } from '../databases/aside.js';
import { commandContext, nothingAsked, parse } from '../http/input.js';
import { Tables } from './tables.js';
import type { Answer } from './commands.js';

@Controller()
export class TablesController {
  constructor(
    private readonly tables: Tables,
    private readonly asides: AsideLists,
  ) {}

  @Post('table/create')
  async create(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.create(commandContext(request), body));
  }

  @Post('table/column')
  async column(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.column(commandContext(request), body));
  }

  @Post('table/rename')
  async rename(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.rename(commandContext(request), body));
  }

  @Post('table/delete')
  async delete(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.delete(commandContext(request), body));
  }

  @Post('table/databases')
  async databases(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.move(commandContext(request), body));
  }

  @Post('table/purge')
  async purge(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.purge(commandContext(request), body));
  }

  @Post('table/restore')
  async restore(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.restore(commandContext(request), body));
  }

  @Post('table/revert')
  async revert(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.revert(commandContext(request), body));
  }

  @Post('table/replay')
  async replay(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.replay(() => commandContext(request), body));
  }

  @Post('table/show')
  @HttpCode(200)
  async show(@Query() query: unknown, @Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    parse(nothingAsked, query);
    send(reply, await this.tables.show(body));
  }

  @Get('tables')
  async list(@Query() query: unknown): Promise<object> {
    return this.tables.list(query);
  }

  @Get('tables/:id')
  async one(@Param('id') id: string, @Query() query: unknown, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.tables.one(id, query));
  }

  @Get('tables/:id/history')
  async history(@Param('id') id: string, @Query() query: unknown): Promise<object> {
    return this.tables.history(id, query);
  }

  @Get('tables/:id/aside')
  async aside(@Param('id') id: string, @Query() query: unknown): Promise<object> {
    return this.asides.ofTable(id, query);
  }

  @Get('tables/:id/diff')
  async diff(@Param('id') id: string, @Query() query: unknown): Promise<object> {
    return this.tables.diff(id, query);
  }
}

export function send(reply: FastifyReply, { status, body, headers }: Answer): void {
  void reply.status(status).headers(headers).send(body);
}
