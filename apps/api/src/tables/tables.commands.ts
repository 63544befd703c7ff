import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { CoreDatabase, EventStore } from '#event-store';
import { MAX_COLUMNS, type Problem } from '#byodb';
import {
  cannotComeBack,
  columnProblems,
  consider,
  decideColumns,
  decideCreate,
  decideDatabases,
  decideDrop,
  decideIndexes,
  decidePurge,
  decideRename,
  decideRestore,
  decideRevert,
  defaultColumns,
  managedOf,
  momentsUpTo,
  nameOwner,
  outlook,
  pastOf,
  placesOf,
  planAside,
  refOf,
  retypesSince,
  type columnsBody,
  type createBody,
  type DatabaseRef,
  type dropBody,
  type indexesBody,
  type moveBody,
  type purgeBody,
  type renameBody,
  type replayBody,
  type restoreBody,
  type revertBody,
  type RequestEvent,
  type Table,
} from '#tables';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { Databases } from '../databases/databases.js';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';
import { CommandHandler } from './command-handler.js';
import { enginesOf, type Decided } from './decided.js';
import { noVersion, TableQueries } from './tables.queries.js';

export type CreateTable = z.output<typeof createBody>;
export type ChangeColumns = z.output<typeof columnsBody>;
export type ChangeIndexes = z.output<typeof indexesBody>;
export type RenameTable = z.output<typeof renameBody>;
export type ReplayTable = z.output<typeof replayBody>;
/** A replay that is a command. */
type ReplayInto = ReplayTable & { database: string };
export type RevertTable = z.output<typeof revertBody>;
export type MoveTable = z.output<typeof moveBody>;
export type PurgeTable = z.output<typeof purgeBody>;
export type RestoreTable = z.output<typeof restoreBody>;
export type DropTable = z.output<typeof dropBody>;

