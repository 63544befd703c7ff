// @ts-check
/**
 * How values become those of another type. SQLite converts whatever it is given (`cast('12abc' as integer)` is 12), so
 * every
 * conversion is made here, value by value, exactly or not at all. Plain JavaScript: it runs in the worker thread
 * (worker.js).
 *
 * @typedef {null | bigint | number | string | Uint8Array} Value  INTEGER is a bigint, REAL a number
 * @typedef {{ type: string, length: number, precision: number, scale: number }} Spec
 * @typedef {{ n: bigint, s: number }} Decimal  n / 10^s, s as small as can be
 */

/** @type {Map<string, Spec>} */
const specs = new Map();

/** @param {string} text  `integer`, `string(50)`, `decimal(10,2)` */
function specOf(text) {
  let spec = specs.get(text);
  if (spec === undefined) {
    const [type = '', a = '0', b = '0'] = text.split(/[(),]/);
    spec = { type, length: Number(a), precision: Number(a), scale: Number(b) };
    specs.set(text, spec);
  }
  return spec;
}

/** @type {Record<string, [bigint, bigint]>} */
const RANGES = {
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};
const NUMERIC = new Set(['smallint', 'integer', 'bigint', 'decimal', 'float', 'double', 'boolean']);
const TEXTUAL = new Set(['string', 'text']);

/**
 * The value as one of type `to`; undefined when it would not survive.
 * @param {Value} value
 * @param {string} fromText
 * @param {string} toText
 * @returns {Value | undefined}
 */
export function convert(value, fromText, toText) {
  if (value === null) return null;
  const [from, to] = [specOf(fromText), specOf(toText)];
  if (NUMERIC.has(from.type)) {
    const number = readNumber(value);
    if (number === undefined) return undefined;
    return TEXTUAL.has(to.type) ? writeText(plain(number, from), to) : writeNumber(number, to);
  }
  if (from.type === 'binary' || to.type === 'binary') return from.type === to.type ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const text = textOf(value, from);
  if (text === undefined) return undefined;
  if (from.type === 'date' && to.type === 'timestamp') return `${text} 00:00:00.000`;
  if (from.type === 'timestamp' && to.type === 'date')
    return text.endsWith(' 00:00:00.000000') ? text.slice(0, 10) : undefined;
  return TEXTUAL.has(from.type) && NUMERIC.has(to.type) ? readText(text, to, from) : writeText(text, to);
}

/**
 * There and back again: what the value is after both conversions; null when it is not possible.
 * @param {Value} value
 * @param {string} from
 * @param {string} to
 * @returns {Value}
 */
export function thereAndBack(value, from, to) {
  const there = convert(value, from, to);
  return there === undefined ? null : (convert(there, to, from) ?? null);
}

/** @param {Value} value @returns {Decimal | undefined} */
function readNumber(value) {
  if (typeof value === 'bigint') return trim(value, 0);
  return typeof value === 'number' && Number.isFinite(value) ? parse(String(value)) : undefined;
}

/** @param {string} text  a number as JavaScript prints it @returns {Decimal} */
function parse(text) {
  const [digits = '', exponent = '0'] = text.split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  const s = fraction.length - Number(exponent);
  const n = BigInt(whole + fraction);
  return s < 0 ? trim(n * 10n ** BigInt(-s), 0) : trim(n, s);
}

/** @param {bigint} n @param {number} s @returns {Decimal} */
function trim(n, s) {
  while (s > 0 && n % 10n === 0n) {
    n /= 10n;
    s--;
  }
  return { n, s };
}

