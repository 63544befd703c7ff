import type { LiveColumn } from '../../live.js';
import {
  COLUMN_TYPES,
  isIntegerType,
  portableType,
  timeType,
  type ColumnType,
  type PortableType,
  type TimeType,
} from '../../schema/column-types.js';
import { MAX_STRING, type Column } from '../../schema/column.js';
import { defaultFunction, fitDefault } from '../../schema/defaults.js';
import { parseJson, type Json } from '../../schema/json.js';
import type { Index } from '../../schema/table-index.js';
import { literal } from './sql.js';

export type Shape = Pick<Column, 'type' | 'length' | 'precision' | 'scale'>;

/** As `format_type` prints them: what is read back is compared with these. */
const NATIVE: Record<PortableType, string> = {
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  decimal: 'numeric',
  float: 'real',
  double: 'double precision',
  boolean: 'boolean',
  string: 'character varying',
  text: 'text',
  uuid: 'uuid',
  date: 'date',
  time: 'time without time zone',
  timestamp: 'timestamp with time zone',
  json: 'jsonb',
  binary: 'bytea',
};

const PORTABLE = new Map(COLUMN_TYPES.map((type) => [NATIVE[type], type]));

export function nativeType(shape: Shape): string {
  if (shape.type === 'string') return `character varying(${shape.length})`;
  return shape.type === 'decimal' ? `numeric(${shape.precision},${shape.scale})` : NATIVE[portableType(shape.type)];
}

/** The portable type that a native one stands for, else null. `character varying` without a length is a text. */
export function readType(native: string): Shape | null {
  const none = { length: null, precision: null, scale: null };
  const sized = /^(character varying|numeric|time|timestamp)\((\d+)(?:,(\d+))?\)( with(?:out)? time zone)?$/.exec(
    native,
  );
  if (sized === null) {
    if (native === 'character varying') return { type: 'text', ...none };
    const type = PORTABLE.get(native);
    return type === undefined || type === 'decimal' ? null : { type, ...none };
  }
  const [, name = '', digits, more, zone = ''] = sized;
  const [size, scale] = [Number(digits), Number(more)];
  if (name === 'character varying') return size <= MAX_STRING ? { ...none, type: 'string', length: size } : null;
  if (name === 'numeric')
    return size <= 38 && scale <= 30 && scale <= size ? { ...none, type: 'decimal', precision: size, scale } : null;
  // 6 digits are what a plain `time` or `timestamp` has too; fewer would cut a portable value.
  const type = PORTABLE.get(name + zone);
  return size === 6 && type !== undefined ? { type, ...none } : null;
}

const NOW: Record<TimeType, string> = {
  timestamp: 'now()',
  date: "((now() at time zone 'utc')::date)",
  time: "((now() at time zone 'utc')::time without time zone)",
};

/** How pg_get_expr prints these; the second form is that of PostgreSQL 12 and 13. */
const PRINTED_NOW: Partial<Record<ColumnType, string[]>> = {
  timestamp: ['now()'],
  date: ["((now() AT TIME ZONE 'utc'::text))::date", "(timezone('utc'::text, now()))::date"],
  time: [
    "((now() AT TIME ZONE 'utc'::text))::time without time zone",
    "(timezone('utc'::text, now()))::time without time zone",
  ],
};

const UUID = 'gen_random_uuid()';

/** The DEFAULT's expression, null for none. A literal without a cast takes the column's type when it is stored. */
export function renderDefault(column: Pick<Column, 'type' | 'default'>): string | null {
  if (column.default === null) return null;
  const named = defaultFunction(column);
  if (named !== null) return named === 'uuid' ? UUID : NOW[timeType(column.type)];
  if (column.type === 'json') return literal(JSON.stringify(column.default));
  const text = literal(String(column.default));
  // As a real it would be stored with 6 to 9 digits and come back as another number than was asked for.
  return column.type === 'float' ? `${text}::double precision` : text;
}

const CASTS: Partial<Record<ColumnType, string[]>> = {
  smallint: ['smallint', 'integer'],
  integer: ['integer', 'smallint'],
  bigint: ['bigint', 'integer', 'smallint'],
  decimal: ['numeric', 'integer', 'bigint'],
  float: ['double precision', 'real', 'numeric', 'integer'],
  double: ['double precision', 'numeric', 'integer'],
  string: ['character varying', 'text'],
  text: ['text', 'character varying'],
};

