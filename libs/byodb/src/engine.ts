import type { Address } from './address.js';
import type { EngineName } from './engines/names.js';
import type { LiveColumn, LiveTable } from './live.js';
import type { Claimant, Marks } from './ownership.js';
import type { Column } from './schema/column.js';

/** Facts in which engines differ; callers ask these and never an engine's name (see `engines/names.ts`). */
export interface EngineFacts {
  /**
   * DDL commits and rolls back with the ledger row beside it. Without it a step is one statement, and ledger rows are
   * written around it.
   */
  transactionalDdl: boolean;
}

/**
 * What must hold for statements beside the table that they are about; looked at in prepare, and again under the lock.
 * `of` is what needs it, as the customer knows it: "foreign key author of posts".
 */
export type Need =
  /** A table that is there with these columns: what a foreign key that comes back refers to. */
  | { need: 'table'; table: string; columns: string[]; of: string }
  /** No such rows: `from` is a quoted table, or a query in brackets with a name; `like` is a condition on its rows. */
  | { need: 'no_rows'; from: string; like: string; of: string }
  /** The same in a catalog: a name of the whole database's that is to be had again. */
  | { need: 'free'; from: string; like: string; of: string };

/**
 * What a renderer gives: the statements, the table as they will leave it (null: gone), names beside the table's that
 * must be
 * free for them, and what else they need. `notes` are sentences for the plan, on what the statements leave as it is.
 * Pure: no clock, no randomness, no I/O.
 */
export interface Rendered {
  statements: string[];
  live: LiveTable | null;
  takes?: string[];
  needs?: Need[];
  notes?: string[];
  /** Of what brings a NOT NULL column back: rows that were written without it get its default. */
  fills?: true;
  /** See `Work.thawFirst`. */
  thawFirst?: true;
}

/** One that leaves the table there. */
export interface RenderedTable extends Rendered {
  live: LiveTable;
}

/**
 * Pure renderers, golden-tested. Identifiers are always quoted. They work from a `LiveTable`, either read just now
 * under the lock or predicted, and keep whatever others put beside the managed part. On an engine without transactional
 * DDL each gives exactly one statement (MySQL: one ALTER with several clauses), and before it at most what harms nobody
 * when it stands there alone.
 */
export interface Ddl {
  quote(name: string): string;
  /**
   * `owner` is the table's id in history, left as a mark where DDL is not transactional (a table comment). `names`
   * gives a unique constraint's name per column.
   */
  createTable(table: string, columns: Column[], owner: string, names: (column: string) => string): Rendered;
  dropTable(live: LiveTable): Rendered;
  renameTable(live: LiveTable, to: string): Rendered;
  /**
   * Out of the way, with whatever hangs on the table and would block re-use of its names (PostgreSQL: indexes,
   * constraints, owned sequences; SQLite: explicit indexes).
   */
  setAsideTable(live: LiveTable, aside: string): Rendered;
  /** The exact inverse: `live` is the table set aside, `was` how it was before. */
  bringBackTable(live: LiveTable, was: LiveTable): Rendered;
  addColumn(live: LiveTable, column: Column, uniqueName: string): Rendered;
  /** For good. With what hangs on the column alone (its unique). */
  dropColumn(live: LiveTable, name: string): Rendered;
  renameColumn(live: LiveTable, from: string, to: string): Rendered;
  /**
   * Renamed to `aside` and made unable to block inserts: nullable; a non-generated primary key it is part of is
   * dropped; a default on a unique one goes.
   */
  setAsideColumn(live: LiveTable, name: string, aside: string): Rendered;
  /**
   * The exact inverse, from the `was` of before; rows that do not fit (NULLs, duplicates) make the statement fail.
   * `others`: the table
   * as it was before columns that came back before this one were dropped: what hung on them and on this one is made
   * with the last of them.
   */
  bringBackColumn(
    live: LiveTable,
    aside: string,
    was: LiveTable,
    name: string,
    others?: readonly LiveTable[],
  ): Rendered;
  /**
   * Moves the values of `column` into a new table of that name (columns k1, k2, … for the primary key, and v), and
   * takes the
   * column out with all that hangs on it, so that nobody meets it any more. With `kept`: back into that table, from
   * which it
   * was filled; what that one holds beside (of rows that are gone) stays. Missing where the engine hides such a column
   * in its
   * place. Only for tables with a primary key that the column is no part of. Throws `unsupported_change`, with the
   * reason as
   * half a sentence ("it is …"), for a column that must stay in its place.
   */
  detachColumn?(live: LiveTable, column: string, kept?: LiveTable): Rendered;
  /**
   * The way back: makes the column again from `was` under `name`, with its indexes, keys and checks, and fills it from
   * the table `kept`, by primary key; where the engine knows places, no further to the front than behind `after`. That
   * table stays as it is: it is destroyed by the purge of what was dropped.
   */
  reattachColumn?(
    live: LiveTable,
    kept: LiveTable,
    was: LiveTable,
    name: string,
    after?: string | null,
    others?: readonly LiveTable[],
  ): Rendered;
  /**
   * A condition: a row of the table (under its quoted name) and one of `kept` (under the name _saga_kept) have the same
   * key. Missing: all members are equal.
   */
  sameKey?(live: LiveTable, kept: LiveTable): string;
  /** Copies primary key and values of one column into the new table `keep`. Only for tables with a primary key. */
  keepValues(live: LiveTable, name: string, keep: string): Rendered;
  /**
   * Changes type (converting in place), nullability, default and uniqueness to `to`'s where they differ; name,
   * position, indexes, keys, comments stay.
   */
  alterColumn(live: LiveTable, name: string, to: Column, uniqueName: string): Rendered;
  /** Back to what the column was in `was`, verbatim. */
  restoreColumn(live: LiveTable, name: string, was: LiveTable): Rendered;
  /**
   * After restoreColumn: rows whose value still equals the conversion of their kept one get the kept one back (none:
   * nothing to do).
   * `from` is the former column, `to` what it was converted to; `then`: what column and key were called when the values
   * were
   * kept, where they may have been renamed since. Safe to run twice.
   */
  giveBackValues(
    live: LiveTable,
    name: string,
    keep: string,
    from: Column,
    to: Column,
    then?: { column: string; key: readonly string[] },
  ): string[];
  /** Whether the conversion touches nothing but the catalog, so that no value can be lost. */
  metadataOnly(from: Column, to: Column): boolean;
  /**
   * An SQL condition over `column` (quoted) that is true where the value, as `from`, would not survive as `to`:
   * invalid, out
   * of range, cut, rounded; the check is value by value: convert, convert back, compare (numbers as numbers, texts
   * exactly;
   * text to a temporal type, json or uuid: a valid one). NULL always survives. Must itself never fail on any value.
   * 'false'-like when all do.
   */
  lost(from: Column, to: Column, quoted: string): string;
  /**
   * An SQL condition that is true where a value of `column` (quoted) is too long for an index, so that it cannot be
   * unique. Missing where the type alone tells.
   */
  tooLongForIndex?(quoted: string): string;
}

