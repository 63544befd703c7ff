import { sql, type CoreDatabase } from '#event-store';
import { DatabaseError, engineOf, refuseOthers, type Connection } from '#byodb';
import { findDatabase, loadDatabase, type Database } from '#tables';
import { ApiError } from '../http/api-error.js';
import { notHad, type Candidates } from './candidates.js';
import { Reach, soon } from './reach.js';
import type { Vault } from './vault.js';

/** How long a stop waits for a connection to say goodbye, and how long a database that is removed is waited for. */
const CLOSE_MS = 2000;
const RELEASE_MS = 5000;

interface Pool {
  version: number;
  connection: Connection;
  claimed: boolean;
}

/** Registered databases and their pools: one pool each, reopened when the address has changed. */
export class Databases {
  private readonly pools = new Map<string, Pool>();
  private readonly reach = new Reach();

  constructor(
    private readonly core: CoreDatabase,
    private readonly vault: Vault,
    private readonly candidates: Candidates,
  ) {}

  async byName(name: string): Promise<Database> {
    const found = await findDatabase(this.core, name);
    if (found === null) throw new ApiError('database_not_found', `no database ${JSON.stringify(name)}`);
    return found;
  }

  /**
   * The pool of a registered database; what stands at its address must be what was registered. Throws DatabaseError.
   */
  async connect(id: string): Promise<Connection> {
    const database = await loadDatabase(this.core, id);
    if (database === null) throw new DatabaseError('database_error', 'the database is not registered any more');
    const pool = await this.pool(id, database.address_version);
    await this.reach.through(id, database.address_version, () => this.settle(pool, id));
    return pool.connection;
  }

  /** What stands at the address must be what was registered, and this service's: others may have come there since. */
  private async settle(pool: Pool, id: string): Promise<void> {
    const { connection } = pool;
    const claimant = this.candidates.claimant();
    const traces = await connection.traces();
    refuseOthers(traces, claimant);
    if (traces.id !== null && traces.id !== id)
      throw new DatabaseError('database_mismatch', 'another database stands where the registered one was', {
        retryable: false,
      });
    // What somebody dropped of the ledger is made again: no change would ever go on without it.
    if (traces.id === id && traces.missing.length === 0 && (traces.managed_by !== null || pool.claimed)) return;
    if ((await connection.claim(id, claimant)) !== id)
      throw new DatabaseError('database_mismatch', 'another database stands where the registered one was', {
        retryable: false,
      });
    pool.claimed = true;
  }

  /** One per database and address, also for two who ask at once. */
  private async pool(id: string, version: number): Promise<Pool> {
    const seen = this.pools.get(id);
    // Whoever read the former address a moment ago must not bring it back.
    if (seen !== undefined && seen.version >= version) return seen;
    const [row] = await this.core.query(sql`select sealed from credentials where database_id = ${id}`);
    const address = this.vault.unseal(id, String(row!['sealed']));
    const former = this.pools.get(id);
    if (former !== undefined && former.version >= version) return former;
    const connection = engineOf(address.engine).open(address);
    const pool: Pool = { version, connection, claimed: false };
    this.pools.set(id, pool);
    // Not waited for: a statement that hangs at the former address is often why there is a new one.
    former?.connection.close().catch(() => undefined);
    return pool;
  }

  /** For what a caller asks now. Errors: ApiError database_unreachable, database_mismatch. */
  async look<T>(database: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connect(database.database_id));
    } catch (error) {
      throw notHad(error);
    }
  }

  /**
   * Errors: ApiError database_unreachable, database_mismatch. One that takes the login and lets no ledger be made is
   * reached.
   */
  async test(database: Database): Promise<void> {
    try {
      await (await this.connect(database.database_id)).info();
    } catch (error) {
      if (
        error instanceof DatabaseError &&
        error.code === 'permission_denied' &&
        (await this.answers(database.database_id))
      )
        return;
      throw notHad(error);
    }
  }

  /** A database that takes the login may still refuse everything else. */
  async answers(id: string): Promise<boolean> {
    try {
      await this.pools.get(id)?.connection.traces();
      return this.pools.has(id);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return false;
    }
  }

  /** A pool for the address as it is now: once its credentials are forgotten there is no other way to reach it. */
  async keep(database: Database): Promise<void> {
    await this.pool(database.database_id, database.address_version);
  }

  /** Nothing lives there any more: what was made for it there goes too, where it can be reached. */
  async leave(id: string): Promise<void> {
    const former = this.drop(id);
    if (former === undefined) return;
    const clean = former.release(id).catch((error: unknown) => {
      if (!(error instanceof DatabaseError)) throw error;
    });
    await soon(clean, RELEASE_MS);
    former.close().catch(() => undefined);
  }

  /** It is lost: nothing is sent there any more. */
  abandon(id: string): void {
    this.drop(id)
      ?.close()
      .catch(() => undefined);
  }

  /** The connection that there was. */
  private drop(id: string): Connection | undefined {
    const former = this.pools.get(id)?.connection;
    this.pools.delete(id);
    this.reach.forget(id);
    return former;
  }

  async close(): Promise<void> {
    // A connection that hangs goes with the process.
    await Promise.all([...this.pools.values()].map(({ connection }) => soon(connection.close(), CLOSE_MS)));
  }
}
