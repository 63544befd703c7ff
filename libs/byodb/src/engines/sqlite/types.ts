import type { LiveColumn } from '../../live.js';
import { decimalSizeOf } from '../../schema/column-size.js';
import {
  isIntegerType,
  isTimeType,
  portableType,
  timeType,
  type ColumnType,
  type PortableType,
  type TimeType,
} from '../../schema/column-types.js';
import { MAX_STRING, sameType, type Column } from '../../schema/column.js';
import { defaultFunction, fitDefault } from '../../schema/defaults.js';
import { canonical, parseJson, type Json } from '../../schema/json.js';
import { isSymbol, normalise, tokenize } from './parser/tokens.js';
import { literal, quote } from './sql.js';

export type Shape = Pick<Column, 'type' | 'length' | 'precision' | 'scale'>;

/**
 * Declared types. Affinity comes from substrings of the name
 * (https://www.sqlite.org/datatype3.html#determination_of_column_affinity):
 * a plain `uuid` or `json` would be NUMERIC, and `12345678-…` or `12` would be stored as a number.
 */
const DECLARED: Record<PortableType, string> = {
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  decimal: 'decimal',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  string: 'varchar',
  text: 'text',
  uuid: 'uuid_text',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  json: 'json_text',
  binary: 'blob',
};

/** Others' spellings whose affinity is the one that our own spelling has. */
const SPELLINGS: Record<string, ColumnType> = {
  smallint: 'smallint',
  int2: 'smallint',
  tinyint: 'smallint',
  integer: 'integer',
  int: 'integer',
  int4: 'integer',
  mediumint: 'integer',
  bigint: 'bigint',
  int8: 'bigint',
  decimal: 'decimal',
  numeric: 'decimal',
  float: 'float',
  double: 'double',
  'double precision': 'double',
  real: 'double',
  boolean: 'boolean',
  bool: 'boolean',
  varchar: 'string',
  'character varying': 'string',
  nvarchar: 'string',
  text: 'text',
  clob: 'text',
  uuid_text: 'uuid',
  json_text: 'json',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  datetime: 'timestamp',
  blob: 'binary',
};

/**
 * The type to declare. `soleKey`: a key column must not read exactly INTEGER, or it would become the rowid and number
 * itself.
 */
export function declaredType(column: Shape, soleKey: boolean): string {
  if (column.type === 'string') return `varchar(${column.length})`;
  if (column.type === 'decimal') return `decimal(${column.precision},${column.scale})`;
  return soleKey && column.type === 'integer' ? 'int' : DECLARED[portableType(column.type)];
}

/** The six types of a STRICT table (https://www.sqlite.org/stricttables.html), by what they hold. */
const STRICT: Record<PortableType, string> = {
  smallint: 'INTEGER',
  integer: 'INTEGER',
  bigint: 'INTEGER',
  boolean: 'INTEGER',
  decimal: 'REAL',
  float: 'REAL',
  double: 'REAL',
  string: 'TEXT',
  text: 'TEXT',
  uuid: 'TEXT',
  date: 'TEXT',
  time: 'TEXT',
  timestamp: 'TEXT',
  json: 'TEXT',
  binary: 'BLOB',
};

/** The same for a STRICT table; the type that was asked for is kept as the name of a constraint that says nothing. */
export function strictType(column: Shape, soleKey: boolean): { declared: string; mark: string | null } {
  const asked = declaredType(column, soleKey);
  const declared = soleKey && column.type === 'integer' ? 'INT' : STRICT[portableType(column.type)];
  const read = readType(declared);
  return { declared, mark: read !== null && sameType(read, column) ? null : asked };
}

/** A type of this engine's own, as history keeps it, printed as the tokens of a type name; null: it is none. */
export function printedType(native: string): string | null {
  const parts = /^([^()]*?)\s*(?:\(\s*([+-]?[\w.]+)\s*(?:,\s*([+-]?[\w.]+)\s*)?\))?$/.exec(native);
  if (parts === null) return null;
  const [, name = '', ...sizes] = parts;
  const words = name
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(word) ? word : quote(word)));
  const bounds = sizes.filter((bound) => bound !== undefined);
  // A column may be declared without a type.
  if (words.length === 0) return bounds.length === 0 ? '' : null;
  return `${words.join(' ')}${bounds.length === 0 ? '' : `(${bounds.join(',')})`}`;
}

/** The portable type of a declared one, or null. */
export function readType(declared: string): Shape | null {
  const parts = /^([a-z_][a-z0-9_ ]*?)(?:\((\d+)(?:,(\d+))?\))?$/i.exec(declared);
  if (parts === null) return null;
  const [, name = '', first, second] = parts;
  const type = SPELLINGS[name.toLowerCase()];
  if (type === undefined) return null;
  const [a, b] = [first === undefined ? null : Number(first), second === undefined ? null : Number(second)];
  const none = { length: null, precision: null, scale: null };
  if (type === 'string') {
    if (a === null) return { type: 'text', ...none };
    return b === null && a >= 1 && a <= MAX_STRING ? { ...none, type, length: a } : null;
  }
  if (type === 'decimal') {
    const scale = b ?? 0;
    return a !== null && a >= 1 && a <= 38 && scale <= 30 && scale <= a ? { ...none, type, precision: a, scale } : null;
  }
  return a === null || isIntegerType(type) ? { type, ...none } : null;
}

const NOW: Record<TimeType, string> = {
  timestamp: "(strftime('%Y-%m-%d %H:%M:%f','now'))",
  date: "(date('now'))",
  time: "(strftime('%H:%M:%f','now'))",
};

