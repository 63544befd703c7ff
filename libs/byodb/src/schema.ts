import { z } from 'zod';
import type { EngineName } from './address.js';
import { DatabaseError } from './errors.js';

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

const ALIASES: Record<string, PortableType> = {
  int: 'integer',
  varchar: 'string',
  datetime: 'timestamp',
  jsonb: 'json',
  numeric: 'decimal',
  bool: 'boolean',
};

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/**
 * null: none. bigint and decimal literals are strings; json's are any JSON but null; see `defaultFunction` for
 * functions.
 */
export type Default = Json;

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

export const MAX_NAME = 48;
export const MAX_STRING = 16383;
export const MAX_COLUMNS = 500;
const INTEGER_RANGE: Partial<Record<ColumnType, [bigint, bigint]>> = {
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** A table's or column's name. 48 characters leave room for what the project puts aside under every engine's limit. */
export const nameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_NAME, `must have at most ${MAX_NAME} characters`)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must start with a letter or _ and hold only letters, digits and _')
  .refine((name) => !/^(__|sqlite_|pg_|_saga_)/i.test(name), 'must not start with __, sqlite_, pg_ or _saga_');

/** The longest name that any engine takes, in characters. */
const LONGEST_NAME = 128;

/** A name that is there already: whatever its owner called it. */
export const knownNameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(LONGEST_NAME, `must have at most ${LONGEST_NAME} characters`)
  .refine((name) => !name.includes('\0'), 'must not hold the character U+0000');

const typeSchema = z
  .string()
  .transform((type, ctx): PortableType => {
    const known = (COLUMN_TYPES as readonly string[]).includes(type)
      ? (type as PortableType)
      : Object.hasOwn(ALIASES, type)
        ? ALIASES[type]
        : undefined;
    if (known !== undefined) return known;
    ctx.addIssue({ code: 'custom', message: `must be one of ${COLUMN_TYPES.join(', ')}` });
    return z.NEVER;
  })
  .meta({ enum: [...COLUMN_TYPES, ...Object.keys(ALIASES)] });

/**
 * As JSON, in characters: the longest text that a column can hold (16383 characters, of two units each at most), with
 * its quotes and escapes.
 */
export const LONGEST_DEFAULT = 65_536;

/**
 * Any JSON, which is what the parser of the body gives; not looked into but for its size. `z.json()` would try each
 * kind for each
 * value and stop everybody else for seconds over a long list.
 */
const defaultSchema = z
  .custom<Json>((value) => value !== undefined, { error: 'must be JSON', abort: true })
  .refine((value) => jsonFits(value, LONGEST_DEFAULT), `must have at most ${LONGEST_DEFAULT} characters as JSON`)
  .meta({
    anyOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'array' },
      { type: 'object' },
    ],
  });

/** Whether it is at most so long as JSON, escapes not counted. Stops looking as soon as it is too long. */
function jsonFits(value: Json, most: number): boolean {
  let left = most;
  const take = (part: Json): boolean => {
    if (typeof part === 'string') left -= part.length + 2;
    else if (Array.isArray(part)) {
      left -= 2 + part.length;
      return left >= 0 && part.every(take);
    } else if (typeof part === 'object' && part !== null) {
      left -= 2;
      for (const key in part) {
        left -= key.length + 4;
        if (!take(part[key]!)) return false;
      }
    } else left -= 4;
    return left >= 0;
  };
  return take(value);
}

const fields = {
  name: nameSchema,
  type: typeSchema,
  length: z.int().min(1).max(MAX_STRING),
  precision: z.int().min(1).max(38),
  scale: z.int().min(0).max(30),
  nullable: z.boolean(),
  default: defaultSchema,
  primary_key: z.boolean(),
  generated: z.boolean(),
  unique: z.boolean(),
};

