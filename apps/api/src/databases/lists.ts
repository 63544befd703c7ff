import { Inject, Injectable } from '@nestjs/common';
import type { CoreDatabase } from '#event-store';
import { listDatabases } from '#tables';
import { CORE } from '../core/tokens.js';
import type { PageQuery } from '../http/input.js';
import { Databases } from './databases.js';

@Injectable()
export class DatabaseLists {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
  ) {}

  async list({ limit, cursor }: PageQuery): Promise<object> {
    const rows = await listDatabases(this.core, { limit: limit + 1, before: cursor });
    const databases = await this.databases.views(rows.slice(0, limit).map((row) => row.database));
    return { databases, next_cursor: rows.length > limit ? String(rows[limit - 1]!.position) : null };
  }
}
