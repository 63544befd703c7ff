import type { LiveTable } from './live.js';
import type { Column } from './schema/column.js';
import type { Index } from './schema/table-index.js';

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
  /** See `Exclusive.outsideTransaction`. */
  outsideTransaction?: true;
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
  /**
   * `as`: its name in the database. `hasRows`: the table may be large and written to, and its writers are not to wait
   * where the engine can spare them that; an index of this name that a build left broken goes first.
   */
  createIndex(live: LiveTable, index: Pick<Index, 'columns' | 'unique'>, as: string, hasRows: boolean): RenderedTable;
  /** For good. With `was`, the table before it was made: what its coming drove out comes back. */
  dropIndex(live: LiveTable, name: string, was?: LiveTable): RenderedTable;
  renameIndex(live: LiveTable, from: string, to: string): RenderedTable;
  /** Copies primary key and values of one column into the new table `keep`. Only for tables with a primary key. */
  keepValues(live: LiveTable, name: string, keep: string): Rendered;
  /**
   * Changes type (converting in place), nullability, default and uniqueness to `to`'s where they differ; name,
   * position, indexes, keys, comments stay. `apart`: names of unique indexes that are not the column's uniqueness, and
   * stay as they are.
   */
  alterColumn(live: LiveTable, name: string, to: Column, uniqueName: string, apart?: readonly string[]): Rendered;
  /** Back to what the column was in `was`, verbatim, but for what is `apart`. */
  restoreColumn(live: LiveTable, name: string, was: LiveTable, apart?: readonly string[]): Rendered;
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
   * An SQL condition that is true where the values of these columns (quoted) are together too long for one index.
   * Missing where the type alone tells.
   */
  tooLongForIndex?(quoted: readonly string[]): string;
}
