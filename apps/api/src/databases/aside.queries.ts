import { Inject, Injectable } from '@nestjs/common';
import { jsonOf, sql, type CoreDatabase } from '#event-store';
import { DatabaseError } from '#byodb';
import { keptOf, rowsKept, type Kept, type Table } from '#tables';
import { CORE } from '../core/tokens.js';
import type { PageQuery } from '../http/input.js';
import { knownTable } from '../tables/known-table.js';
import { Databases } from './databases.js';
import { soon } from './reach.js';

/** Counting more would be work for the customer's database that nobody asked it for. */
const MOST_ROWS = 1_000_000;
const LOOK_MS = 2000;

interface Counted extends Kept {
  rows: number | null;
}

/** What is kept aside until its retention time is over. */
@Injectable()
export class AsideQueries {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
  ) {}

  async ofTable(id: string, query: PageQuery): Promise<object> {
    return this.paged(await keptOf(this.core, await knownTable(this.core, id)), query);
  }

  async ofDatabase(name: string, query: PageQuery): Promise<object> {
    const { database_id: id } = await this.databases.byName(name);
    const rows = await this.core.query(
      sql`select state from tables where state like ${`%"${id}"%`} and state not like ${'%"set_aside":[]%'}`,
    );
    const kept: Kept[] = [];
    for (const row of rows)
      kept.push(...(await keptOf(this.core, jsonOf<Table>(row, 'state'))).filter((one) => one.database.id === id));
    return this.paged(
      kept.sort((a, b) => (a.kept_since < b.kept_since ? 1 : -1)),
      query,
    );
  }

  private async paged(kept: Kept[], { limit, cursor = 0 }: PageQuery): Promise<object> {
    const shown = kept.slice(cursor, cursor + limit);
    const ids = [...new Set(shown.map((one) => one.database.id))];
    const counted = new Map(
      (
        await Promise.all(
          ids.map((id) =>
            this.counted(
              id,
              shown.filter((one) => one.database.id === id),
            ),
          ),
        )
      ).flatMap((found) => [...found]),
    );
    const aside = shown.flatMap((one) => {
      const rows = counted.get(one);
      return rows === undefined ? [] : [view({ ...one, rows })];
    });
    return { aside, next_cursor: kept.length > cursor + limit ? String(cursor + limit) : null };
  }

  /** Undefined: it is not there any more. What could not be asked in time is told without its rows. */
  private async counted(id: string, kept: Kept[]): Promise<Map<Kept, number | null | undefined>> {
    const found = new Map<Kept, number | null | undefined>(kept.map((one) => [one, null]));
    const until = performance.now() + LOOK_MS;
    const work = async (): Promise<void> => {
      const connection = await this.databases.connect(id);
      await connection.look(async (session) => {
        for (const one of kept) {
          if (performance.now() > until) return;
          const rows = await rowsKept(session, (name) => connection.engine.ddl.quote(name), one, MOST_ROWS);
          // Somebody may have been answered already.
          if (performance.now() <= until) found.set(one, rows);
        }
      });
    };
    await soon(
      work().catch((error: unknown) => {
        if (!(error instanceof DatabaseError)) throw error;
      }),
      LOOK_MS,
    );
    return found;
  }
}

function view({ database, aside: _aside, within: _within, ...rest }: Counted): object {
  return { database: database.name, ...rest };
}