/** A whole column, as in `POST /table/create`; the output is normalised: aliases, lengths and defaults resolved. */
export const columnSchema = z
  .strictObject({
    name: fields.name,
    type: fields.type,
    length: fields.length.optional(),
    precision: fields.precision.optional(),
    scale: fields.scale.optional(),
    nullable: fields.nullable.optional(),
    default: fields.default.optional(),
    primary_key: fields.primary_key.optional(),
    generated: fields.generated.optional(),
    unique: fields.unique.optional(),
  })
  .transform((input, ctx): Column => {
    const { column, problems } = completeColumn(input);
    for (const problem of problems) ctx.addIssue({ code: 'custom', path: [problem.path], message: problem.message });
    return column;
  });

/**
 * One entry of `POST /table/column`; `name` is checked by the rule for new names where it adds a column. Add, alter,
 * rename or drop is told by what is there and by what the table has (libs/tables).
 */
export const columnChangeSchema = z.strictObject({
  name: knownNameSchema,
  rename_to: nameSchema.optional(),
  type: fields.type.optional(),
  length: fields.length.optional(),
  precision: fields.precision.optional(),
  scale: fields.scale.optional(),
  nullable: fields.nullable.optional(),
  default: fields.default.optional(),
  primary_key: fields.primary_key.optional(),
  generated: fields.generated.optional(),
  unique: fields.unique.optional(),
});
export type ColumnChange = z.output<typeof columnChangeSchema>;

export interface Problem {
  path: string;
  message: string;
}
export type ColumnInput = { name: string; type: ColumnType } & Partial<
  Omit<Column, 'name' | 'type' | 'length' | 'precision' | 'scale'>
> & { length?: number | null; precision?: number | null; scale?: number | null };

/** Fills in what was not said and lists everything that does not fit together. */
export function completeColumn(input: ColumnInput): { column: Column; problems: Problem[] } {
  const problems: Problem[] = [];
  const refuse = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  const { type } = input;
  if (input.length != null && type !== 'string') refuse('length', `does not belong to ${type}`);
  if (input.precision != null && type !== 'decimal') refuse('precision', `does not belong to ${type}`);
  if (input.scale != null && type !== 'decimal') refuse('scale', `does not belong to ${type}`);
  const precision = type === 'decimal' ? (input.precision ?? 10) : null;
  const scale = type === 'decimal' ? (input.scale ?? Math.min(2, precision!)) : null;
  if (scale !== null && scale > precision!) refuse('scale', 'must not exceed precision');
  const primaryKey = input.primary_key ?? false;
  const generated = input.generated ?? false;
  if (primaryKey && input.nullable === true) refuse('nullable', 'a primary key cannot be null');
  if (generated && !isIntegerType(type)) refuse('generated', `needs an integer type, not ${type}`);
  if (generated && !primaryKey) refuse('generated', 'needs primary_key: true');
  if (generated && input.default != null) refuse('default', 'a generated column has no default');
  const column: Column = {
    name: input.name,
    type,
    length: type === 'string' ? (input.length ?? 255) : null,
    precision,
    scale,
    nullable: primaryKey ? false : (input.nullable ?? true),
    default: null,
    primary_key: primaryKey,
    generated,
    unique: input.unique ?? false,
  };
  if (input.default != null && problems.length === 0) {
    const fitted = fitDefault(column, input.default);
    if ('problem' in fitted) refuse('default', fitted.problem);
    else column.default = fitted.value;
  }
  return { column, problems };
}

export function isIntegerType(type: ColumnType): boolean {
  return type === 'smallint' || type === 'integer' || type === 'bigint';
}

/**
 * `{"function": "now"}` on date, time and timestamp, `{"function": "uuid"}` on uuid. On json such an object is a
 * literal.
 */
