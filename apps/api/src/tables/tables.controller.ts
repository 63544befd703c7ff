import { Controller, Param, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AsideQueries } from '../databases/aside.queries.js';
import { AnswerInterceptor, send, type Answer } from '../http/answer.js';
import { commandContext, type CommandContext, type PageQuery } from '../http/input.js';
import { CheckedBody, CheckedQuery, Command, Route } from '../http/route.js';
import { tableCalls } from './tables.calls.js';
import {
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
import { TableQueries, type DiffQuery, type ShowTable, type TablesQuery, type WhenQuery } from './tables.queries.js';

@Controller()
@UseInterceptors(AnswerInterceptor)
export class TableCommandsController {
  constructor(private readonly tables: TableCommands) {}

  @Route(tableCalls.createTable)
  create(@Command() context: CommandContext, @CheckedBody() body: CreateTable): Promise<Answer> {
    return this.tables.create(context, body);
  }

  @Route(tableCalls.changeColumns)
  column(@Command() context: CommandContext, @CheckedBody() body: ChangeColumns): Promise<Answer> {
    return this.tables.column(context, body);
  }

  @Route(tableCalls.changeIndexes)
  index(@Command() context: CommandContext, @CheckedBody() body: ChangeIndexes): Promise<Answer> {
    return this.tables.index(context, body);
  }

  @Route(tableCalls.renameTable)
  rename(@Command() context: CommandContext, @CheckedBody() body: RenameTable): Promise<Answer> {
    return this.tables.rename(context, body);
  }

  @Route(tableCalls.deleteTable)
  delete(@Command() context: CommandContext, @CheckedBody() body: DropTable): Promise<Answer> {
    return this.tables.delete(context, body);
  }

  @Route(tableCalls.moveTable)
  databases(@Command() context: CommandContext, @CheckedBody() body: MoveTable): Promise<Answer> {
    return this.tables.move(context, body);
  }

  @Route(tableCalls.purgeTable)
  purge(@Command() context: CommandContext, @CheckedBody() body: PurgeTable): Promise<Answer> {
    return this.tables.purge(context, body);
  }

  @Route(tableCalls.restoreTable)
  restore(@Command() context: CommandContext, @CheckedBody() body: RestoreTable): Promise<Answer> {
    return this.tables.restore(context, body);
  }

  @Route(tableCalls.revertTable)
  revert(@Command() context: CommandContext, @CheckedBody() body: RevertTable): Promise<Answer> {
    return this.tables.revert(context, body);
  }
}

/** Reads a table's history, or makes a table of it: the body tells which. */
@Controller()
export class ReplayController {
  constructor(
    private readonly tables: TableCommands,
    private readonly queries: TableQueries,
  ) {}

  /** A replay that only reads is no command: what its query and headers would say of one is not looked at. */
  @Route(tableCalls.replayTable)
  async replay(
    @CheckedBody() body: ReplayTable,
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

  @Route(tableCalls.showTable)
  @UseInterceptors(AnswerInterceptor)
  show(@CheckedBody() { table_id, ...when }: ShowTable): Promise<Answer> {
    return this.tables.show(table_id, when);
  }

  @Route(tableCalls.listTables)
  list(@CheckedQuery() query: TablesQuery): Promise<object> {
    return this.tables.list(query);
  }

  @Route(tableCalls.getTable)
  @UseInterceptors(AnswerInterceptor)
  one(@Param('id') id: string, @CheckedQuery() query: WhenQuery): Promise<Answer> {
    return this.tables.show(id, query);
  }

  @Route(tableCalls.getTableHistory)
  history(@Param('id') id: string, @CheckedQuery() query: PageQuery): Promise<object> {
    return this.tables.history(id, query);
  }

  @Route(tableCalls.getTableAside)
  aside(@Param('id') id: string, @CheckedQuery() query: PageQuery): Promise<object> {
    return this.asides.ofTable(id, query);
  }

  @Route(tableCalls.diffTable)
  diff(@Param('id') id: string, @CheckedQuery() query: DiffQuery): Promise<object> {
    return this.tables.diff(id, query);
  }
}