/** What is to be done to a table or column: what depends on it minds one more than the other. */
export type Touch = 'rename' | 'remove' | 'retype';

/** What an object hangs on: a view, an inbound foreign key, a generated column, a check, … */
export interface Dependent {
  kind: string;
  name: string;
}

/** A row of the ledger that every managed database carries: `_saga_ledger`. */
export interface LedgerRow {
  step_id: string;
  direction: Direction;
  /** `intended` only where DDL is not transactional. `nothing`: there was nothing to do or undo. */
  state: 'intended' | 'done' | 'not_applied' | 'nothing';
  fingerprint_before: string;
  fingerprint_after: string | null;
  statements: string[];
  /** ISO 8601, by the caller's clock. */
  recorded_at: string;
}
export type Direction = 'apply' | 'compensate' | 'finalize';

/** One connection of a customer's database. */
export interface Session {
  query(sql: string): Promise<Record<string, unknown>[]>;
  run(sql: string): Promise<void>;
  /**
   * Null: no such table (or it is a view, see `occupant`). Names are matched exactly as stored, or in folded case where
   * the engine does.
   */
  introspect(table: string): Promise<LiveTable | null>;
  /**
   * What stands under a name that a new table would need, in any case of letters: 'table', 'view', 'index', 'sequence',
   * 'type' … or null.
   */
  occupant(name: string): Promise<string | null>;
  /**
   * What would break or bend when the table, or just one column, were renamed, were removed (set aside, and destroyed
   * later), or
   * got another type (`remove` where nothing is said); what the engine carries along by itself does not count. The
   * table's own foreign keys, indexes and triggers
   * do not count either, but a trigger that names the column does where the engine does not rewrite it.
   */
  dependents(table: string, column: string | null, change?: Touch): Promise<Dependent[]>;
  /**
   * Statements that free names which are the whole database's and which a table that was set aside has still; none
   * where what has them could not be made again. Asked for again after a crash. Missing where setting it aside has
   * freed them.
   */
  freeNames?(aside: string): Promise<string[]>;
  /**
   * What forbids that a column becomes `to`, or is added (`from` is null), though neither its type nor its rows do:
   * foreign keys that need its index or set it NULL, expressions that the new type has no operator for. Missing where
   * the engine asks for nothing of the kind.
   */
  forbidding?(live: LiveTable, from: Column | null, to: Column): Promise<Dependent[]>;
  /**
   * A table as it was, with what its foreign keys refer to under the names that this has by now. Missing where the
   * engine finds it
   * by those that it had. Errors: DatabaseError dependents_exist (it is not there any more).
   */
  inTodaysNames?(was: LiveTable): Promise<LiveTable>;
  /**
   * Why the table, or one column of it, could not be made again here once it is gone (a collation or function that only
   * its
   * owner's program has), else null. Missing where whatever stands in a catalog can be made again.
   */
  cannotRemake?(live: LiveTable, column: string | null): Promise<string | null>;
  /**
   * Runs statements of DDL where no row and no lock is touched, to be told what the engine would refuse; throws it.
   * Missing where
   * there is no such place.
   */
  rehearse?(statements: string[]): Promise<void>;
  /** Null when the session's user may do this kind of DDL, else why not. Only what can be known for sure is refused. */
  lacksRight(action: 'create' | 'alter', table: string | null): Promise<string | null>;
  /**
   * Lets nobody else write to the table until the returned function is called; under it only this table, those of
   * `reading` and
   * the catalog may be read, and one statement of DDL on it run. Waits for the lock no longer than the lock timeout.
   * Missing where whoever is
   * alone on the table is so anyhow (SQLite).
   */
  freeze?(table: string, reading?: string[]): Promise<() => Promise<void>>;
  readLedger(stepId: string): Promise<LedgerRow[]>;
  /** Insert or replace by (step_id, direction). */
  writeLedger(row: LedgerRow): Promise<void>;
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
  marks(): Promise<Marks>;
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
  /** Opens lazily: no I/O before the first call. */
  open(address: Address): Connection;
}