export function defaultFunction(column: Pick<Column, 'type' | 'default'>): 'now' | 'uuid' | null {
  const value = column.default;
  if (column.type === 'json' || typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value['function'] === 'now' ? 'now' : value['function'] === 'uuid' ? 'uuid' : null;
}

/** A default in its normal form, or why it does not fit the column's type. */
export function fitDefault(
  column: Pick<Column, 'type' | 'length' | 'precision' | 'scale'>,
  value: Json,
): { value: Default } | { problem: string } {
  if (value === null) return { value: null };
  if (column.type !== 'json' && typeof value === 'object') return fitFunction(column.type, value);
  switch (column.type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
      return fitInteger(column.type, value);
    case 'decimal':
      return fitDecimal(column.precision!, column.scale!, value);
    case 'float':
    case 'double': {
      const limit = column.type === 'float' ? 3.4028234663852886e38 : Number.MAX_VALUE;
      return typeof value === 'number' && Math.abs(value) <= limit
        ? { value: Object.is(value, -0) ? 0 : value }
        : { problem: 'must be a finite number in range' };
    }
    case 'boolean':
      return typeof value === 'boolean' ? { value } : { problem: 'must be true or false' };
    case 'string':
    case 'text':
      return fitText(column.length ?? MAX_STRING, value);
    case 'uuid':
      return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)
        ? { value: value.toLowerCase() }
        : { problem: 'must be a UUID or {"function": "uuid"}' };
    case 'date':
      return isDate(value) ? { value } : { problem: 'must be a date as YYYY-MM-DD or {"function": "now"}' };
    case 'time':
      return fitTime(value);
    case 'timestamp':
      return fitTimestamp(value);
    case 'json':
      return JSON.stringify(value).includes('\\u0000') ? { problem: 'must not hold the character U+0000' } : { value };
    case 'binary':
      return { problem: 'a binary column takes no default' };
    case 'native':
      return { problem: "a type that is the engine's own takes no default through here" };
  }
}

function fitFunction(
  type: ColumnType,
  value: Json[] | { [key: string]: Json },
): { value: Default } | { problem: string } {
  const name = !Array.isArray(value) && Object.keys(value).length === 1 ? value['function'] : undefined;
  const isTime = type === 'timestamp' || type === 'date' || type === 'time';
  if (name === 'now' && isTime) return { value: { function: 'now' } };
  if (name === 'uuid' && type === 'uuid') return { value: { function: 'uuid' } };
  const orFunction = type === 'uuid' ? ' or {"function": "uuid"}' : isTime ? ' or {"function": "now"}' : '';
  return { problem: `must be a literal of type ${type}${orFunction}` };
}

function fitInteger(type: ColumnType, value: Json): { value: Default } | { problem: string } {
  const [low, high] = INTEGER_RANGE[type]!;
  const isText = type === 'bigint' && typeof value === 'string' && /^-?\d{1,19}$/.test(value);
  if (!isText && !(typeof value === 'number' && Number.isSafeInteger(value))) {
    return { problem: type === 'bigint' ? 'must be an integer, as a string when beyond 2^53' : 'must be an integer' };
  }
  const exact = BigInt(value as string | number);
  if (exact < low || exact > high) return { problem: `must be between ${low} and ${high}` };
  return { value: type === 'bigint' ? exact.toString() : Number(exact) };
}

/** Without an exponent; null when the number may not be what was written: doubles keep 15 digits of any. */
function plain(value: number): string | null {
  const [digits, exponent = '0'] = String(Math.abs(value)).split('e') as [string, string?];
  const [whole, fraction = ''] = digits.split('.') as [string, string?];
  const point = whole.length + Number(exponent);
  const all = `${'0'.repeat(Math.max(0, 1 - point))}${whole}${fraction}`.padEnd(Math.max(1, point), '0');
  const at = Math.max(1, point);
  const text = `${value < 0 ? '-' : ''}${all.slice(0, at)}${all.length > at ? `.${all.slice(at)}` : ''}`;
  return text.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length > 15 && !Number.isSafeInteger(value)
    ? null
    : text;
}

/** Longer than any that fits, with room for zeros that say nothing. */
const LONGEST_DECIMAL = 400;

