import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { Metadata } from '#event-store';
import { AnswerInterceptor, type Answer } from '../http/answer.js';
import { pageQuery, type CommandContext, type PageQuery } from '../http/input.js';
import { Caller, checked, Command, NoQuery } from '../http/route.js';
import { AddressRules, registration, relocation, type Registration, type Relocation } from './address-rules.js';
import { AsideLists } from './aside.js';
import {
  adoption,
  DatabaseChanges,
  loss,
  nothing,
  resolution,
  type Adoption,
  type Loss,
  type Resolution,
} from './changes.js';
import { DatabaseExists } from './database-exists.js';
import { Databases } from './databases.js';
import { DatabaseLists } from './lists.js';
import { DatabasePast } from './past.js';

@Controller('databases')
export class DatabaseCommandsController {
  constructor(
    private readonly databases: Databases,
    private readonly rules: AddressRules,
    private readonly changes: DatabaseChanges,
  ) {}

  @Post()
  @UseGuards(NoQuery)
  async register(
    @Caller() caller: Metadata,
    @Body(checked(registration)) { name, take_over, ...address }: Registration,
  ): Promise<object> {
    const database = await this.databases.register(name, this.rules.read(address), caller, take_over);
    return { database: await this.databases.view(database) };
  }

  @Put(':name')
  @UseGuards(NoQuery, DatabaseExists)
  async change(
    @Param('name') name: string,
    @Caller() caller: Metadata,
    @Body(checked(relocation)) address: Relocation,
  ): Promise<object> {
    const database = await this.databases.change(name, this.rules.read(address), caller);
    return { database: await this.databases.view(database) };
  }

  @Delete(':name')
  @HttpCode(204)
  @UseGuards(NoQuery)
  async remove(@Param('name') name: string, @Caller() caller: Metadata): Promise<void> {
    await this.databases.remove(name, caller);
  }

  @Post(':name/test')
  @HttpCode(200)
  @UseGuards(NoQuery)
  async test(@Param('name') name: string): Promise<object> {
    const database = await this.databases.byName(name);
    await this.databases.test(database);
    return { database: await this.databases.view(database) };
  }

  @Post(':name/adopt')
  @UseInterceptors(AnswerInterceptor)
  adopt(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(adoption)) body: Adoption,
  ): Promise<Answer> {
    return this.changes.adopt(context, name, body);
  }

  @Post(':name/catch-up')
  @UseInterceptors(AnswerInterceptor)
  catchUp(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(nothing)) _body: unknown,
  ): Promise<Answer> {
    return this.changes.catchUp(context, name);
  }

  @Post(':name/drift/resolve')
  @UseInterceptors(AnswerInterceptor)
  resolve(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(resolution)) body: Resolution,
  ): Promise<Answer> {
    return this.changes.resolve(context, name, body);
  }

  @Post(':name/forget')
  @UseGuards(NoQuery)
  @UseInterceptors(AnswerInterceptor)
  forget(@Param('name') name: string, @Caller() caller: Metadata, @Body(checked(loss)) body: Loss): Promise<Answer> {
    return this.changes.forget(caller, name, body);
  }
}

@Controller('databases')
export class DatabaseQueriesController {
  constructor(
    private readonly databases: Databases,
    private readonly lists: DatabaseLists,
    private readonly past: DatabasePast,
    private readonly asides: AsideLists,
  ) {}

  @Get()
  list(@Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.lists.list(query);
  }

  @Get(':name')
  @UseGuards(NoQuery)
  async one(@Param('name') name: string): Promise<object> {
    return { database: await this.databases.view(await this.databases.byName(name)) };
  }

  @Get(':name/history')
  history(@Param('name') name: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.past.history(name, query);
  }

  @Get(':name/aside')
  aside(@Param('name') name: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.asides.ofDatabase(name, query);
  }

  @Get(':name/drift')
  @UseGuards(NoQuery)
  drift(@Param('name') name: string): Promise<object> {
    return this.past.drift(name);
  }
}
