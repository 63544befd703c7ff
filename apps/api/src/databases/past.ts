import { Inject, Injectable } from '@nestjs/common';
import type { CoreDatabase } from '#event-store';
import { findDrift, type Drift } from '#byodb';
import { columnsIn, listTables } from '#tables';
import { CORE } from '../core/tokens.js';
import type { PageQuery } from '../http/input.js';
import { AppliedThere } from './applied.js';
import { Databases } from './databases.js';

const EVERYTHING = 1_000_000;

/** What was done to a database, and whether it still is what that made of it. */
@Injectable()
export class DatabasePast {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly applied: AppliedThere,
    private readonly databases: Databases,
  ) {}

  /** Every step that took effect there, and every undoing, oldest first. */
  async history(name: string, { limit, cursor }: PageQuery): Promise<object> {
    const { database_id } = await this.databases.byName(name);
    const { steps: shown, more } = await this.applied.page({ database_id, after: cursor, limit });
    return {
      events: shown.map((step) => ({
        table_id: step.table_id,
        table_name: step.table_name,
        saga_id: step.saga_id,
        kind: step.kind,
        step_id: step.step_id,
        operation: step.operation,
        direction: step.direction,
        applied_at: step.recorded_at,
        duration_ms: step.duration_ms,
        statements: step.statements,
        fingerprint_before: step.fingerprint_before,
        fingerprint_after: step.fingerprint_after,
      })),
      next_cursor: more ? String(shown.at(-1)!.position) : null,
    };
  }

  /** A table that is being changed right now is between two states and is left out. */
  async drift(name: string): Promise<{ database: string; in_sync: boolean; drift: Drift[] }> {
    const database = await this.databases.byName(name);
    const { database_id } = database;
    const tables = (await listTables(this.core, { database_id, limit: EVERYTHING })).map((row) => row.table);
    const changing = tables.filter((table) => table.pending.length > 0 || !table.exists);
    const known = tables
      .filter((table) => !changing.includes(table))
      .map((table) => ({
        table_id: table.table_id,
        table: table.name,
        columns: columnsIn(table, database_id),
        beside: table.variants[database_id]?.beside ?? [],
      }));
    const found = await this.databases.look(database, (connection) => findDrift(connection, known));
    const drift = found.filter(
      (d) =>
        d.kind !== 'added' ||
        !changing.some((t) =>
          [t.name, ...t.pending.flatMap(({ change }) => ('name' in change ? [change.name] : []))].includes(d.table),
        ),
    );
    return { database: name, in_sync: drift.length === 0, drift };
  }
}