function fitDecimal(precision: number, scale: number, value: Json): { value: Default } | { problem: string } {
  const text = typeof value === 'number' ? plain(value) : value;
  if (text === null) return { problem: 'has more digits than a JSON number keeps: give it as a string' };
  // Before any pattern: one that passes over zeros tries each of them as the first digit, too.
  if (typeof text === 'string' && text.length > LONGEST_DECIMAL)
    return { problem: `must have at most ${LONGEST_DECIMAL} characters` };
  const parts = typeof text === 'string' ? /^(-?)0*(\d+)(?:\.(\d+))?$/.exec(text) : null;
  if (parts === null) return { problem: 'must be a decimal number without exponent' };
  const whole = parts[2]!;
  const fraction = parts[3] ?? '';
  if (fraction.replace(/0+$/, '').length > scale || (whole === '0' ? 0 : whole.length) > precision - scale)
    return { problem: `must fit decimal(${precision},${scale})` };
  const kept = fraction.slice(0, scale);
  const digits = kept === '' ? whole : `${whole}.${kept}`;
  return { value: /^[0.]*$/.test(digits) ? digits : parts[1]! + digits };
}

function fitText(length: number, value: Json): { value: Default } | { problem: string } {
  if (typeof value !== 'string') return { problem: 'must be a string' };
  if (/\0/.test(value) || /\p{Surrogate}/u.test(value))
    return { problem: 'must be well-formed text without the character U+0000' };
  return [...value].length <= length ? { value } : { problem: `must have at most ${length} characters` };
}

function isDate(value: Json): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value) || value < '1000-01-01') return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
}

function fitTime(value: Json): { value: Default } | { problem: string } {
  const parts = typeof value === 'string' ? /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?$/.exec(value) : null;
  if (parts === null) return { problem: 'must be a time as HH:MM:SS[.ffffff] or {"function": "now"}' };
  const fraction = (parts[4] ?? '').replace(/0+$/, '');
  return { value: `${parts[1]}:${parts[2]}:${parts[3]}${fraction === '' ? '' : `.${fraction}`}` };
}

const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,6}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** Normal form: UTC, three digits after the second, or six when there are microseconds. */
function fitTimestamp(value: Json): { value: Default } | { problem: string } {
  const problem = { problem: 'must be an ISO 8601 time with Z or an offset, or {"function": "now"}' };
  const parts = typeof value === 'string' ? TIMESTAMP.exec(value) : null;
  if (parts === null || !isDate(parts[1]!)) return problem;
  const seconds = Date.parse(`${parts[1]}T${parts[2]}${parts[4]}`);
  if (Number.isNaN(seconds)) return problem;
  const micros = (parts[3] ?? '').padEnd(6, '0');
  return {
    value: `${new Date(seconds).toISOString().slice(0, 19)}.${micros.endsWith('000') ? micros.slice(0, 3) : micros}Z`,
  };
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
  const own = columns.find((c) => c.native !== undefined && c.native.engine !== engine);
  if (own === undefined) return null;
  const { type, default: value, engine: its } = own.native!;
  return (
    `${own.name} has ` +
    `${type === undefined ? `a default of ${its}'s own (${value})` : `a type of ${its}'s own (${type})`}, ` +
    `which ${engine} cannot build`
  );
}

/**
 * Renderers build portable types alone. Throws DatabaseError `unsupported_change` for what only another's engine knows.
 */
export function portableType(type: ColumnType): PortableType {
  if (type === 'native')
    throw new DatabaseError('unsupported_change', "a column of a type that is the engine's own cannot be built anew");
  return type;
}

/** Equal as defaults of this type: decimals by value, json by content. */
export function sameDefault(type: ColumnType, a: Default, b: Default): boolean {
  if (type === 'decimal' && typeof a === 'string' && typeof b === 'string') return trimDecimal(a) === trimDecimal(b);
  return canonical(a) === canonical(b);
}

/** A database's own default may have a hundred thousand digits: counted from the end, not looked for with a pattern. */
function trimDecimal(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text[end - 1] === '0') end--;
  return text.slice(0, text[end - 1] === '.' && end < text.length ? end - 1 : end);
}

/** JSON with sorted keys: equal content gives equal text. */
export function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
