import { decimalSizeOf } from './column-size.js';
import { isTimeType, type ColumnType, type IntegerType } from './column-types.js';
import { MAX_STRING, type Column } from './column.js';
import { canonical, type Default, type Json } from './json.js';

const INTEGER_RANGE: Record<IntegerType, [bigint, bigint]> = {
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * As JSON, in characters: the longest text that a column can hold (16383 characters, of two units each at most), with
 * its quotes and escapes.
 */
export const LONGEST_DEFAULT = 65_536;

/** Whether it is at most so long as JSON, escapes not counted. Stops looking as soon as it is too long. */
export function jsonFits(value: Json, most: number): boolean {
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
        if (!take(part[key] ?? null)) return false;
      }
    } else left -= 4;
    return left >= 0;
  };
  return take(value);
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
    case 'decimal': {
      const { precision, scale } = decimalSizeOf(column);
      return fitDecimal(precision, scale, value);
    }
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
  const isTime = isTimeType(type);
  if (name === 'now' && isTime) return { value: { function: 'now' } };
  if (name === 'uuid' && type === 'uuid') return { value: { function: 'uuid' } };
  const orFunction = type === 'uuid' ? ' or {"function": "uuid"}' : isTime ? ' or {"function": "now"}' : '';
  return { problem: `must be a literal of type ${type}${orFunction}` };
}

function fitInteger(type: IntegerType, value: Json): { value: Default } | { problem: string } {
  const [low, high] = INTEGER_RANGE[type];
  const exact = exactInteger(type, value);
  if (exact === null) {
    return { problem: type === 'bigint' ? 'must be an integer, as a string when beyond 2^53' : 'must be an integer' };
  }
  if (exact < low || exact > high) return { problem: `must be between ${low} and ${high}` };
  return { value: type === 'bigint' ? exact.toString() : Number(exact) };
}

/** Null: no integer, or a number beyond 2^53, which may not be the one that was written. */
function exactInteger(type: IntegerType, value: Json): bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  return type === 'bigint' && typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : null;
}

/** Without an exponent; null when the number may not be what was written: doubles keep 15 digits of any. */
function plain(value: number): string | null {
  const [digits = '', exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
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
  const [, sign = '', whole = '', fraction = ''] = parts;
  if (fraction.replace(/0+$/, '').length > scale || (whole === '0' ? 0 : whole.length) > precision - scale)
    return { problem: `must fit decimal(${precision},${scale})` };
  const kept = fraction.slice(0, scale);
  const digits = kept === '' ? whole : `${whole}.${kept}`;
  return { value: /^[0.]*$/.test(digits) ? digits : sign + digits };
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
  if (parts === null) return problem;
  const [, day = '', clock, fraction = '', offset] = parts;
  if (!isDate(day)) return problem;
  const seconds = Date.parse(`${day}T${clock}${offset}`);
  if (Number.isNaN(seconds)) return problem;
  const micros = fraction.padEnd(6, '0');
  return {
    value: `${new Date(seconds).toISOString().slice(0, 19)}.${micros.endsWith('000') ? micros.slice(0, 3) : micros}Z`,
  };
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
