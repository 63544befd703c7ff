import { z } from 'zod';
import type { CoreDatabase, EventStore } from '../../../../libs/event-store/src/index.js';
import { DatabaseError, findDrift, type Drift } from '../../../../libs/byodb/src/index.js';
import { listSagas } from '../../../../libs/sagas/src/index.js';
import { appliedBy, columnsIn, listTables } from '../../../../libs/tables/src/index.js';
import { ApiError } from '../http/api-error.js';
import { pageShape, parse } from '../http/input.js';
import type { Databases } from './databases.js';

const EVERYTHING = 1_000_000;
const page = z.strictObject(pageShape);

/** What was done to a database, and whether it still is what that made of it. */
export class DatabasePast {
  constructor(private readonly core: CoreDatabase, private readonly store: EventStore, private readonly databases: Databases) {}

  /** Every step that took effect there, and every undoing, oldest first. */
  async history(name: string, query: unknown): Promise<object> {
    const { limit, cursor } = parse(page, query);
    const { database_id } = await this.databases.byName(name);
    const sagas = await listSagas(this.core, { target_id: database_id, limit: EVERYTHING });
    const steps = (await Promise.all(sagas.map(async ({ saga }) => (await appliedBy(this.store, saga.saga_id, database_id)).map((step) => ({ saga, step })))))
      .flat().filter(({ step }) => step.position > (cursor ?? 0)).sort((a, b) => a.step.position - b.step.position);
    const shown = steps.slice(0, limit);
    return {
      events: shown.map(({ saga, step }) => ({
        table_id: saga.subject_id, table_name: step.plan.shown_after, saga_id: saga.saga_id, kind: saga.kind, step_id: step.step_id, operation: step.operation, direction: step.direction,
        applied_at: step.recorded_at, duration_ms: step.duration_ms, statements: step.statements, fingerprint_before: step.fingerprint_before, fingerprint_after: step.fingerprint_after,
      })),
      next_cursor: steps.length > limit ? String(shown.at(-1)!.step.position) : null,
    };
  }

  /** A table that is being changed right now is between two states and is left out. */
  async drift(name: string): Promise<{ database: string; in_sync: boolean; drift: Drift[] }> {
    const { database_id } = await this.databases.byName(name);
    const tables = (await listTables(this.core, { database_id, limit: EVERYTHING })).map((row) => row.table);
    const changing = tables.filter((table) => table.pending.length > 0 || !table.exists);
    try {
      const connection = await this.databases.connect(database_id);
      const found = await findDrift(connection, tables.filter((table) => !changing.includes(table)).map((table) => ({ table_id: table.table_id, table: table.name, columns: columnsIn(table, database_id), beside: table.variants[database_id]?.beside ?? [] })));
      const drift = found.filter((d) => d.kind !== 'added' || !changing.some((t) => [t.name, ...t.pending.flatMap(({ change }) => ('name' in change ? [change.name] : []))].includes(d.table)));
      return { database: name, in_sync: drift.length === 0, drift };
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      throw new ApiError(error.code === 'database_mismatch' ? 'database_mismatch' : 'database_unreachable', error.message);
    }
  }
}
