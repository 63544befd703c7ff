import { decimalSizeOf, lengthOf } from '../../schema/column-size.js';
import { isIntegerType, type ColumnType } from '../../schema/column-types.js';
import { sameType } from '../../schema/column.js';
import { literal } from './sql.js';
import { nativeType, type Shape } from './types.js';

const BIGINT_RANGE = {
  low: '-9223372036854775808',
  high: '9223372036854775807',
  above: '9223372036854775808',
  digits: 19,
};

const RANGE: Partial<Record<ColumnType, { low: string; high: string; above: string; digits: number }>> = {
  smallint: { low: '-32768', high: '32767', above: '32768', digits: 5 },
  integer: { low: '-2147483648', high: '2147483647', above: '2147483648', digits: 10 },
  bigint: BIGINT_RANGE,
};

/** The largest number, and the least one that does not become 0, in their shortest decimal forms. */
const FLOATS = {
  float: { most: '3.4028235e38', least: '1e-45' },
  double: { most: '1.7976931348623157e308', least: '5e-324' },
};

const NOT_NUMBERS = "('NaN', 'Infinity', '-Infinity')";

const isFloat = (type: ColumnType): type is 'float' | 'double' => type === 'float' || type === 'double';
const isNumeric = (type: ColumnType): boolean => isIntegerType(type) || type === 'decimal' || isFloat(type);
const isTextual = (type: ColumnType): boolean => type === 'string' || type === 'text';

/** The value `c` of type `from` as one of type `to`. Fails on or cuts what `lost` tells. */
export function convert(from: Shape, to: Shape, quoted: string): string {
  const native = nativeType(to);
  if (isTextual(to.type)) return `(${asText(from, to.length, quoted)})::${native}`;
  // a cast from float8 keeps 15 digits only, from float4 6
  if (isFloat(from.type) && to.type === 'decimal') return `${quoted}::text::${native}`;
  // there is no cast from boolean to others
  if (from.type === 'boolean') return to.type === 'boolean' ? quoted : `${quoted}::integer::${native}`;
  if (to.type === 'boolean') return `(${quoted} <> 0)`;
  if (from.type === 'date' && to.type === 'timestamp') return `(${quoted}::timestamp at time zone 'UTC')`;
  if (from.type === 'timestamp' && to.type === 'date') return `(${quoted} at time zone 'UTC')::date`;
  if (isTextual(from.type) && to.type === 'timestamp') return `(rtrim(${quoted}, 'Z')::timestamp at time zone 'UTC')`;
  return `${quoted}::${native}`;
}

const DATE = 'YYYY-MM-DD';
const TIME = 'HH24:MI:SS.US';

/**
 * `length`: of the column to be; where the full form of a time has no room, its fraction is written without the zeros
 * at its end.
 */
function asText(from: Shape, length: number | null, quoted: string): string {
  const short = (full: string, size: number): string =>
    length !== null && length < size ? `rtrim(rtrim(${full}, '0'), '.')` : full;
  switch (from.type) {
    // Through numeric, or 1e300 would stay in the scientific form.
    case 'float':
    case 'double':
      return `case when ${quoted} in ${NOT_NUMBERS} then ${quoted}::text else ${quoted}::text::numeric::text end`;
    case 'date':
      return `to_char(${quoted}, '${DATE}')`;
    case 'time':
      return short(`to_char(${quoted}, '${TIME}')`, 15);
    case 'timestamp':
      return short(`to_char(${quoted} at time zone 'UTC', '${DATE} ${TIME}')`, 26);
    case 'string':
    case 'text':
      return quoted;
    default:
      return `${quoted}::text`;
  }
}

/**
 * See `Ddl.lost`. A CASE evaluates its branches in order and only when reached, so that no cast meets a value that it
 * fails on.
 */
export function lost(from: Shape, to: Shape, quoted: string): string {
  if (sameType(from, to)) return 'false';
  const test = isTextual(to.type)
    ? lostAsText(from, to, quoted)
    : isTextual(from.type)
      ? lostFromText(from, to, quoted)
      : isNumeric(from.type) && isNumeric(to.type)
        ? lostAsNumber(from, to, quoted)
        : lostElse(from, to, quoted);
  return test === null ? 'false' : `coalesce(${test}, false)`;
}

function lostElse(from: Shape, to: Shape, quoted: string): string | null {
  if (to.type === 'boolean' && isIntegerType(from.type)) return `${quoted} not in (0, 1)`;
  // A date may lie beyond the last timestamp, which begins with the same day.
  if (from.type === 'date') return `${quoted} > '294276-12-31' and ${quoted} < 'infinity'`;
  if (from.type === 'timestamp')
    return `(${quoted} at time zone 'UTC') <> date_trunc('day', ${quoted} at time zone 'UTC')`;
  return null;
}