const CURRENT: Record<TimeType, string> = {
  timestamp: 'current_timestamp',
  date: 'current_date',
  time: 'current_time',
};

/** A version 4 UUID. `random() & 3` and not `abs(random()) % 4`: abs() fails on the smallest integer. */
const UUID =
  "(lower(hex(randomblob(4))||'-'||hex(randomblob(2))||'-4'||substr(hex(randomblob(2)),2)||'-'" +
  "||substr('89ab',1+(random()&3),1)||substr(hex(randomblob(2)),2)||'-'||hex(randomblob(6))))";

/** The DEFAULT's expression, null for none. */
export function renderDefault(column: Pick<Column, 'type' | 'default'>): string | null {
  const value = column.default;
  if (value === null) return null;
  const named = defaultFunction(column);
  if (named !== null) return named === 'uuid' ? UUID : NOW[timeType(column.type)];
  switch (column.type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'decimal':
    case 'float':
    case 'double':
      return String(value);
    case 'boolean':
      return value === true ? '1' : '0';
    case 'json':
      return literal(JSON.stringify(value));
    // The form in which `strftime` writes them, so that texts sort as times.
    case 'timestamp':
      return literal(String(value).replace('T', ' ').replace('Z', ''));
    default:
      return literal(String(value));
  }
}

/** A native ADD COLUMN takes constants only. */
export function isConstantDefault(column: Pick<Column, 'type' | 'default'>): boolean {
  return defaultFunction(column) === null;
}

/** What a DEFAULT stands for; verbatim when it is not one of the portable ones. */
export function readDefault(shape: Shape | null, expression: string): LiveColumn['default'] {
  if (shape === null) return normalise(expression) === 'null' ? null : { raw: expression };
  const read = readLiteral(shape, expression);
  if (read === undefined) return { raw: expression };
  if (read === null) return null;
  const fitted =
    shape.type === 'string' || shape.type === 'text'
      ? fitDefault({ ...shape, length: shape.length }, read)
      : fitDefault(shape, read);
  return 'value' in fitted ? { value: fitted.value } : { raw: expression };
}

/** undefined: not a literal or function of this type; null: no default. */
function readLiteral(shape: Shape, expression: string): Json | undefined {
  const normal = normalise(expression);
  if (isTimeType(shape.type) && [NOW[shape.type], CURRENT[shape.type]].some((now) => normal === normalise(now)))
    return { function: 'now' };
  if (shape.type === 'uuid' && normal === normalise(UUID)) return { function: 'uuid' };
  let tokens = tokenize(expression);
  while (tokens.length > 2 && isSymbol(tokens[0], '(') && isSymbol(tokens.at(-1), ')')) tokens = tokens.slice(1, -1);
  const sign = isSymbol(tokens[0], '-') ? '-' : '';
  const rest = sign !== '' || isSymbol(tokens[0], '+') ? tokens.slice(1) : tokens;
  const token = rest[0];
  if (token === undefined || rest.length > 1) return undefined;
  if (token.kind === 'word' && token.text.toLowerCase() === 'null') return null;
  const isText = token.kind === 'string' && token.text.startsWith("'");
  switch (shape.type) {
    case 'smallint':
    case 'integer':
      return token.kind === 'number' && /^\d+$/.test(token.text) ? Number(sign + token.text) : undefined;
    case 'bigint':
      return token.kind === 'number' && /^\d+$/.test(token.text) ? sign + token.text : undefined;
    case 'decimal':
      return token.kind === 'number' ? sign + token.text : undefined;
    case 'float':
    case 'double':
      return token.kind === 'number' && !/^0x|_/i.test(token.text) ? Number(sign + token.text) : undefined;
    case 'boolean':
      return readBoolean(sign + token.text.toLowerCase());
    case 'json':
      return isText ? readJson(token.value) : undefined;
    case 'timestamp':
      return isText ? `${token.value.replace(/Z$/, '')}Z` : undefined;
    case 'binary':
      return undefined;
    default:
      return isText && sign === '' ? token.value : undefined;
  }
}

function readBoolean(word: string): boolean | undefined {
  return word === '1' || word === 'true' ? true : word === '0' || word === 'false' ? false : undefined;
}

function readJson(text: string): Json | undefined {
  try {
    const value = parseJson(text);
    return value === null ? undefined : value;
  } catch {
    return undefined; // others' text that is no JSON: stays their raw default
  }
}

/** Every portable column comes back as asked; json by content. */
export function keeps(column: Column): Column {
  return {
    ...column,
    default: column.type === 'json' && column.default !== null ? parseJson(canonical(column.default)) : column.default,
  };
}

export function note(column: Column): string | null {
  switch (column.type) {
    case 'decimal':
      return decimalSizeOf(column).precision > 15
        ? 'SQLite keeps about 15 significant digits of a decimal.'
        : 'SQLite keeps a decimal as an integer or an 8-byte float and does not enforce precision and scale.';
    case 'string':
      return 'SQLite does not enforce the length.';
    case 'float':
      return 'SQLite keeps a float in 8 bytes.';
    case 'boolean':
      return 'SQLite keeps a boolean as 1 or 0.';
    case 'smallint':
    case 'integer':
      return 'SQLite does not enforce the range: an integer has up to 8 bytes.';
    case 'uuid':
    case 'json':
    case 'date':
    case 'time':
    case 'timestamp':
      return `SQLite keeps a ${column.type} as text.`;
    default:
      return null;
  }
}

/** Room for every portable table: SQLite's limit is 2000 columns, and rows and keys may have up to 1 GB. */
export function refuses(): string | null {
  return null;
}
