import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { v7 as uuid } from 'uuid';
import { sql, UniqueViolation, VersionConflict, type CoreDatabase, type EventStore, type Metadata } from '#event-store';
import { DatabaseError, engineOf, refuseOthers, type Address, type Connection } from '#byodb';
import { databaseStreams, findDatabase, isInUse, loadDatabase, tablesIn, tablesLetGo, type Database } from '#tables';
import { ApiError } from '../http/api-error.js';
import { Candidates, notHad, type TakeOver } from './candidates.js';
import { Reach, soon } from './reach.js';
import type { Vault } from './vault.js';

/**
 * How long a view waits for a database before it tells what was known before, and a stop for a connection to say
 * goodbye. Milliseconds.
 */
const VIEW_MS = 1000;
const CLOSE_MS = 2000;
/** How long a database that is removed is waited for. */
const RELEASE_MS = 5000;

interface Seen {
  version: number;
  checked_at: string | null;
  server_version: string | null;
  reachable: boolean;
  error: { code: string; message: string } | null;
  tables: string[];
}

/** Registered databases and their pools: one pool each, reopened when the address has changed. */
export class Databases {
  private readonly open = new Map<string, { version: number; connection: Connection; claimed: boolean }>();
  private readonly reach = new Reach();
  /** What each database said last. */
  private readonly seen = new Map<string, Seen>();
  private readonly asking = new Map<string, Promise<Seen>>();

