import { DatabaseError } from '../errors.js';

/** The portable column types, the same on every engine (docs/types.md). */
export const COLUMN_TYPES = [
  'smallint',
  'integer',
  'bigint',
  'decimal',
  'float',
  'double',
  'boolean',
  'string',
  'text',
  'uuid',
  'date',
  'time',
  'timestamp',
  'json',
  'binary',
] as const;
export type PortableType = (typeof COLUMN_TYPES)[number];

/** `native`: an adopted column of a type that only its own engine knows; no request can name it. */
export type ColumnType = PortableType | 'native';

export type IntegerType = 'smallint' | 'integer' | 'bigint';

export function isIntegerType(type: ColumnType): type is IntegerType {
  return type === 'smallint' || type === 'integer' || type === 'bigint';
}

/** Those whose default may be the time of the insert. */
export type TimeType = 'date' | 'time' | 'timestamp';

export function isTimeType(type: ColumnType): type is TimeType {
  return type === 'date' || type === 'time' || type === 'timestamp';
}

/** Of a column whose default is now. Errors: TypeError. */
export function timeType(type: ColumnType): TimeType {
  if (!isTimeType(type)) throw new TypeError(`a ${type} cannot be now`);
  return type;
}

/**
 * Whether values of one type can become the other at all, on every engine alike; whether each value survives is looked
 * at in the rows.
 */
export function convertible(from: ColumnType, to: ColumnType): boolean {
  if (from === 'native' || to === 'native') return false;
  if (from === to) return true;
  const numeric = (t: ColumnType): boolean => isIntegerType(t) || t === 'decimal' || t === 'float' || t === 'double';
  const textual = (t: ColumnType): boolean => t === 'string' || t === 'text';
  if (numeric(from) && numeric(to)) return true;
  if ((from === 'boolean' && isIntegerType(to)) || (isIntegerType(from) && to === 'boolean')) return true;
  if ((from === 'date' && to === 'timestamp') || (from === 'timestamp' && to === 'date')) return true;
  const likeText = (t: ColumnType): boolean =>
    textual(t) || numeric(t) || t === 'uuid' || t === 'date' || t === 'time' || t === 'timestamp' || t === 'json';
  return (textual(from) && likeText(to)) || (textual(to) && likeText(from));
}

/**
 * Renderers build portable types alone. Throws DatabaseError `unsupported_change` for what only another's engine knows.
 */
export function portableType(type: ColumnType): PortableType {
  if (type === 'native')
    throw new DatabaseError('unsupported_change', "a column of a type that is the engine's own cannot be built anew");
  return type;
}
