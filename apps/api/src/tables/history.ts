import { z } from 'zod';
import type { CoreDatabase, EventStore } from '../../../../libs/event-store/src/index.js';
import { engineOf, type Column, type Engine } from '../../../../libs/byodb/src/index.js';
import { listSagas } from '../../../../libs/sagas/src/index.js';
import { appliedBy, ddlOf, decideRevert, diff, outlook, playForward, sentence, stateAfter, tableStream, type Moment, type Table, type TableEvent } from '../../../../libs/tables/src/index.js';
import { ApiError } from '../http/api-error.js';
import { pageShape, parse, type CommandContext } from '../http/input.js';
import type { Answer, Commands } from './commands.js';
import { columnView, tableView } from './view.js';

/** Which moment of a table: after event `version`, or at a time; neither: now. */
export interface When { version?: number | undefined; at?: string | undefined; database?: string | undefined }

const digits = z.string().regex(/^\d{1,15}$/, 'must be a whole number').transform(Number);
const time = z.iso.datetime({ offset: true });
export const whenBody = { version: z.int().min(1).optional(), at: time.optional(), database: z.string().min(1).max(63).optional() };
export const whenQuery = z.strictObject({ version: digits.optional(), at: time.optional(), database: z.string().min(1).max(63).optional() });
export const diffQuery = z.strictObject({ from: digits.optional(), to: digits.optional() });
const page = z.strictObject(pageShape);

/** A table's past: walked, compared, played forward, gone back to. */
export class History {
  constructor(private readonly core: CoreDatabase, private readonly store: EventStore, private readonly commands: Commands) {}

  async show(tableId: string, when: When): Promise<Answer> {
    if (when.version === undefined && when.at === undefined && when.database === undefined) {
      const table = await this.commands.table(tableId);
      return { status: 200, body: { table: tableView(table) }, headers: { ETag: `"${table.version}"` } };
    }
    const moment = pick(await this.moments(tableId), when);
    const table = when.database === undefined ? moment.table : await this.inDatabase(moment, when);
    return { status: 200, body: { table: tableView(table) }, headers: { ETag: `"${moment.table.version}"` } };
  }

  async history(tableId: string, query: unknown): Promise<object> {
    const { limit, cursor } = parse(page, query);
    await this.commands.table(tableId);
    const events = (await this.store.readStream(tableStream(tableId), { after: cursor ?? 0, upTo: (cursor ?? 0) + limit + 1 }));
    const shown = events.slice(0, limit);
    return {
      events: shown.map((event) => {
        const { saga_id, ...data } = event.data as { saga_id: string };
        return { version: event.version, type: event.type, recorded_at: event.recorded_at, actor: event.metadata.actor, saga_id, data, summary: sentence({ ...event.data, type: event.type } as TableEvent) };
      }),
      next_cursor: events.length > limit ? String(shown.at(-1)!.version) : null,
    };
  }

  async diff(tableId: string, query: unknown): Promise<object> {
    const { from, to } = parse(diffQuery, query);
    const moments = await this.moments(tableId);
    const { name, added, removed, altered, renamed } = diff(pick(moments, { version: from ?? 1 }), pick(moments, { version: to }));
    return { name, added: added.map(columnView), removed: removed.map(columnView), altered: altered.map((a) => ({ column: a.column, from: columnView(a.from), to: columnView(a.to) })), renamed };
  }

  async replay(tableId: string, when: When): Promise<Answer> {
    const moments = await this.moments(tableId);
    const { table } = pick(moments, when);
    const timeline = moments.slice(0, table.version).map(({ event, table: then }) => ({ version: event.version, type: event.type, recorded_at: event.recorded_at, actor: event.metadata.actor, table: tableView(then) }));
    return { status: 200, body: { timeline, table: tableView(table), ddl: ddlOf(table) }, headers: {} };
  }

  /** The moment, for a command that builds on it. */
  async moment(tableId: string, when: When): Promise<Moment> { return pick(await this.moments(tableId), when); }

  async revert(context: CommandContext, tableId: string, version: number): Promise<Answer> {
    return this.commands.run(context, tableId, async (table, sagaId) => {
      const moments = await this.moments(tableId, table!.version);
      const { databases } = outlook(table!);
      const engines = [...new Set(databases.map((d) => d.engine))].map((engine) => engineOf(engine as Engine['name']));
      const event = decideRevert(moments, pick(moments, { version }), engines, Date.now(), sagaId);
      if (event.type !== 'TableRevertRequested') throw new Error('a revert is asked for by its own event');
      return { event, change: { kind: 'table.revert', name: event.name, version, ops: event.ops }, name: table!.name, databases };
    });
  }

  private async moments(tableId: string, upTo?: number): Promise<Moment[]> {
    await this.commands.table(tableId);
    return playForward(tableId, await this.store.readStream(tableStream(tableId), upTo === undefined ? undefined : { upTo }));
  }

  /** What had been applied in one database by then, which may be less or more than what was confirmed. */
  private async inDatabase({ event, table }: Moment, { at, version, database }: When): Promise<Table> {
    const ref = table.databases.find((d) => d.name === database);
    if (ref === undefined) throw new ApiError('database_not_found', `the table did not live in a database ${JSON.stringify(database)} then`);
    const sagas = (await listSagas(this.core, { subject_id: table.table_id, limit: 100_000 })).reverse();
    const steps = (await Promise.all(sagas.map(async ({ saga }) => appliedBy(this.store, saga.saga_id, ref.id)))).flat();
    const until = at === undefined ? null : new Date(at).toISOString();
    const seen = version === undefined && until === null ? steps : steps.filter((step) => (until === null ? step.position <= event.position : step.recorded_at <= until));
    const { name, exists, columns } = stateAfter(seen);
    return { ...table, name: name ?? table.name, exists, columns: columns as Column[], databases: [ref] };
  }
}

function pick(moments: Moment[], { version, at }: When): Moment {
  if (version !== undefined && at !== undefined) throw new ApiError('validation_failed', 'give either version or at', { errors: [{ path: 'at', message: 'stands beside version' }] });
  const until = at === undefined ? null : new Date(at).toISOString();
  const found = version !== undefined ? moments[version - 1] : until !== null ? moments.findLast((m) => m.event.recorded_at <= until) : moments.at(-1);
  if (found === undefined) throw new ApiError('version_not_found', version !== undefined ? `there is no version ${version}` : `the table was not there at ${at}`);
  return found;
}
