import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { v7 as uuid } from 'uuid';
import { sql, UniqueViolation, VersionConflict, type CoreDatabase, type EventStore, type Metadata } from '../../../../libs/event-store/src/index.js';
import { DatabaseError, engineOf, type Address, type Connection } from '../../../../libs/byodb/src/index.js';
import { databaseStream, findDatabase, isInUse, loadDatabase, tablesIn, type Database, type DatabaseEvent } from '../../../../libs/tables/src/index.js';
import { ApiError } from '../http/api-error.js';
import { Reach, soon, within } from './reach.js';
import type { Vault } from './vault.js';

/** How long a view waits for a database before it tells what was known before, and a stop for a connection to say goodbye. Milliseconds. */
const VIEW_MS = 1000;
const CLOSE_MS = 2000;
/** Tables that a core database has, and no customer's: whatever its address, it is known by what stands in it. */
const CORE_TABLES = ['events', 'sagas', 'customer_databases', 'credentials', 'idempotency_keys'];
/** How long a new address is tried. */
const PROBE_MS = 12_000;

interface Seen { version: number; checked_at: string | null; server_version: string | null; reachable: boolean; error: { code: string; message: string } | null; tables: string[] }

/** Registered databases and their pools: one pool each, reopened when the address has changed. */
export class Databases {
  private readonly open = new Map<string, { version: number; connection: Connection }>();
  private readonly reach = new Reach();
  /** What each database said last. */
  private readonly seen = new Map<string, Seen>();
  private readonly asking = new Map<string, Promise<Seen>>();

  constructor(private readonly core: CoreDatabase, private readonly store: EventStore, private readonly vault: Vault) {}

  async byName(name: string): Promise<Database> {
    const found = await findDatabase(this.core, name);
    if (found === null) throw new ApiError('database_not_found', `no database ${JSON.stringify(name)}`);
    return found;
  }

  /** The pool of a registered database; what stands at its address must be what was registered. Throws DatabaseError. */
  async connect(id: string): Promise<Connection> {
    const database = await loadDatabase(this.core, id);
    if (database === null) throw new DatabaseError('database_error', 'the database is not registered any more');
    const connection = await this.pool(id, database.address_version);
    const identity = await this.reach.through(id, database.address_version, async () => await connection.identity() ?? await connection.claim(id));
    if (identity !== id) throw new DatabaseError('database_mismatch', 'another database stands where the registered one was', { retryable: false });
    return connection;
  }

  /** One per database and address, also for two who ask at once. */
  private async pool(id: string, version: number): Promise<Connection> {
    const seen = this.open.get(id);
    // Whoever read the former address a moment ago must not bring it back.
    if (seen !== undefined && seen.version >= version) return seen.connection;
    const [row] = await this.core.query(sql`select sealed from credentials where database_id = ${id}`);
    const address = this.vault.unseal(id, String(row!['sealed']));
    const former = this.open.get(id);
    if (former !== undefined && former.version >= version) return former.connection;
    const connection = engineOf(address.engine).open(address);
    this.open.set(id, { version, connection });
    // Not waited for: a statement that hangs at the former address is often why there is a new one.
    former?.connection.close().catch(() => undefined);
    return connection;
  }

