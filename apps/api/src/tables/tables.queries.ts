import { Inject, Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { CoreDatabase, EventStore } from '#event-store';
import {
  databaseName,
  ddlOf,
  diff,
  findDatabase,
  moment,
  momentsUpTo,
  pageOfTables,
  pointAt,
  sentence,
  stateAfter,
  tableId,
  tableStreams,
  type Point,
  type Table,
} from '#tables';
import { TABLE_STATUSES } from '../core/answer-parts.js';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { AppliedSteps } from '../databases/applied-steps.js';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import { cursorAfter, pageShape, toldAs, type PageQuery } from '../http/input.js';
import { knownTable } from './known-table.js';
import { columnView, indexView, statusesOf, tableView } from './view.js';

/** Which moment of a table: after event `version`, or at a time; neither: now. */
export interface When {
  version?: number | undefined;
  at?: string | undefined;
  database?: string | undefined;
}

const digits = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);
export const showBody = z.strictObject({ table_id: tableId, ...moment });
export type ShowTable = z.output<typeof showBody>;
export const whenQuery = z.strictObject({
  version: toldAs(z.int().min(0), digits.optional()),
  at: moment.at,
  database: toldAs(databaseName, moment.database),
});
export type WhenQuery = z.output<typeof whenQuery>;
export const diffQuery = z.strictObject({
  from: toldAs(z.int().min(1).default(1), digits.optional()),
  to: toldAs(z.int().min(1), digits.optional()),
});
export type DiffQuery = z.output<typeof diffQuery>;

export const tablesQuery = z.strictObject({
  ...pageShape,
  status: z.enum(TABLE_STATUSES).optional(),
  database: toldAs(databaseName, z.string().optional()),
  name: z.string().optional(),
});
export type TablesQuery = z.output<typeof tablesQuery>;

/** Tables as they are and as they were: listed, shown, walked, compared, played forward. */
@Injectable()
export class TableQueries {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly applied: AppliedSteps,
  ) {}

  async list({ limit, cursor, status, database, name }: TablesQuery): Promise<object> {
    const at = database === undefined ? undefined : await findDatabase(this.core, database);
    if (at === null) throw new ApiError('database_not_found', `no database ${JSON.stringify(database)}`);
    const { tables, more } = await pageOfTables(this.core, {
      limit,
      before: cursor,
      status,
      name,
      database_id: at?.database_id,
    });
    const shown = tables.map((r) => r.table);
    const statuses = await statusesOf(this.core, shown);
    return {
      tables: shown.map((table) => tableView(table, statuses)),
      next_cursor: cursorAfter(tables, more, (last) => last.position),
    };
  }

  async show(tableId: string, when: When): Promise<Answer> {
    if (when.version === undefined && when.at === undefined && when.database === undefined) {
      const table = await knownTable(this.core, tableId);
      return {
        status: 200,
        body: { table: tableView(table, await statusesOf(this.core, [table])) },
        headers: { ETag: `"${table.version}"` },
      };
    }
    const point = await this.point(tableId, when);
    const table = when.database === undefined ? point.table : await this.inDatabase(point, when);
    return { status: 200, body: { table: tableView(table) }, headers: { ETag: `"${point.table.version}"` } };
  }

  async history(tableId: string, { limit, cursor }: PageQuery): Promise<object> {
    await knownTable(this.core, tableId);
    const { events: shown, more } = await this.store.pageOfStream(tableStreams.name(tableId), cursor ?? 0, limit);
    return {
      events: shown.map((event) => {
        const { saga_id, ...data } = event.data as { saga_id: string };
        return {
          version: event.version,
          type: event.type,
          recorded_at: event.recorded_at,
          actor: event.metadata.actor,
          saga_id,
          data,
          summary: sentence(tableStreams.decode(event)),
        };
      }),
      next_cursor: cursorAfter(shown, more, (last) => last.version),
    };
  }

  async diff(tableId: string, { from, to }: DiffQuery): Promise<object> {
    const { name, added, removed, altered, renamed, indexes } = diff(
      await this.point(tableId, { version: from ?? 1 }),
      await this.point(tableId, { version: to }),
    );
    return {
      name,
      added: added.map(columnView),
      removed: removed.map(columnView),
      altered: altered.map((a) => ({ column: a.column, from: columnView(a.from), to: columnView(a.to) })),
      renamed,
      indexes: {
        added: indexes.added.map(indexView),
        removed: indexes.removed.map(indexView),
        altered: indexes.altered.map((a) => ({ index: a.to.name, from: indexView(a.from), to: indexView(a.to) })),
      },
    };
  }

  async replay(tableId: string, when: When): Promise<Answer> {
    const { table } = await this.point(tableId, when);
    // Each version holds the whole table: told as it is played, in the caller's time, a long history takes no more
    // memory than a short one.
    return {
      status: 200,
      body: Readable.from(this.told(table)),
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
    };
  }

  private async *told(table: Table): AsyncGenerator<string> {
    yield '{"timeline":[';
    for await (const { event, table: then } of momentsUpTo(this.store, table.table_id, null, table.version)) {
      const {
        version,
        type,
        recorded_at,
        metadata: { actor },
      } = event;
      const step = JSON.stringify({ version, type, recorded_at, actor, table: tableView(then) });
      yield version === 1 ? step : `,${step}`;
    }
    const { ddl, missing } = ddlOf(table);
    // The rest of the object, without the brace that opens it.
    yield `],${JSON.stringify({ table: tableView(table), ddl, ddl_missing: missing }).slice(1)}`;
  }

  /** The table then. Errors: ApiError table_not_found, version_not_found, validation_failed for both at once. */
  async point(tableId: string, { version, at }: When): Promise<Point> {
    await knownTable(this.core, tableId);
    if (version !== undefined && at !== undefined)
      throw new ApiError('validation_failed', 'give either version or at', {
        errors: [{ path: 'at', message: 'stands beside version' }],
      });
    const point =
      version === 0
        ? null
        : await pointAt(
            this.core,
            this.store,
            tableId,
            version !== undefined ? { version } : at !== undefined ? { at: new Date(at).toISOString() } : {},
          );
    if (point === null)
      throw version !== undefined
        ? noVersion(version)
        : new ApiError('version_not_found', `the table was not there at ${at}`);
    return point;
  }

  /** What had been applied in one database by then, which may be less or more than what was confirmed. */
  private async inDatabase({ position, table }: Point, { at, version, database }: When): Promise<Table> {
    const ref = table.databases.find((d) => d.name === database);
    if (ref === undefined)
      throw new ApiError('database_not_found', `the table did not live in a database ${JSON.stringify(database)} then`);
    const steps = await this.applied.list({ database_id: ref.id, table_id: table.table_id });
    const until = at === undefined ? null : new Date(at).toISOString();
    const seen =
      version === undefined && until === null
        ? steps
        : steps.filter((step) => (until === null ? step.position <= position : step.recorded_at <= until));
    const { name, exists, columns, indexes } = stateAfter(seen);
    return { ...table, name: name ?? table.name, exists, columns, indexes, databases: [ref] };
  }
}

export function noVersion(version: number): ApiError {
  return new ApiError('version_not_found', `there is no version ${version}`);
}
