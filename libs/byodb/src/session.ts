import type { LiveTable } from './live.js';
import type { Column } from './schema/column.js';

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
   * What could not be without this index of the table: a foreign key that rests on it, of this table or to it, a
   * replica identity. None where another index would do as well.
   */
  dependentsOfIndex(live: LiveTable, name: string): Promise<Dependent[]>;
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
