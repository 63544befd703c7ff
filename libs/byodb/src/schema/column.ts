import type { EngineName } from '../engines/names.js';
import type { ColumnType } from './column-types.js';
import type { Default } from './json.js';

export interface Column {
  name: string;
  type: ColumnType;
  /** Of `string`, in characters; else null. */
  length: number | null;
  /** Of `decimal`; else null. */
  precision: number | null;
  scale: number | null;
  nullable: boolean;
  default: Default;
  primary_key: boolean;
  generated: boolean;
  unique: boolean;
  /**
   * What no portable type or default expresses of an adopted column, as its engine prints it. Such a column can be
   * renamed, dropped and built anew by that engine, but not altered or built by another.
   */
  native?: { engine: EngineName; type?: string; default?: string };
  /** Place in the primary key, from 1: of an adopted key that names its columns in another order than the table. */
  key_place?: number;
}
export const MAX_STRING = 16383;
export const MAX_COLUMNS = 500;

/** Names of the primary key's columns, in its order; empty: no key. */
export function keyNames(columns: readonly Column[]): string[] {
  return columns
    .filter((c) => c.primary_key)
    .sort((a, b) => (a.key_place ?? 0) - (b.key_place ?? 0))
    .map((c) => c.name);
}

/** Same type with the same length, precision and scale. */
export function sameType(
  a: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>,
  b: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>,
): boolean {
  return a.type === b.type && a.length === b.length && a.precision === b.precision && a.scale === b.scale;
}

/**
 * Of columns that only their own engine knows: why none of the others can build them; null: there is none that it
 * cannot.
 */
export function builtElsewhere(columns: readonly Column[], engine: string): string | null {
  const [own] = columns.flatMap(({ name, native }) =>
    native !== undefined && native.engine !== engine ? [{ name, ...native }] : [],
  );
  if (own === undefined) return null;
  const { name, type, default: value, engine: its } = own;
  return (
    `${name} has ` +
    `${type === undefined ? `a default of ${its}'s own (${value})` : `a type of ${its}'s own (${type})`}, ` +
    `which ${engine} cannot build`
  );
}