/** @param {Decimal} number @param {Spec} from  a decimal shows its scale, as other engines do @returns {string} */
function plain(number, from) {
  const scale = from.type === 'decimal' ? Math.max(from.scale, number.s) : number.s;
  const digits = (number.n < 0n ? -number.n : number.n).toString() + '0'.repeat(scale - number.s);
  const padded = digits.padStart(scale + 1, '0');
  const text = scale === 0 ? padded : `${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  return number.n < 0n ? `-${text}` : text;
}

/** @param {Decimal} number @param {Spec} to @returns {Value | undefined} */
function writeNumber(number, to) {
  const { n, s } = number;
  if (to.type === 'boolean') return s === 0 && (n === 0n || n === 1n) ? n : undefined;
  const range = RANGES[to.type];
  if (range !== undefined) return s === 0 && n >= range[0] && n <= range[1] ? n : undefined;
  if (to.type === 'decimal') {
    const whole = (n < 0n ? -n : n) / 10n ** BigInt(s);
    if (s > to.scale || whole >= 10n ** BigInt(to.precision - to.scale)) return undefined;
    const [low, high] = /** @type {[bigint, bigint]} */ (RANGES['bigint']);
    return s === 0 && n >= low && n <= high ? n : exactReal(number);
  }
  return to.type === 'float' || to.type === 'double' ? exactReal(number) : undefined;
}

/** An 8-byte float that reads as this number again. @param {Decimal} number @returns {number | undefined} */
function exactReal(number) {
  const real = Number(plain(number, specOf('double')));
  if (!Number.isFinite(real)) return undefined;
  const back = parse(String(real));
  // Beyond 2^53 the shortest text is not the exact value: either of them will do.
  return (back.n === number.n && back.s === number.s) ||
    (number.s === 0 && Number.isInteger(real) && BigInt(real) === number.n)
    ? real
    : undefined;
}

/**
 * Text that is how the number would be printed; of a decimal, zeros at its end may be missing.
 * @param {string} text @param {Spec} to @param {Spec} from @returns {Value | undefined}
 */
function readText(text, to, from) {
  if (text.length > 400 || !/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)) return undefined;
  const number = parse(text);
  const value = to.type === 'boolean' ? undefined : writeNumber(number, to);
  if (value === undefined) return undefined;
  const printed = plain(number, to);
  if (to.type !== 'decimal') return printed === text ? value : undefined;
  // With all the digits of its scale it must have room when it is a text again.
  const fits = from.type !== 'string' || printed.length <= from.length;
  const digits = text.split('.')[1]?.length ?? 0;
  return fits && digits <= to.scale && !/^-[0.]*$/.test(text) ? value : undefined;
}

/**
 * A stored text as the text of its type: a timestamp in full, the rest as it stands. @param {string} value @param
 * {Spec} from
 */
function textOf(value, from) {
  if (from.type === 'timestamp') return timestamp(value)?.padEnd(26, '0'); // always six digits after the second
  if (from.type === 'date') return isDate(value) ? value : undefined;
  if (from.type === 'time') return isTime(value) ? value : undefined;
  return value;
}

/** @param {string} text @param {Spec} to @returns {string | undefined} */
function writeText(text, to) {
  switch (to.type) {
    case 'string':
      return [...text].length <= to.length ? text : undefined;
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined;
    case 'json':
      return isJson(text) ? text : undefined;
    case 'time':
      return isTime(text) ? text : undefined;
    case 'date':
      return isDate(text) ? text : undefined;
    case 'timestamp':
      return timestamp(text);
    default:
      return text;
  }
}

/**
 * The normal form: three digits after the second, or six when there are microseconds. @param {string} text @returns
 * {string | undefined}
 */
function timestamp(text) {
  const parts = /^(.{10})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?Z?$/.exec(text);
  if (parts === null || !isDate(parts[1] ?? '') || !isTime(parts[2] ?? '')) return undefined;
  const micros = (parts[3] ?? '').padEnd(6, '0');
  return `${parts[1]} ${parts[2]}.${micros.endsWith('000') ? micros.slice(0, 3) : micros}`;
}

/** @param {string} text */
function isDate(text) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < '0001-01-01') return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** @param {string} text */
function isTime(text) {
  return /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/.test(text);
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // that is the question here
  }
}
