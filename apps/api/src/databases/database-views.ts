import { Inject, Injectable } from '@nestjs/common';
import type { CoreDatabase } from '#event-store';
import { DatabaseError } from '#byodb';
import { tablesIn, tablesLetGo, type Database } from '#tables';
import { CORE } from '../core/tokens.js';
import { Databases } from './databases.js';
import { soon } from './reach.js';

/** How long a view waits for a database before it tells what was known before. Milliseconds. */
const VIEW_MS = 1000;

interface Seen {
  version: number;
  checked_at: string | null;
  server_version: string | null;
  reachable: boolean;
  error: { code: string; message: string } | null;
  tables: string[];
}

/** Databases as the API shows them. */
@Injectable()
export class DatabaseViews {
  /** What each database said last. */
  private readonly seen = new Map<string, Seen>();
  private readonly asking = new Map<string, Promise<Seen>>();

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    private readonly databases: Databases,
  ) {}

  /** As it is now, or where it does not say so in time, as it was when it was asked last. */
  async view(database: Database): Promise<object> {
    const [view] = await this.views([database]);
    return view!;
  }

  async views(databases: readonly Database[]): Promise<object[]> {
    const letGo = await tablesLetGo(
      this.core,
      databases.map((database) => database.database_id),
    );
    return Promise.all(
      databases.map(async (database) => {
        const { database_id, name, engine, created_at, updated_at } = database;
        const { version: _version, ...seen } =
          (await soon(this.ask(database), VIEW_MS)) ?? (await this.known(database));
        const gone = letGo.get(database_id)!;
        return {
          database_id,
          name,
          engine,
          ...seen,
          ...(gone.length === 0 ? {} : { let_go: gone }),
          drift_detected_at: database.drift?.detected_at ?? null,
          created_at,
          updated_at,
        };
      }),
    );
  }

  private async known({ database_id, address_version }: Database): Promise<Seen> {
    const seen = this.seen.get(database_id);
    if (seen !== undefined && seen.version === address_version) return seen;
    const tables = await tablesIn(this.core, database_id);
    const error = { code: 'database_unreachable', message: `it has not answered for ${VIEW_MS / 1000} s` };
    return { version: address_version, checked_at: null, server_version: null, reachable: false, error, tables };
  }

  /** For all who want to know at the same time: once. */
  private ask(database: Database): Promise<Seen> {
    const { database_id, address_version } = database;
    const key = `${database_id} ${address_version}`;
    const asking = this.asking.get(key) ?? this.askNow(database).finally(() => this.asking.delete(key));
    this.asking.set(key, asking);
    // A view that does not wait for it any longer does not hear of its failing.
    asking.catch(() => undefined);
    return asking;
  }

  private async askNow({ database_id, address_version: version }: Database): Promise<Seen> {
    let seen: Seen;
    try {
      const connection = await this.databases.connect(database_id);
      const [info, tables] = [await connection.info(), await connection.tables()];
      seen = {
        version,
        checked_at: new Date().toISOString(),
        server_version: info.version,
        reachable: true,
        error: null,
        tables,
      };
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const { asked_at } = error.details;
      const reachable = error.code === 'permission_denied' && (await this.databases.answers(database_id));
      const tables = await tablesIn(this.core, database_id);
      seen = {
        version,
        checked_at: typeof asked_at === 'string' ? asked_at : new Date().toISOString(),
        server_version: null,
        reachable,
        error: { code: error.code, message: error.message },
        tables,
      };
    }
    this.seen.set(database_id, seen);
    return seen;
  }

  forget(id: string): void {
    this.seen.delete(id);
  }
}
