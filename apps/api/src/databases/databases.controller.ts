import { Controller, Param, UseInterceptors } from '@nestjs/common';
import type { Metadata } from '#event-store';
import { AnswerInterceptor, type Answer } from '../http/answer.js';
import type { CommandContext, PageQuery } from '../http/input.js';
import { Caller, CheckedBody, CheckedQuery, Command, Route } from '../http/route.js';
import { AddressRules, type MoveDatabase, type RegisterDatabase } from './address-rules.js';
import { AsideQueries } from './aside.queries.js';
import { databaseCalls } from './databases.calls.js';
import { DatabaseCommands, type Adoption, type Loss, type Resolution } from './databases.commands.js';
import { DatabaseExists } from './database-exists.js';
import { Databases } from './databases.js';
import { DatabaseQueries } from './databases.queries.js';
import { DatabaseViews } from './database-views.js';
import { DriftQueries } from './drift.queries.js';
import { Registration } from './registration.js';

@Controller()
export class DatabaseCommandsController {
  constructor(
    private readonly databases: Databases,
    private readonly registration: Registration,
    private readonly views: DatabaseViews,
    private readonly rules: AddressRules,
    private readonly commands: DatabaseCommands,
  ) {}

  @Route(databaseCalls.registerDatabase)
  async register(
    @Caller() caller: Metadata,
    @CheckedBody() { name, take_over, ...address }: RegisterDatabase,
  ): Promise<object> {
    const database = await this.registration.register(name, this.rules.read(address), caller, take_over);
    return { database: await this.views.view(database) };
  }

  @Route(databaseCalls.changeDatabase, DatabaseExists)
  async change(
    @Param('name') name: string,
    @Caller() caller: Metadata,
    @CheckedBody() address: MoveDatabase,
  ): Promise<object> {
    const database = await this.registration.change(name, this.rules.read(address), caller);
    return { database: await this.views.view(database) };
  }

  @Route(databaseCalls.deleteDatabase)
  async remove(@Param('name') name: string, @Caller() caller: Metadata): Promise<void> {
    await this.registration.remove(name, caller);
  }

  @Route(databaseCalls.testDatabase)
  async test(@Param('name') name: string): Promise<object> {
    const database = await this.databases.byName(name);
    await this.databases.test(database);
    return { database: await this.views.view(database) };
  }

  @Route(databaseCalls.adoptTables)
  @UseInterceptors(AnswerInterceptor)
  adopt(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @CheckedBody() body: Adoption,
  ): Promise<Answer> {
    return this.commands.adopt(context, name, body);
  }

  @Route(databaseCalls.catchUpDatabase)
  @UseInterceptors(AnswerInterceptor)
  catchUp(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @CheckedBody() _body: unknown,
  ): Promise<Answer> {
    return this.commands.catchUp(context, name);
  }

  @Route(databaseCalls.resolveDrift)
  @UseInterceptors(AnswerInterceptor)
  resolve(
    @Param('name') name: string,
    @Command() context: CommandContext,
    @CheckedBody() body: Resolution,
  ): Promise<Answer> {
    return this.commands.resolve(context, name, body);
  }

  @Route(databaseCalls.forgetDatabase)
  @UseInterceptors(AnswerInterceptor)
  forget(@Param('name') name: string, @Caller() caller: Metadata, @CheckedBody() body: Loss): Promise<Answer> {
    return this.commands.forget(caller, name, body);
  }
}

@Controller()
export class DatabaseQueriesController {
  constructor(
    private readonly databases: DatabaseQueries,
    private readonly differences: DriftQueries,
    private readonly asides: AsideQueries,
  ) {}

  @Route(databaseCalls.listDatabases)
  list(@CheckedQuery() query: PageQuery): Promise<object> {
    return this.databases.list(query);
  }

  @Route(databaseCalls.getDatabase)
  one(@Param('name') name: string): Promise<object> {
    return this.databases.one(name);
  }

  @Route(databaseCalls.getDatabaseHistory)
  history(@Param('name') name: string, @CheckedQuery() query: PageQuery): Promise<object> {
    return this.databases.history(name, query);
  }

  @Route(databaseCalls.getDatabaseAside)
  aside(@Param('name') name: string, @CheckedQuery() query: PageQuery): Promise<object> {
    return this.asides.ofDatabase(name, query);
  }

  @Route(databaseCalls.getDatabaseDrift)
  drift(@Param('name') name: string): Promise<object> {
    return this.differences.of(name);
  }
}
