import { Inject, Injectable } from '@nestjs/common';
import type { CoreDatabase } from '#event-store';
import { findDrift, type Drift } from '#byodb';
import { listTables, managedIn, namesAhead } from '#tables';
import { CORE } from '../core/tokens.js';
import { Databases } from './databases.js';

const EVERYTHING = 1_000_000;

/** Whether a database still is what history made of it. */
@Injectable()
export class DriftQueries {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
  ) {}

  /** A table that is being changed right now is between two states and is left out. */
  async of(name: string): Promise<{ database: string; in_sync: boolean; drift: Drift[] }> {
    const database = await this.databases.byName(name);
    const { database_id } = database;
    const tables = (await listTables(this.core, { database_id, limit: EVERYTHING })).map((row) => row.table);
    const changing = tables.filter((table) => table.pending.length > 0 || !table.exists);
    const known = tables
      .filter((table) => !changing.includes(table))
      .map((table) => ({
        table_id: table.table_id,
        table: table.name,
        ...managedIn(table, database_id),
        beside: table.variants[database_id]?.beside ?? [],
      }));
    const found = await this.databases.look(database, (connection) => findDrift(connection, known));
    const drift = found.filter(
      (d) => d.kind !== 'added' || !changing.some((t) => [t.name, ...namesAhead(t)].includes(d.table)),
    );
    return { database: name, in_sync: drift.length === 0, drift };
  }
}