/** What a DEFAULT, printed by pg_get_expr, stands for; verbatim when it is none of the portable ones. */
export function readDefault(shape: Shape | null, expression: string): { value: Json } | { raw: string } {
  const read = shape === null ? undefined : readExpression(shape, expression);
  if (shape === null || read === undefined || read === null) return { raw: expression };
  const fitted = typeof read === 'object' && shape.type !== 'json' ? { value: read } : fitDefault(shape, read);
  return 'value' in fitted ? { value: fitted.value } : { raw: expression };
}

function readExpression(shape: Shape, expression: string): Json | undefined {
  if (PRINTED_NOW[shape.type]?.includes(expression)) return { function: 'now' };
  if (shape.type === 'uuid' && expression === UUID) return { function: 'uuid' };
  const bare = /^-?\d+(\.\d+)?$/.test(expression);
  if (
    bare &&
    (isIntegerType(shape.type) || shape.type === 'decimal' || shape.type === 'float' || shape.type === 'double')
  )
    return readText(shape.type, expression);
  if (shape.type === 'boolean') return expression === 'true' ? true : expression === 'false' ? false : undefined;
  const cast = /^'((?:[^']|'')*)'::([a-z ]+)$/.exec(expression);
  if (cast === null) return undefined;
  const [, text = '', native = ''] = cast;
  if (!(CASTS[shape.type] ?? [NATIVE[portableType(shape.type)]]).includes(native)) return undefined;
  return readText(shape.type, text.replaceAll("''", "'"));
}

function readText(type: ColumnType, text: string): Json | undefined {
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'float':
    case 'double':
      return Number(text);
    case 'timestamp':
      return /^[\d-]+ [\d:.]+\+00$/.test(text) ? `${text.slice(0, -3)}Z` : undefined;
    case 'json':
      return parseJson(text);
    case 'binary':
      return undefined;
    default:
      return text;
  }
}

/** Every portable column comes back as asked; a json default as JSON writes it (-0 becomes 0). */
export function keeps(column: Column): Column {
  return column.type === 'json' && column.default !== null
    ? { ...column, default: parseJson(JSON.stringify(column.default)) }
    : { ...column };
}

export function note(column: Column): string | null {
  switch (column.type) {
    case 'json':
      return 'PostgreSQL keeps json as jsonb: by content, without the order and repetition of keys.';
    case 'timestamp':
      return 'PostgreSQL keeps a timestamp as timestamp with time zone.';
    case 'binary':
      return 'PostgreSQL keeps binary as bytea.';
    default:
      return null;
  }
}

const MAX_KEY_COLUMNS = 32;

/** Every table has them, under exactly these names. */
const SYSTEM_COLUMNS = ['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'];

export function refuses(columns: Column[]): string | null {
  if (columns.filter((c) => c.primary_key).length > MAX_KEY_COLUMNS)
    return `PostgreSQL takes at most ${MAX_KEY_COLUMNS} columns in a key`;
  const taken = columns.find((c) => SYSTEM_COLUMNS.includes(c.name));
  if (taken !== undefined) return `PostgreSQL has a column ${taken.name} of its own in every table`;
  const broken = columns.find((c) => c.type === 'json' && holdsLoneSurrogate(c.default));
  return broken === undefined
    ? null
    : `PostgreSQL takes no half of a surrogate pair in json: default of ${broken.name}`;
}

/** Every portable type can be compared, json as jsonb too; a value that is too long is found in its row. */
export function refusesIndex(_columns: Column[], index: Index): string | null {
  return index.columns.length > MAX_KEY_COLUMNS
    ? `PostgreSQL takes at most ${MAX_KEY_COLUMNS} columns in an index`
    : null;
}

function holdsLoneSurrogate(value: Json): boolean {
  if (typeof value === 'string') return /\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return false;
  return (Array.isArray(value) ? value : Object.entries(value).flat()).some(holdsLoneSurrogate);
}

/** The portable part of a column as it is, where there is one. */
export function shapeOf(column: LiveColumn): Shape | null {
  return column.type === null
    ? null
    : { type: column.type, length: column.length, precision: column.precision, scale: column.scale };
}

/** As pg_attribute writes them. */
export const STORAGE: Record<string, string> = { p: 'plain', e: 'external', m: 'main', x: 'extended' };
export const COMPRESSION: Record<string, string> = { p: 'pglz', l: 'lz4' };

/** Types of fixed size have one way of storage only. */
export function canStore(native: string): boolean {
  return /^(character varying|text|jsonb|bytea|numeric)/.test(native);
}