/** The commands about tables: what each decides, and where it is to happen. */
@Injectable()
export class TableCommands {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly commands: CommandHandler,
    private readonly databases: Databases,
    private readonly past: TableQueries,
  ) {}

  async create(context: CommandContext, body: CreateTable): Promise<Answer> {
    const managed = { columns: body.columns ?? defaultColumns(), indexes: [] };
    return this.commands.create(context, async (sagaId) => {
      const databases = await this.refs(body.databases ?? ['default']);
      return { event: decideCreate(body.name, managed, databases, enginesOf(databases), sagaId), databases };
    });
  }

  async column(context: CommandContext, body: ChangeColumns): Promise<Answer> {
    const changes = body.columns ?? [body.column!];
    return this.commands.run(context, body.table_id, async (table, sagaId) => {
      const { databases } = outlook(table);
      const path = (i: number): string => (body.columns === undefined ? 'column' : `columns.${i}`);
      return { event: decideColumns(consider(table), changes, enginesOf(databases), path, sagaId), databases };
    });
  }

  async index(context: CommandContext, body: ChangeIndexes): Promise<Answer> {
    const changes = body.indexes ?? [body.index!];
    return this.commands.run(context, body.table_id, async (table, sagaId) => {
      const { databases } = outlook(table);
      const path = (i: number): string => (body.indexes === undefined ? 'index' : `indexes.${i}`);
      return { event: decideIndexes(consider(table), changes, enginesOf(databases), path, sagaId), databases };
    });
  }

  async rename(context: CommandContext, body: RenameTable): Promise<Answer> {
    return this.commands.run(context, body.table_id, async (table, sagaId) =>
      everywhere(table, decideRename(consider(table), body.name, sagaId)),
    );
  }

  async delete(context: CommandContext, body: DropTable): Promise<Answer> {
    return this.commands.run(context, body.table_id, async (table, sagaId) =>
      everywhere(table, decideDrop(consider(table), sagaId)),
    );
  }

  async move(context: CommandContext, body: MoveTable): Promise<Answer> {
    const { reason: why } = body;
    if (body.lost === true && why !== undefined) {
      return this.commands.run(context, body.table_id, async (table, sagaId) =>
        this.commands.letGoOf(table, await this.refs(body.remove ?? []), why, sagaId),
      );
    }
    return this.commands.run(context, body.table_id, async (table, sagaId) => {
      const [add, remove] = [await this.refs(body.add ?? []), await this.refs(body.remove ?? [])];
      const event = decideDatabases(consider(table), add, remove, enginesOf(add), sagaId);
      const owner = await nameOwner(
        this.core,
        event.add.map((d) => d.id),
        outlook(table).name,
      );
      if (owner !== null && owner !== table.table_id)
        throw new ApiError('table_name_taken', `the name ${outlook(table).name} is taken on one of the databases`);
      const past = pastOf(this.core, this.store);
      for (const ref of event.add) {
        const plan = await planAside(past, table, ref.id);
        const differs = plan === null ? null : cannotComeBack(plan, outlook(table).columns);
        if (differs !== null) throw new ApiError('unsupported_change', `${ref.name}: ${differs}`);
      }
      // With nothing to do there is still a saga, which says so.
      const databases = [...event.add, ...event.remove];
      return { event, databases: databases.length === 0 ? table.databases : databases };
    });
  }

  async purge(context: CommandContext, body: PurgeTable): Promise<Answer> {
    return this.commands.run(context, body.table_id, async (table, sagaId) => {
      return { event: decidePurge(consider(table), body.saga_id, body.reason, sagaId), databases: placesOf(table) };
    });
  }

  async restore(context: CommandContext, body: RestoreTable): Promise<Answer> {
    return this.commands.run(context, body.table_id, async (table, sagaId) =>
      everywhere(table, decideRestore(consider(table), body.as, await this.commands.keptBy(), sagaId)),
    );
  }

  async revert(context: CommandContext, { table_id: tableId, version }: RevertTable): Promise<Answer> {
    return this.commands.run(context, tableId, async (table, sagaId) => {
      if (version === 0 || version > table.version) throw noVersion(version);
      const [head, target] = [
        await this.past.point(tableId, { version: table.version }),
        await this.past.point(tableId, { version }),
      ];
      const { databases } = outlook(table);
      const retypes = await retypesSince(target, momentsUpTo(this.store, tableId, target, table.version));
      const event = decideRevert(
        consider(head.table),
        head,
        target,
        enginesOf(databases),
        await this.commands.keptBy(),
        sagaId,
        retypes,
      );
      return { event, databases };
    });
  }

  /** Builds the table as it was, in one database, as a new one. */
  async replay(context: CommandContext, { table_id, as, database, ...when }: ReplayInto): Promise<Answer> {
    const { ifMatch, ...rest } = context;
    // What must not have changed is the table that is played again, not the one that comes of it.
    return this.commands.create({ ...rest, ifMatch: null }, async (sagaId) => {
      const head = await this.commands.table(table_id);
      if (ifMatch !== null && ifMatch !== head.version)
        throw new ApiError('version_conflict', `the table is at version ${head.version}`);
      const { table } = await this.past.point(table_id, { version: when.version, at: when.at });
      if (!table.exists) throw new ApiError('version_not_found', 'at that moment there was no table');
      const ref = refOf(await this.databases.byName(database));
      const [name, origin] = [as ?? table.name, { table_id, version: table.version }];
      return { event: decideCreate(name, managedOf(table), [ref], enginesOf([ref]), sagaId, origin), databases: [ref] };
    });
  }

  private async refs(names: string[]): Promise<DatabaseRef[]> {
    return (await Promise.all(names.map((name) => this.databases.byName(name)))).map(refOf);
  }
}

/** Of the columns as a list, whatever is wrong with one or the other. */
export function listProblems(input: unknown): Problem[] {
  const columns = typeof input === 'object' && input !== null && 'columns' in input ? input.columns : undefined;
  if (!Array.isArray(columns) || columns.length > MAX_COLUMNS) return [];
  return columnProblems(
    columns.map((column: unknown, i) => {
      const { name, generated, primary_key } = (typeof column === 'object' && column !== null ? column : {}) as Record<
        string,
        unknown
      >;
      return {
        name: typeof name === 'string' ? name : `column ${i}`,
        generated: generated === true,
        primary_key: primary_key === true,
      };
    }),
  );
}

/** On every database where the table will live by then. */
function everywhere(table: Table, event: RequestEvent): Decided {
  return { event, databases: outlook(table).databases };
}
