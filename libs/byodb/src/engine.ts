import type { Address } from './address.js';
import type { Ddl } from './ddl.js';
import type { EngineName } from './engines/names.js';
import type { LiveColumn, LiveTable } from './live.js';
import type { Claimant, Traces } from './ownership.js';
import type { Column } from './schema/column.js';
import type { Index, LiveIndex } from './schema/table-index.js';
import type { Session } from './session.js';

/** Facts in which engines differ; callers ask these and never an engine's name (see `engines/names.ts`). */
export interface EngineFacts {
  /**
   * DDL commits and rolls back with the ledger row beside it. Without it a step is one statement, and ledger rows are
   * written around it.
   */
  transactionalDdl: boolean;
  /** Two tables may have names that differ by the case of letters alone. */
  tellsNamesApartByCase: boolean;
}

export interface Exclusive {
  /** The table's id in history: what the lock and the fence are named by. */
  tableId: string;
  /** Fencing token of the caller's lease: refused (`stale_token`) when a higher one was seen for this table. */
  token: number;
  /** How long any lock may be waited for, milliseconds. */
  lockTimeoutMs: number;
  /**
   * How many steps may run at once on this database, counted over all processes; none free: `lock_timeout`, retryable.
   * Undefined: no limit. SQLite ignores it: a file has one writer anyway.
   */
  slots?: number;
  /**
   * What the work runs cannot stand in a transaction: each statement commits by itself, and the lock lasts until the
   * work is over. Engines whose DDL is not transactional work so anyhow.
   */
  outsideTransaction?: boolean;
}

export interface ServerInfo {
  version: string;
}

/**
 * What is left alone: "view", "foreign table", "partition", … `reason` is half a sentence: "it is a view". `of`: the
 * table or extension that it follows.
 */
export interface Other {
  name: string;
  kind: string;
  reason: string;
  of?: string;
}

/** A pool on one customer's database. Every error it throws is a DatabaseError. */
export interface Connection {
  readonly engine: Engine;
  info(): Promise<ServerInfo>;
  /** The id in the ledger, null when there is no ledger yet. */
  identity(): Promise<string | null>;
  /** What the service has left there. Looks alone. */
  traces(): Promise<Traces>;
  /**
   * Makes the ledger tables when missing and writes the id, and whose service it is, when there is none; gives the id
   * that then
   * stands there (the first writer's). `permission_denied` when it may not; `core_database` and `managed_elsewhere`
   * before anything
   * is made. A ledger of an earlier version is the first one's that uses it.
   */
  claim(id: string, claimant?: Claimant): Promise<string>;
  /** Takes the ledger away, unless it is another's by now. Nothing of what is set aside. */
  release(id: string): Promise<void>;
  /** Names of the tables, without the project's own. */
  tables(): Promise<string[]>;
  /**
   * What stands there beside these and is no table that can be managed, by its kind as the customer knows it, and why.
   */
  others(): Promise<Other[]>;
  /** Looks, without locks. */
  look<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /**
   * Alone on one table among all workers. Where DDL is transactional, `work` runs in one transaction that commits when
   * it
   * resolves: lock timeout set, table's advisory lock had, fence checked and raised in that same transaction. Elsewhere
   * on one
   * connection that holds the named lock (checked), fence raised first; a session that still holds the lock belongs to
   * a
   * worker whose lease is over: it is ended before going on. A commit whose answer was lost: outcome 'unknown'.
   */
  exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** One customer's kind of database. Engines differ by this port alone. */
export interface Engine {
  readonly name: EngineName;
  readonly facts: EngineFacts;
  readonly ddl: Ddl;
  /**
   * The column as introspection will give it back; differs from what was asked only where the engine cannot keep it.
   */
  keeps(column: Column): Column;
  /** One sentence where the engine keeps a type as something else (for docs and dry run), else null. */
  note(column: Column): string | null;
  /**
   * Whether a column that was read as a portable type holds values that the portable one does not: it is adopted as the
   * engine's own. Missing: none does.
   */
  isOwn?(column: LiveColumn, live: LiveTable): boolean;
  /** Why a table of these columns cannot be made here (row size, key length, unindexable type), else null. Pure. */
  refuses(columns: Column[]): string | null;
  /**
   * The indexes of a table that every engine could have: of whole columns, by the usual method, without a condition.
   * Those that a constraint brought along are not told where the engine knows them apart. Pure.
   */
  indexes(live: LiveTable): LiveIndex[];
  /** Why a table of these columns cannot have the index (unindexable type, key length), else null. Pure. */
  refusesIndex(columns: Column[], index: Index): string | null;
  /** Opens lazily: no I/O before the first call. */
  open(address: Address): Connection;
}