function lostAsNumber(from: Shape, to: Shape, quoted: string): string | null {
  const range = RANGE[to.type];
  const source = RANGE[from.type];
  if (source !== undefined) {
    if (range !== undefined)
      return range.digits >= source.digits ? null : `${quoted} not between ${range.low} and ${range.high}`;
    if (to.type === 'decimal')
      return decimalSizeOf(to).whole >= source.digits ? null : `abs(${quoted}::numeric) >= ${power(to)}`;
    if (from.type === 'smallint' || (from.type === 'integer' && to.type === 'double')) return null;
    const float = `${quoted}::${nativeType(to)}::double precision`;
    return `case when ${float} >= ${BIGINT_RANGE.above} then true else (${float})::bigint <> ${quoted} end`;
  }
  if (from.type === 'decimal') {
    if (range !== undefined)
      return `${quoted} <> trunc(${quoted}) or ${quoted} not between ${range.low} and ${range.high}`;
    if (to.type !== 'decimal') return `round(${quoted}::${nativeType(to)}::text::numeric, ${from.scale}) <> ${quoted}`;
    const [before, after] = [decimalSizeOf(from), decimalSizeOf(to)];
    return after.whole >= before.whole && after.scale >= before.scale
      ? null
      : `${quoted} <> 'NaN' and (round(${quoted}, ${to.scale}) <> ${quoted} or abs(${quoted}) >= ${power(to)})`;
  }
  if (range !== undefined)
    return (
      `not (${quoted}::double precision >= ${range.low} and ${quoted}::double precision < ${range.above} and ` +
      `${quoted} = trunc(${quoted}::double precision))`
    );
  if (to.type === 'decimal') {
    const rounded = `round(${quoted}::text::numeric, ${to.scale})`;
    return (
      `case when ${quoted} = 'NaN' then false when ${quoted} in ('Infinity', '-Infinity') then true when ` +
      `abs(${rounded}) >= ${power(to)} then true else ${rounded}::${nativeType(from)} <> ${quoted} end`
    );
  }
  if (from.type === 'float') return null;
  const magnitude = `abs(${quoted})`;
  return (
    `case when ${quoted} in ${NOT_NUMBERS} or ${quoted} = 0 then false when ${magnitude} > 3.4028234663852886e38 ` +
    `or ${magnitude} < 1.401298464324817e-45 then true else ${quoted}::real::double precision <> ${quoted} end`
  );
}

/** The first number that has too many digits before the point. */
function power(to: Shape): string {
  return `1${'0'.repeat(decimalSizeOf(to).whole)}`;
}

function lostAsText(from: Shape, to: Shape, quoted: string): string | null {
  const tooLong = to.length === null ? null : `char_length(${asText(from, to.length, quoted)}) > ${to.length}`;
  switch (from.type) {
    // Years beyond these, BC, infinity and 24:00 have no text that comes back.
    case 'string':
      return to.length === null || to.length >= lengthOf(from) ? null : `char_length(${quoted}) > ${to.length}`;
    case 'date':
      return either(`${quoted} not between '0001-01-01' and '9999-12-31'`, tooLong);
    case 'time':
      return either(`${quoted} = '24:00:00'`, tooLong);
    case 'timestamp':
      return either(`${quoted} not between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'`, tooLong);
    default:
      return tooLong;
  }
}

function either(first: string, second: string | null): string {
  return second === null ? first : `case when ${first} then true else ${second} end`;
}

const DAYS = '((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))';
const LEAP_YEARS = '([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)';
const TIMES = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?';
const DATES = `(?!0000)([0-9]{4}-${DAYS}|${LEAP_YEARS}-02-29)`;

function lostFromText(from: Shape, to: Shape, column: string): string {
  // A column's own collation may be one that takes different texts for equal, and those refuse regular expressions.
  const c = `(${column} collate "C")`;
  const unlike = (pattern: string): string => `${c} !~ ${literal(`^${pattern}$`)}`;
  const range = RANGE[to.type];
  if (range !== undefined)
    return (
      `case when ${unlike('(0|-?[1-9][0-9]{0,18})')} then true else ${c}::numeric not between ${range.low} ` +
      `and ${range.high} end`
    );
  switch (to.type) {
    case 'decimal': {
      const { whole } = decimalSizeOf(to);
      const digits = whole === 0 ? '0' : `(0|[1-9][0-9]{0,${whole - 1}})`;
      const fraction = to.scale === 0 ? '' : `([.][0-9]{1,${to.scale}})?`;
      const unfit = `${c} <> 'NaN' and (${unlike(`-?${digits}${fraction}`)} or ${c} ~ '^-[0.]*$')`;
      // With all the digits of its scale it must have room when it is a text again.
      return from.length === null
        ? unfit
        : `case when ${unfit} then true else char_length(${c}::${nativeType(to)}::text) > ${from.length} end`;
    }
    case 'float':
    case 'double': {
      const { most, least } = FLOATS[to.type];
      // 400 characters hold every number in its shortest decimal form; a longer one could overflow numeric.
      return (
        `case when ${c} in ${NOT_NUMBERS} then false when ${unlike('-?(0|[1-9][0-9]*)([.][0-9]+)?')} or ` +
        `char_length(${c}) > 400 then true` +
        ` when abs(${c}::numeric) > ${most} or (${c}::numeric <> 0 and abs(${c}::numeric) < ${least}) then ` +
        `true else ${c}::${nativeType(to)}::text::numeric::text <> ${c} end`
      );
    }
    case 'uuid':
      return unlike('[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}');
    case 'date':
      return unlike(DATES);
    case 'time':
      return unlike(TIMES);
    case 'timestamp':
      return unlike(`${DATES}[ T]${TIMES}Z?`);
    default: {
      // jsonb prints white space of its own: on the way back it would be cut.
      const invalid = notJson(c);
      return from.length === null
        ? invalid
        : `case when ${invalid} then true else char_length(${c}::jsonb::text) > ${from.length} end`;
    }
  }
}

