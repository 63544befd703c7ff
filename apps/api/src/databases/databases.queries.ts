import { Inject, Injectable } from '@nestjs/common';
import type { CoreDatabase } from '#event-store';
import { listDatabases } from '#tables';
import { CORE } from '../core/tokens.js';
import { cursorAfter, type PageQuery } from '../http/input.js';
import { AppliedSteps } from './applied-steps.js';
import { DatabaseViews } from './database-views.js';
import { Databases } from './databases.js';

/** Databases as they are known, and what was done to them. */
@Injectable()
export class DatabaseQueries {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
    private readonly views: DatabaseViews,
    private readonly applied: AppliedSteps,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<object> {
    const rows = await listDatabases(this.core, { limit: limit + 1, before: cursor });
    const databases = await this.views.views(rows.slice(0, limit).map((row) => row.database));
    return { databases, next_cursor: cursorAfter(rows.slice(0, limit), rows.length > limit, (last) => last.position) };
  }

  async one(name: string): Promise<object> {
    return { database: await this.views.view(await this.databases.byName(name)) };
  }

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
      next_cursor: cursorAfter(shown, more, (last) => last.position),
    };
  }
}
