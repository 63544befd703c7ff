import { Inject, Injectable } from '@nestjs/common';
import { UniqueViolation, VersionConflict, type CoreDatabase, type EventStore, type Metadata } from '#event-store';
import type { Address } from '#byodb';
import { databaseStreams, findDatabase, isInUse, loadDatabase, type Database } from '#tables';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { Candidates, type TakeOver } from './candidates.js';
import { DatabaseViews } from './database-views.js';
import { Databases } from './databases.js';
import { Vault } from './vault.js';

/** How a database comes to be known, changes its address, and is known no longer. */
@Injectable()
export class Registration {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly vault: Vault,
    private readonly candidates: Candidates,
    private readonly databases: Databases,
    private readonly views: DatabaseViews,
  ) {}

  /**
   * Looks first, and makes nothing there that would stay when it is refused. Errors: ApiError database_unreachable,
   * database_exists, core_database, managed_elsewhere.
   */
  async register(name: string, address: Address, metadata: Metadata, takeOver?: TakeOver): Promise<Database> {
    // Of two at the same instant the second one finds the database registered when it looks again.
    return afresh(() => this.registerOnce(name, address, metadata, takeOver));
  }

  private async registerOnce(
    name: string,
    address: Address,
    metadata: Metadata,
    takeOver: TakeOver | undefined,
  ): Promise<Database> {
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
      return this.databases.byName(name);
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
    const database = await this.databases.byName(name);
    const { database_id: id, version } = database;
    await this.databases.keep(database);
    return this.candidates.with(address, undefined, async (candidate) => {
      if (candidate.id === id) {
        const moved = databaseStreams.append(id, version, [{ type: 'DatabaseAddressChanged' }]);
        await this.store.append([moved], metadata, (tx) => this.vault.store(tx, id, address));
        return this.databases.byName(name);
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
      return this.databases.byName(name);
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
    const database = await this.databases.byName(name);
    const { database_id: id, version } = database;
    if (await isInUse(this.core, id)) throw new ApiError('database_in_use', 'tables live there or are set aside there');
    // Before its credentials are forgotten.
    await this.databases.keep(database);
    await this.store.append([databaseStreams.append(id, version, [{ type: 'DatabaseRemoved' }])], metadata);
    await this.leave(id);
  }

  /** It is lost: what lived there was let go, and nothing is sent there. */
  async forget(name: string, reason: string, metadata: Metadata): Promise<void> {
    await afresh(async () => {
      const { database_id: id, version } = await this.databases.byName(name);
      const lost = databaseStreams.append(id, version, [{ type: 'DatabaseRemoved', reason, lost: true }]);
      await this.store.append([lost], metadata);
      this.views.forget(id);
      this.databases.abandon(id);
    });
  }

  private async leave(id: string): Promise<void> {
    this.views.forget(id);
    await this.databases.leave(id);
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