const HEX = '[0-9a-fA-F]';

/**
 * jsonb takes neither U+0000 nor half a surrogate pair (https://www.postgresql.org/docs/current/datatype-json.html).
 */
const UNICODE =
  `u(000[1-9a-fA-F]|00[1-9a-fA-F]${HEX}|0[1-9a-fA-F]${HEX}{2}|[1-9abcefABCEF]${HEX}{3}|` +
  `[dD][0-7]${HEX}{2}|[dD][89abAB]${HEX}{2}\\\\u[dD][c-fC-F]${HEX}{2})`;
const JSON_STRING = `"([^"\\\\\\u0001-\\u001f]|\\\\(["\\\\/bfnrt]|${UNICODE}))*"`;

/**
 * Small exponents only: jsonb's numbers are numeric, which overflows. (So does one written with 16384 digits; that one
 * the conversion itself refuses.)
 */
const JSON_SCALAR =
  '-?(0|[1-9][0-9]*)([.][0-9]+)?|-?(0|[1-9][0-9]{0,200})([.][0-9]{1,200})?[eE][+-]?[0-9]{1,3}|true|false|null';
const VALUE = '[\\u0001\\u0002]';
const JSON_INNERMOST = `\\[(${VALUE}(,${VALUE})*)?\\]|\\{(\\u0001:${VALUE}(,\\u0001:${VALUE})*)?\\}`;

/** Far below where jsonb's parser runs out of stack. */
const JSON_DEPTH = 5000;

/**
 * Before PostgreSQL 16 nothing tells whether a text is JSON but a cast that fails. So: strings become U+0001 and other
 * scalars U+0002, which no JSON holds, then the innermost arrays and objects become U+0002 until one value is left, or
 * not.
 */
function notJson(quoted: string): string {
  const scalars =
    `regexp_replace(regexp_replace(${quoted}, ${literal(JSON_STRING)}, chr(1), 'g'), ${literal(JSON_SCALAR)}, ` +
    `chr(2), 'g')`;
  const innermost = literal(JSON_INNERMOST);
  return (
    `case when ${quoted} is null then false when ${quoted} ~ ${literal(VALUE)} then true else not exists (with ` +
    'recursive r (t, n) as (' +
    `select translate(${scalars}, E' \\t\\n\\r', ''), 0 union all select regexp_replace(r.t, ` +
    `${innermost}, chr(2), 'g'), r.n + 1 from r where r.t ~ ${innermost} and r.n < ${JSON_DEPTH}` +
    `) select from r where r.t ~ ${literal(`^${VALUE}$`)}) end`
  );
}

/**
 * `convert` for ALTER COLUMN TYPE … USING, where a value that would not survive fails instead of being cut or rounded:
 * between the look at
 * the rows and the lock of the ALTER others may have written such values. The failing cast hangs on the value, or the
 * planner
 * would run it beforehand. To json the cast itself fails (and USING takes no subquery, which `lost` needs there).
 */
export function convertOrFail(from: Shape, to: Shape, quoted: string): string {
  const test = to.type === 'json' ? 'false' : lost(from, to, quoted);
  if (test === 'false') return convert(from, to, quoted);
  const message = literal(`a value that would not survive as ${nativeType(to)}`);
  return (
    `case when ${test} then (left(${quoted}::text, 0) || ${message})::integer::text::${nativeType(to)} else ` +
    `${convert(from, to, quoted)} end`
  );
}

/**
 * Whether converting and converting back can change a value that `lost` lets pass: texts that have several valid
 * spellings.
 */
export function changesText(from: Shape, to: Shape): boolean {
  return (
    isTextual(from.type) &&
    (to.type === 'decimal' || to.type === 'uuid' || to.type === 'time' || to.type === 'timestamp' || to.type === 'json')
  );
}

/** Without a rewrite and without a look at any value (measured by pg_class.relfilenode). */
export function metadataOnly(from: Shape, to: Shape): boolean {
  if (sameType(from, to)) return true;
  if (from.type === 'string') return to.type === 'text' || (to.type === 'string' && lengthOf(to) >= lengthOf(from));
  return (
    from.type === 'decimal' &&
    to.type === 'decimal' &&
    to.scale === from.scale &&
    decimalSizeOf(to).precision >= decimalSizeOf(from).precision
  );
}
