import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { commandContext, metadataOf, nothingAsked, parse } from '../http/input.js';
import { send } from '../tables/tables.controller.js';
import { AddressRules, registration, relocation } from './address-rules.js';
import { AsideLists } from './aside.js';
import { DatabaseChanges } from './changes.js';
import { Databases } from './databases.js';
import { DatabaseLists } from './lists.js';
import { DatabasePast } from './past.js';

@Controller('databases')
export class DatabasesController {
  constructor(
    private readonly databases: Databases,
    private readonly rules: AddressRules,
    private readonly lists: DatabaseLists,
    private readonly past: DatabasePast,
    private readonly changes: DatabaseChanges,
    private readonly asides: AsideLists,
  ) {}

  @Post()
  async register(@Query() query: unknown, @Body() body: unknown, @Req() request: FastifyRequest): Promise<object> {
    parse(nothingAsked, query);
    const { name, take_over, ...rest } = parse(registration, body);
    return {
      database: await this.databases.view(
        await this.databases.register(name, this.rules.read(rest), metadataOf(request), take_over),
      ),
    };
  }

  @Get()
  async list(@Query() query: unknown): Promise<object> {
    return this.lists.list(query);
  }

  @Get(':name')
  async one(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return { database: await this.databases.view(await this.databases.byName(name)) };
  }

  @Get(':name/history')
  async history(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    return this.past.history(name, query);
  }

  @Get(':name/aside')
  async aside(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    return this.asides.ofDatabase(name, query);
  }

  @Get(':name/drift')
  async drift(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    return this.past.drift(name);
  }

  @Post(':name/adopt')
  async adopt(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.adopt(commandContext(request), name, body));
  }

  @Post(':name/catch-up')
  async catchUp(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.catchUp(commandContext(request), name, body));
  }

  @Post(':name/drift/resolve')
  async resolve(
    @Param('name') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    send(reply, await this.changes.resolve(commandContext(request), name, body));
  }

  @Post(':name/forget')
  async forget(
    @Param('name') name: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    parse(nothingAsked, query);
    send(reply, await this.changes.forget(metadataOf(request), name, body));
  }

  @Post(':name/test')
  @HttpCode(200)
  async test(@Param('name') name: string, @Query() query: unknown): Promise<object> {
    parse(nothingAsked, query);
    const database = await this.databases.byName(name);
    await this.databases.test(database);
    return { database: await this.databases.view(database) };
  }

  @Put(':name')
  async change(
    @Param('name') name: string,
    @Query() query: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<object> {
    parse(nothingAsked, query);
    await this.databases.byName(name);
    return {
      database: await this.databases.view(
        await this.databases.change(name, this.rules.read(parse(relocation, body)), metadataOf(request)),
      ),
    };
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string, @Query() query: unknown, @Req() request: FastifyRequest): Promise<void> {
    parse(nothingAsked, query);
    await this.databases.remove(name, metadataOf(request));
  }
}