  constructor(
    private readonly core: CoreDatabase,
    private readonly store: EventStore,
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
  private async settle(pool: { connection: Connection; claimed: boolean }, id: string): Promise<void> {
    const { connection } = pool;
    const claimant = this.candidates.claimant();
    const marks = await connection.marks();
    refuseOthers(marks, claimant);
    if (marks.id !== null && marks.id !== id)
      throw new DatabaseError('database_mismatch', 'another database stands where the registered one was', {
        retryable: false,
      });
    // What somebody dropped of the ledger is made again: no change would ever go on without it.
    if (marks.id === id && marks.missing.length === 0 && (marks.managed_by !== null || pool.claimed)) return;
    if ((await connection.claim(id, claimant)) !== id)
      throw new DatabaseError('database_mismatch', 'another database stands where the registered one was', {
        retryable: false,
      });
    pool.claimed = true;
  }

  /** One per database and address, also for two who ask at once. */
  private async pool(id: string, version: number): Promise<{ connection: Connection; claimed: boolean }> {
    const seen = this.open.get(id);
    // Whoever read the former address a moment ago must not bring it back.
    if (seen !== undefined && seen.version >= version) return seen;
    const [row] = await this.core.query(sql`select sealed from credentials where database_id = ${id}`);
    const address = this.vault.unseal(id, String(row!['sealed']));
    const former = this.open.get(id);
    if (former !== undefined && former.version >= version) return former;
    const connection = engineOf(address.engine).open(address);
    const pool = { version, connection, claimed: false };
    this.open.set(id, pool);
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
   * Looks first, and makes nothing there that would stay when it is refused. Errors: ApiError database_unreachable,
   * database_exists, core_database, managed_elsewhere.
   */
  async register(name: string, address: Address, metadata: Metadata, takeOver?: TakeOver): Promise<Database> {
    if ((await findDatabase(this.core, name)) !== null)
      throw new ApiError('database_exists', `there is a database ${JSON.stringify(name)} already`);
    return this.candidates.with(address, takeOver, async (candidate) => {
      await this.refuseKnown(candidate.id);
      await candidate.claim(async (id) => {
        const past = await this.store.readStream(databaseStreams.name(id));
        const registered = databaseStreams.append(id, past.length, [
          {
            type: 'DatabaseRegistered',
            name,
            engine: address.engine,
            ...(takeOver === undefined ? {} : { taken_over: takeOver }),
          },
        ]);
        await this.unlessTaken(this.store.append([registered], metadata, (tx) => this.vault.store(tx, id, address)));
      }, this.isKnown);
      return this.byName(name);
    });
  }

  /** A copy of a database has the original's identity, and cannot be told from it. */
  private async refuseKnown(id: string | null): Promise<void> {
    const known = id === null ? null : await loadDatabase(this.core, id);
    if (known === null) return;
    const hint =
      `a copy of ${known.name} bears the same identity: to register it beside that one, ` +
      `drop the tables _saga_ledger, ` +
      '_saga_fences and _saga_identity in the copy first';
    throw new ApiError('database_exists', `this database is registered already, as ${known.name}`, {
      members: { hint },
    });
  }

  private readonly isKnown = async (id: string): Promise<boolean> => (await loadDatabase(this.core, id)) !== null;

  private async unlessTaken(appending: Promise<unknown>): Promise<void> {
    try {
      await appending;
    } catch (error) {
      if (error instanceof UniqueViolation)
        throw new ApiError('database_exists', 'this database, or one of this name, is registered already');
      throw error;
    }
  }

  /**
   * A new address of the same database; of another one only while nothing lives in the former. Errors: ApiError
   * database_mismatch, database_exists.
   */
  async change(name: string, address: Address, metadata: Metadata): Promise<Database> {
    return afresh(() => this.changeOnce(name, address, metadata));
  }

  private async changeOnce(name: string, address: Address, metadata: Metadata): Promise<Database> {
    const database = await this.byName(name);
    const { database_id: id, version } = database;
    await this.pool(id, database.address_version);
    return this.candidates.with(address, undefined, async (candidate) => {
      if (candidate.id === id) {
        const moved = databaseStreams.append(id, version, [{ type: 'DatabaseAddressChanged' }]);
        await this.store.append([moved], metadata, (tx) => this.vault.store(tx, id, address));
        return this.byName(name);
      }
      await this.refuseLeaving(database);
      await this.refuseKnown(candidate.id);
      await candidate.claim(async (claimed) => {
        const past = await this.store.readStream(databaseStreams.name(claimed));
        const removed = databaseStreams.append(id, version, [{ type: 'DatabaseRemoved' }]);
        const registered = databaseStreams.append(claimed, past.length, [
          { type: 'DatabaseRegistered', name, engine: address.engine },
        ]);
        await this.unlessTaken(
          this.store.append([removed, registered], metadata, (tx) => this.vault.store(tx, claimed, address)),
        );
      }, this.isKnown);
      await this.leave(id);
      return this.byName(name);
    });
  }

  private async refuseLeaving({ database_id: id }: Database): Promise<void> {
    if (await isInUse(this.core, id))
      throw new ApiError('database_mismatch', 'this is another database than the registered one, where tables live');
  }

  async remove(name: string, metadata: Metadata): Promise<void> {
    return afresh(() => this.removeOnce(name, metadata));
  }

  private async removeOnce(name: string, metadata: Metadata): Promise<void> {
    const { database_id: id, version, address_version } = await this.byName(name);
    if (await isInUse(this.core, id)) throw new ApiError('database_in_use', 'tables live there or are set aside there');
    // Before its credentials are forgotten.
    await this.pool(id, address_version);
    await this.store.append([databaseStreams.append(id, version, [{ type: 'DatabaseRemoved' }])], metadata);
    await this.leave(id);
  }

  /** It is lost: what lived there was let go, and nothing is sent there. */
  async forget(name: string, reason: string, metadata: Metadata): Promise<void> {
    await afresh(async () => {
      const { database_id: id, version } = await this.byName(name);
      const lost = databaseStreams.append(id, version, [{ type: 'DatabaseRemoved', reason, lost: true }]);
      await this.store.append([lost], metadata);
      const former = this.open.get(id)?.connection;
      this.drop(id);
      former?.close().catch(() => undefined);
    });
  }

  private drop(id: string): void {
    this.open.delete(id);
    this.seen.delete(id);
    this.reach.forget(id);
  }

  /** Nothing lives there any more: what was made for it there goes too, where it can be reached. */
  private async leave(id: string): Promise<void> {
    const former = this.open.get(id)?.connection;
    this.drop(id);
    if (former === undefined) return;
    const clean = former.release(id).catch((error: unknown) => {
      if (!(error instanceof DatabaseError)) throw error;
    });
    await soon(clean, RELEASE_MS);
    former.close().catch(() => undefined);
  }

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
      const connection = await this.connect(database_id);
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
      const reachable = error.code === 'permission_denied' && (await this.answers(database_id));
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
  private async answers(id: string): Promise<boolean> {
    try {
      await this.open.get(id)?.connection.marks();
      return this.open.has(id);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return false;
    }
  }

  /** The `default` one exists from the start, even when it cannot be reached yet. */
  async ensureDefault(address: Address): Promise<void> {
    if ((await findDatabase(this.core, 'default')) !== null) return;
    if (address.engine === 'sqlite') await mkdir(dirname(address.file), { recursive: true });
    const metadata: Metadata = { correlation_id: uuid(), causation_id: null, actor: 'schemasaga' };
    try {
      await this.register('default', address, metadata);
    } catch (error) {
      if ((await findDatabase(this.core, 'default')) === null) throw error;
    }
  }

  async close(): Promise<void> {
    // A connection that hangs goes with the process.
    await Promise.all([...this.open.values()].map(({ connection }) => soon(connection.close(), CLOSE_MS)));
  }
}

/** A check that found drift, or another request, may have moved the stream on meanwhile. */
async function afresh<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof VersionConflict) || attempt === 10) throw error;
    }
  }
}
