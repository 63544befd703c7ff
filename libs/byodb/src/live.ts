import { createHash } from 'node:crypto';
import type { ColumnType } from './schema/column-types.js';
import type { Default } from './schema/json.js';

/** Everything the project itself puts into a database starts with this; users' names may not. */
export const ASIDE_PREFIX = '_saga_';

export interface LiveColumn {
  name: string;
  /** The portable type that the native one stands for; null: the engine's own, carried along untouched. */
  type: ColumnType | null;
  length: number | null;
  precision: number | null;
  scale: number | null;
  /** The type as the engine prints it. */
  native: string;
  nullable: boolean;
  /** A portable default, `null` for none, or the engine's own expression verbatim. */
  default: { value: Default } | { raw: string } | null;
  /** The database numbers it. */
  generated: boolean;
  /**
   * All the engine knows of the column, normalised, enough to restore it exactly (collation, comment, on update,
   * identity …).
   */
  definition: string;
}

/**
 * An index, foreign key, check, trigger, comment or grant: what others made around the columns. Carried along, part of
 * the full fingerprint. The table's own comment has the kind `comment` and no name.
 */
export interface Extra {
  kind: string;
  name: string;
  definition: string;
}

/** One table as read from the database, or as a change will leave it (predicted by `Ddl`). Serialisable. */
export interface LiveTable {
  name: string;
  columns: LiveColumn[];
  /** Column names in key order; empty: no primary key. */
  primaryKey: string[];
  /** Unique constraints and plain unique indexes (no expression, no partial) over columns. */
  uniques: { name: string; columns: string[] }[];
  extras: Extra[];
  /**
   * The mark that createTable left (the table's id in history), where the engine has a place for it; else null. Only
   * the creation of the table looks at it, to tell its own table from another's after a crash: later it may be
   * overwritten.
   */
  owner: string | null;
  /** Engine-private material needed for rendering (SQLite: the CREATE TABLE text). Not part of the fingerprint. */
  source: string | null;
}

/**
 * sha256 (hex) over the table's normalised live schema, everything included but what is set aside
 * (names starting with `_saga_`); a missing table has one too.
 */
export function fingerprint(live: LiveTable | null): string {
  const content =
    live === null
      ? null
      : {
          name: live.name,
          columns: live.columns
            .filter((c) => !isAside(c.name))
            .map((c) => [c.name, c.native, c.nullable, c.default, c.generated, c.definition]),
          primaryKey: live.primaryKey,
          uniques: live.uniques
            .filter((u) => !u.columns.some(isAside))
            .map((u) => [u.name, u.columns])
            .sort(byJson),
          extras: live.extras
            .filter((e) => !isAside(e.name))
            .map((e) => [e.kind, e.name, e.definition])
            .sort(byJson),
          owner: live.owner,
        };
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

export function isAside(name: string): boolean {
  return name.toLowerCase().startsWith(ASIDE_PREFIX);
}

const OWN_NAME = /^_saga_(?:[0-9a-f]{32}|(?:ledger|fences|identity)$)/i;

/** Why a table of a reserved name is left alone. */
export const RESERVED = 'its name begins with _saga_, as that of what is set aside does';

/** Another program's, though it has the beginning that the project keeps for itself. */
export function isReserved(name: string): boolean {
  return isAside(name) && !OWN_NAME.test(name);
}

/** Names collide when they differ only in ASCII case, on every engine. */
export function foldName(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : name;
}

/** What has this name, in any case of letters. */
export function findNamed<T extends { name: string }>(all: readonly T[], name: string): T | undefined {
  // Most are asked for as they are written; folding each name of a wide table for each of its columns costs with the
  // square.
  const exact = all.find((one) => one.name === name);
  if (exact !== undefined) return exact;
  const key = foldName(name);
  return all.find((one) => foldName(one.name) === key);
}

export function findColumn(live: LiveTable, name: string): LiveColumn | undefined {
  return findNamed(live.columns, name);
}

/** The same of one that must be there. Errors: TypeError. */
export function existingColumn(live: LiveTable, name: string): LiveColumn {
  const column = findColumn(live, name);
  if (column === undefined) throw new TypeError(`table ${live.name} has no column ${name}`);
  return column;
}

/**
 * Whether a unique index of this name is no column's uniqueness: one of these, or one that is dropped and goes on
 * refusing until it is destroyed.
 */
export function isApart(name: string, apart: readonly string[]): boolean {
  return isAside(name) || apart.some((one) => foldName(one) === foldName(name));
}

/** Whether these are that one column and no other. */
export function isOnlyColumn(columns: readonly string[], name: string): boolean {
  return columns.length === 1 && columns.every((column) => foldName(column) === foldName(name));
}

function byJson(a: unknown, b: unknown): number {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
