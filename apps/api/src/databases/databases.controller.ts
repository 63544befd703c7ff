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
import { adoptBody, catchUpBody, resolveDriftBody } from '#tables';
import { AnswerInterceptor, type Answer } from '../http/answer.js';
import { pageQuery, type CommandContext, type PageQuery } from '../http/input.js';
import { Caller, checked, Command, NoQuery } from '../http/route.js';
import { AddressRules, registration, relocation, type MoveDatabase, type RegisterDatabase } from './address-rules.js';
import { AsideQueries } from './aside.queries.js';
import { DatabaseCommands, loss, type Adoption, type Loss, type Resolution } from './databases.commands.js';
import { DatabaseExists } from './database-exists.js';
import { Databases } from './databases.js';
import { DatabaseQueries } from './databases.queries.js';
import { DatabaseViews } from './database-views.js';
import { DriftQueries } from './drift.queries.js';
import { Registration } from './registration.js';

@Controller('databases')
export class DatabaseCommandsController {
  constructor(
    private readonly databases: Databases,
    private readonly registration: Registration,
    private readonly views: DatabaseViews,
    private readonly rules: AddressRules,
    private readonly commands: DatabaseCommands,
  ) {}

  @Post()
  @UseGuards(NoQuery)
  async register(
    @Caller() caller: Metadata,
    @Body(checked(registration)) { name, take_over, ...address }: RegisterDatabase,
  ): Promise<object> {
    const database = await this.registration.register(name, this.rules.read(address), caller, take_over);
    return { database: await this.views.view(database) };
  }

  @Put(':name')
  @UseGuards(NoQuery, DatabaseExists)
  async change(
    @Param('name') name: string,
    @Caller() caller: Metadata,
    @Body(checked(relocation)) address: MoveDatabase,
  ): Promise<object> {
    const database = await this.registration.change(name, this.rules.read(address), caller);
    return { database: await this.views.view(database) };
  }

  @Delete(':name')
  @HttpCode(204)
  @UseGuards(NoQuery)
  async remove(@Param('name') name: string, @Caller() caller: Metadata): Promise<void> {
    await this.registration.remove(name, caller);
  }

  @Post(':name/test')
  @HttpCode(200)
  @UseGuards(NoQuery)
  async test(@Param('name') name: string): Promise<object> {
    const database = await this.databases.byName(name);
    await this.databases.test(database);
    return { database: await this.views.view(database) };
  }

  @Post(':name/adopt')
  @UseInterceptors(AnswerInterceptor)
  adopt(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(adoptBody)) body: Adoption,
  ): Promise<Answer> {
    return this.commands.adopt(context, name, body);
  }

  @Post(':name/catch-up')
  @UseInterceptors(AnswerInterceptor)
  catchUp(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(catchUpBody)) _body: unknown,
  ): Promise<Answer> {
    return this.commands.catchUp(context, name);
  }

  @Post(':name/drift/resolve')
  @UseInterceptors(AnswerInterceptor)
  resolve(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @Body(checked(resolveDriftBody)) body: Resolution,
  ): Promise<Answer> {
    return this.commands.resolve(context, name, body);
  }

  @Post(':name/forget')
  @UseGuards(NoQuery)
  @UseInterceptors(AnswerInterceptor)
  forget(@Param('name') name: string, @Caller() caller: Metadata, @Body(checked(loss)) body: Loss): Promise<Answer> {
    return this.commands.forget(caller, name, body);
  }
}

@Controller('databases')
export class DatabaseQueriesController {
  constructor(
    private readonly databases: DatabaseQueries,
    private readonly differences: DriftQueries,
    private readonly asides: AsideQueries,
  ) {}

  @Get()
  list(@Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.databases.list(query);
  }

  @Get(':name')
  @UseGuards(NoQuery)
  one(@Param('name') name: string): Promise<object> {
    return this.databases.one(name);
  }

  @Get(':name/history')
  history(@Param('name') name: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.databases.history(name, query);
  }

  @Get(':name/aside')
  aside(@Param('name') name: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.asides.ofDatabase(name, query);
  }

  @Get(':name/drift')
  @UseGuards(NoQuery)
  drift(@Param('name') name: string): Promise<object> {
    return this.differences.of(name);
  }
}