  /** For what a caller asks now. Errors: ApiError database_unreachable, database_mismatch. */
  async look<T>(database: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connect(database.database_id));
    } catch (error) {
      throw notHad(error);
    }
  }

  /** Tests for real, then records. Errors: ApiError database_unreachable, database_exists. */
  async register(name: string, address: Address, metadata: Metadata): Promise<Database> {
    if (await findDatabase(this.core, name) !== null) throw new ApiError('database_exists', `there is a database ${JSON.stringify(name)} already`);
    const id = await this.probe(address, async (found) => {
      if (found !== null && await loadDatabase(this.core, found) !== null) throw new ApiError('database_exists', 'this database is registered already, under another name');
    });
    const event: DatabaseEvent = { type: 'DatabaseRegistered', name, engine: address.engine };
    const { type, ...data } = event;
    const past = await this.store.readStream(databaseStream(id));
    await this.unlessTaken(this.store.append([{ stream: databaseStream(id), expectedVersion: past.length, events: [{ type, schema_version: 1, data }] }], metadata, (tx) => this.vault.store(tx, id, address)));
    return this.byName(name);
  }

  private async unlessTaken(appending: Promise<unknown>): Promise<void> {
    try {
      await appending;
    } catch (error) {
      if (error instanceof UniqueViolation) throw new ApiError('database_exists', 'this database, or one of this name, is registered already');
      throw error;
    }
  }

  /** A new address of the same database; of another one only while nothing lives in the former. Errors: ApiError database_mismatch, database_exists. */
  async change(name: string, address: Address, metadata: Metadata): Promise<Database> { return afresh(() => this.changeOnce(name, address, metadata)); }

  private async changeOnce(name: string, address: Address, metadata: Metadata): Promise<Database> {
    const database = await this.byName(name);
    const former = { stream: databaseStream(database.database_id), expectedVersion: database.version };
    const id = await this.probe(address, async (found) => {
      if (found === database.database_id) return;
      if (await isInUse(this.core, database.database_id)) throw new ApiError('database_mismatch', 'this is another database than the registered one, where tables live');
      if (found !== null && await loadDatabase(this.core, found) !== null) throw new ApiError('database_exists', 'this database is registered already, under another name');
    });
    if (id === database.database_id) {
      await this.store.append([{ ...former, events: [{ type: 'DatabaseAddressChanged', schema_version: 1, data: {} }] }], metadata, (tx) => this.vault.store(tx, id, address));
      return this.byName(name);
    }
    const past = await this.store.readStream(databaseStream(id));
    await this.unlessTaken(this.store.append([
      { ...former, events: [{ type: 'DatabaseRemoved', schema_version: 1, data: {} }] },
      { stream: databaseStream(id), expectedVersion: past.length, events: [{ type: 'DatabaseRegistered', schema_version: 1, data: { name, engine: address.engine } }] },
    ], metadata, (tx) => this.vault.store(tx, id, address)));
    return this.byName(name);
  }

  async remove(name: string, metadata: Metadata): Promise<void> { return afresh(() => this.removeOnce(name, metadata)); }

  private async removeOnce(name: string, metadata: Metadata): Promise<void> {
    const { database_id: id, version } = await this.byName(name);
    if (await isInUse(this.core, id)) throw new ApiError('database_in_use', 'tables live there or are set aside there');
    await this.store.append([{ stream: databaseStream(id), expectedVersion: version, events: [{ type: 'DatabaseRemoved', schema_version: 1, data: {} }] }], metadata);
    const former = this.open.get(id)?.connection;
    this.open.delete(id);
    this.seen.delete(id);
    this.reach.forget(id);
    former?.close().catch(() => undefined);
  }

  /** As it is now, or where it does not say so in time, as it was when it was asked last. */
  async view(database: Database): Promise<object> {
    const { database_id, name, engine, created_at, updated_at } = database;
    const { version: _version, ...seen } = await soon(this.ask(database), VIEW_MS) ?? await this.known(database);
    return { database_id, name, engine, ...seen, drift_detected_at: database.drift?.detected_at ?? null, created_at, updated_at };
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
      seen = { version, checked_at: new Date().toISOString(), server_version: info.version, reachable: true, error: null, tables };
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const { asked_at } = error.details;
      const reachable = error.code === 'permission_denied' && await this.answers(database_id);
      const tables = await tablesIn(this.core, database_id);
      seen = { version, checked_at: typeof asked_at === 'string' ? asked_at : new Date().toISOString(), server_version: null, reachable, error: { code: error.code, message: error.message }, tables };
    }
    this.seen.set(database_id, seen);
    return seen;
  }

  /** Errors: ApiError database_unreachable, database_mismatch. One that takes the login and lets no ledger be made is reached. */
  async test(database: Database): Promise<void> {
    try {
      await (await this.connect(database.database_id)).info();
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'permission_denied' && await this.answers(database.database_id)) return;
      throw notHad(error);
    }
  }

  /** A database that takes the login may still refuse everything else. */
  private async answers(id: string): Promise<boolean> {
    try {
      await this.open.get(id)?.connection.identity();
      return this.open.has(id);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      return false;
    }
  }

  /** The `default` one exists from the start, even when it cannot be reached yet. */
  async ensureDefault(address: Address): Promise<void> {
    if (await findDatabase(this.core, 'default') !== null) return;
    if (address.engine === 'sqlite') await mkdir(dirname(address.file), { recursive: true });
    const metadata: Metadata = { correlation_id: uuid(), causation_id: null, actor: 'schemasaga' };
    try {
      await this.register('default', address, metadata);
    } catch (error) {
      if (await findDatabase(this.core, 'default') === null) throw error;
    }
  }

  private async claim(connection: Connection, judge: (found: string | null) => Promise<void>): Promise<string> {
    const { tables, identity } = await lookBefore(connection);
    if (CORE_TABLES.every((name) => tables.includes(name))) {
      throw new ApiError('core_database', 'this is the core database of a schemasaga service, which keeps its own records there: no customer\'s tables can be managed in it');
    }
    await judge(identity);
    return connection.claim(uuid());
  }

  async close(): Promise<void> {
    // A connection that hangs goes with the process.
    await Promise.all([...this.open.values()].map(({ connection }) => soon(connection.close(), CLOSE_MS)));
  }

  /**
   * Connects with an address that is not registered yet and gives the id that its ledger holds from now on. `judge` is given the id
   * that stands there, null for none, before anything is written: a refused registration leaves nothing behind.
   */
  private async probe(address: Address, judge: (found: string | null) => Promise<void>): Promise<string> {
    const connection = engineOf(address.engine).open(address);
    try {
      return await within(this.claim(connection, judge), PROBE_MS);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      // Reached, but with no right to make a ledger: its changes will be refused in prepare, with that reason. A refused login says the same again.
      if (error.code === 'permission_denied' && await connection.identity().catch(() => '') === null) return uuid();
      throw new ApiError('database_unreachable', error.message);
    } finally {
      await soon(connection.close(), CLOSE_MS);
    }
  }
}

/** What is met in a file that is not there yet, or by a login that sees nothing, is told by the claim itself. */
async function lookBefore(connection: Connection): Promise<{ tables: string[]; identity: string | null }> {
  try {
    return { tables: await connection.tables(), identity: await connection.identity() };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { tables: [], identity: null };
  }
}

function notHad(error: unknown): unknown {
  return error instanceof DatabaseError ? new ApiError(error.code === 'database_mismatch' ? 'database_mismatch' : 'database_unreachable', error.message) : error;
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
