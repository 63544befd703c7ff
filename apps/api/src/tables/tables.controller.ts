import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  columnsBody,
  createBody,
  dropBody,
  indexesBody,
  moveBody,
  purgeBody,
  renameBody,
  replayBody,
  restoreBody,
  revertBody,
} from '#tables';
import { AsideQueries } from '../databases/aside.queries.js';
import { AnswerInterceptor, send, type Answer } from '../http/answer.js';
import { commandContext, pageQuery, type CommandContext, type PageQuery } from '../http/input.js';
import { checked, Command, NoQuery } from '../http/route.js';
import {
  listProblems,
  TableCommands,
  type ChangeColumns,
  type ChangeIndexes,
  type CreateTable,
  type MoveTable,
  type DropTable,
  type PurgeTable,
  type RenameTable,
  type ReplayTable,
  type RestoreTable,
  type RevertTable,
} from './tables.commands.js';
import {
  diffQuery,
  showBody,
  TableQueries,
  tablesQuery,
  whenQuery,
  type DiffQuery,
  type ShowTable,
  type TablesQuery,
  type WhenQuery,
} from './tables.queries.js';

@Controller('table')
@UseInterceptors(AnswerInterceptor)
export class TableCommandsController {
  constructor(private readonly tables: TableCommands) {}

  @Post('create')
  create(
    @Command() context: CommandContext,
    @Body(checked(createBody, listProblems)) body: CreateTable,
  ): Promise<Answer> {
    return this.tables.create(context, body);
  }

  @Post('column')
  column(@Command() context: CommandContext, @Body(checked(columnsBody)) body: ChangeColumns): Promise<Answer> {
    return this.tables.column(context, body);
  }

  @Post('index')
  index(@Command() context: CommandContext, @Body(checked(indexesBody)) body: ChangeIndexes): Promise<Answer> {
    return this.tables.index(context, body);
  }

  @Post('rename')
  rename(@Command() context: CommandContext, @Body(checked(renameBody)) body: RenameTable): Promise<Answer> {
    return this.tables.rename(context, body);
  }

  @Post('delete')
  delete(@Command() context: CommandContext, @Body(checked(dropBody)) body: DropTable): Promise<Answer> {
    return this.tables.delete(context, body);
  }

  @Post('databases')
  databases(@Command() context: CommandContext, @Body(checked(moveBody)) body: MoveTable): Promise<Answer> {
    return this.tables.move(context, body);
  }

  @Post('purge')
  purge(@Command() context: CommandContext, @Body(checked(purgeBody)) body: PurgeTable): Promise<Answer> {
    return this.tables.purge(context, body);
  }

  @Post('restore')
  restore(@Command() context: CommandContext, @Body(checked(restoreBody)) body: RestoreTable): Promise<Answer> {
    return this.tables.restore(context, body);
  }

  @Post('revert')
  revert(@Command() context: CommandContext, @Body(checked(revertBody)) body: RevertTable): Promise<Answer> {
    return this.tables.revert(context, body);
  }
}

/** Reads a table's history, or makes a table of it: the body tells which. */
@Controller('table/replay')
export class ReplayController {
  constructor(
    private readonly tables: TableCommands,
    private readonly queries: TableQueries,
  ) {}

  /** A replay that only reads is no command: what its query and headers would say of one is not looked at. */
  @Post()
  async replay(
    @Body(checked(replayBody)) body: ReplayTable,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { table_id, database, ...when } = body;
    const answer =
      database === undefined
        ? await this.queries.replay(table_id, when)
        : await this.tables.replay(commandContext(request), { ...body, database });
    send(reply, answer);
  }
}

@Controller()
export class TableQueriesController {
  constructor(
    private readonly tables: TableQueries,
    private readonly asides: AsideQueries,
  ) {}

  @Post('table/show')
  @HttpCode(200)
  @UseGuards(NoQuery)
  @UseInterceptors(AnswerInterceptor)
  show(@Body(checked(showBody)) { table_id, ...when }: ShowTable): Promise<Answer> {
    return this.tables.show(table_id, when);
  }

  @Get('tables')
  list(@Query(checked(tablesQuery)) query: TablesQuery): Promise<object> {
    return this.tables.list(query);
  }

  @Get('tables/:id')
  @UseInterceptors(AnswerInterceptor)
  one(@Param('id') id: string, @Query(checked(whenQuery)) query: WhenQuery): Promise<Answer> {
    return this.tables.show(id, query);
  }

  @Get('tables/:id/history')
  history(@Param('id') id: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.tables.history(id, query);
  }

  @Get('tables/:id/aside')
  aside(@Param('id') id: string, @Query(checked(pageQuery)) query: PageQuery): Promise<object> {
    return this.asides.ofTable(id, query);
  }

  @Get('tables/:id/diff')
  diff(@Param('id') id: string, @Query(checked(diffQuery)) query: DiffQuery): Promise<object> {
    return this.tables.diff(id, query);
  }
}
