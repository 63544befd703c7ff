import { decimalSizeOf, lengthOf } from '../../schema/column-size.js';
import { isIntegerType, type ColumnType, type IntegerType } from '../../schema/column-types.js';
import type { Column } from '../../schema/column.js';

/**
 * True where a value would not survive. MODIFY rounds, cuts and pads without a word, so nothing is left to it. Casts in
 * a SELECT
 * only warn; what cannot be told (NULL) counts as lost. Each condition is: converted, converted back, compared.
 */
export function lost(from: Column, to: Column, quoted: string): string {
  return `(${quoted} IS NOT NULL AND COALESCE(${condition(from, to, quoted)}, TRUE))`;
}

function condition(from: Column, to: Column, quoted: string): string {
  const textual = (c: Column): boolean => c.type === 'string' || c.type === 'text';
  if (textual(to))
    return (
      [
        ...(isFloating(from.type) ? [`${cast(`CAST(${quoted} AS CHAR)`, from)} <> ${quoted}`] : []),
        ...(to.length === null ? [] : [`CHAR_LENGTH(CAST(${quoted} AS CHAR)) > ${to.length}`]),
      ].join(' OR ') || 'FALSE'
    );
  // Whatever character set and collation the column has, what is compared is bytes.
  if (textual(from))
    return (from.length ?? Infinity) < (SPELLED[to.type] ?? 0)
      ? 'TRUE'
      : fromText(to, `CONVERT(${quoted} USING utf8mb4)`, from.length);
  if (to.type === 'boolean') return from.type === 'boolean' ? 'FALSE' : `${quoted} NOT IN (0, 1)`;
  if (from.type === 'timestamp' && to.type === 'date') return `TIME(${quoted}) <> 0`;
  if (isIntegerType(to.type))
    return isIntegerType(from.type)
      ? outsideRange(quoted, to.type)
      : isFloating(from.type)
        ? `${quoted} <> ROUND(${quoted}) OR ${quoted} < ${low(to.type)}e0 OR ${quoted} >= ${high(to.type) + 1n}e0`
        : `${quoted} <> ROUND(${quoted}) OR ${outsideRange(quoted, to.type)}`;
  if (to.type === 'decimal')
    return isFloating(from.type)
      ? `${outsideDecimal(cast(quoted, to), to)} OR ${cast(cast(quoted, to), from)} <> ${quoted}`
      : `${outsideDecimal(quoted, to)} OR ${quoted} <> ROUND(${quoted}, ${to.scale})`;
  if (isFloating(to.type))
    return from.type === to.type || (from.type === 'float' && to.type === 'double')
      ? 'FALSE'
      : isIntegerType(from.type)
        ? `CAST(${cast(quoted, to)} AS SIGNED) <> ${quoted} OR ${cast(quoted, to)} >= ${high('bigint') + 1n}e0`
        : `${cast(cast(quoted, to), from)} <> ${quoted}`;
  return 'FALSE';
}

function fromText(to: Column, quoted: string, length: number | null): string {
  const is = (pattern: string): string => `${quoted} REGEXP '^${pattern}\\\\z'`; // $ would allow a line's end behind it
  const comesBack = (converted: string): string =>
    `CAST(CAST(${converted} AS CHAR) AS BINARY) <> CAST(${quoted} AS BINARY)`;
  switch (to.type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
      return `NOT ${is('(0|-?[1-9][0-9]{0,18})')} OR ${outsideRange(`CAST(${quoted} AS DECIMAL(65,0))`, to.type)}`;
    case 'decimal': {
      // With all the digits of its scale it must have room when it is a text again.
      const long = length === null ? '' : ` OR CHAR_LENGTH(CAST(${cast(quoted, to)} AS CHAR)) > ${length}`;
      const fraction = to.scale === 0 ? '' : `([.][0-9]{1,${to.scale}})?`;
      return (
        `NOT ${is(`-?(0|[1-9][0-9]{0,37})${fraction}`)} OR ${is('-[0.]*')} OR ` +
        `${outsideDecimal(cast(quoted, to), to)}${long}`
      );
    }
    case 'float':
    case 'double':
      return (
        `NOT ${is('-?(0|[1-9][0-9]{0,400})([.][0-9]{1,400})?(e[+-]?[0-9]{1,3})?')} OR ` + comesBack(cast(quoted, to))
      );
    case 'uuid':
      return `NOT ${is('[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')}`;
    case 'json':
      return `NOT JSON_VALID(${quoted})`;
    case 'date':
      return `NOT ${is('[0-9]{4}-[0-9]{2}-[0-9]{2}')} OR ${comesBack(`CAST(${quoted} AS DATE)`)}`;
    case 'time':
      return `NOT ${is(CLOCK)}`;
    case 'timestamp':
      return (
        `NOT ${is(`[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]${CLOCK}`)} OR CAST(CAST(LEFT(${quoted}, 10) AS DATE) AS CHAR) ` +
        `<> LEFT(${quoted}, 10) OR CAST(${quoted} AS DATETIME(6)) IS NULL`
      );
    default:
      return 'FALSE';
  }
}

/** As long is a time when it is a text again, so in a shorter column none could be given back. */
const SPELLED: Partial<Record<ColumnType, number>> = {
  time: '10:20:30.123456'.length,
  timestamp: '2024-01-01 10:20:30.123456'.length,
};

const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?';
const BITS: Record<IntegerType, bigint> = { smallint: 15n, integer: 31n, bigint: 63n };
const low = (type: IntegerType): bigint => -(2n ** BITS[type]);
const high = (type: IntegerType): bigint => 2n ** BITS[type] - 1n;
const isFloating = (type: ColumnType): boolean => type === 'float' || type === 'double';

/** As MODIFY converts. */
function cast(quoted: string, to: Column): string {
  if (isFloating(to.type)) return `CAST(${quoted} AS ${to.type.toUpperCase()})`;
  return `CAST(${quoted} AS DECIMAL(65,${to.scale}))`;
}

function outsideRange(quoted: string, type: IntegerType): string {
  return `${quoted} NOT BETWEEN ${low(type)} AND ${high(type)}`;
}

function outsideDecimal(quoted: string, to: Column): string {
  const size = decimalSizeOf(to);
  const whole = '9'.repeat(size.whole) || '0';
  const most = size.scale === 0 ? whole : `${whole}.${'9'.repeat(size.scale)}`;
  return `${quoted} NOT BETWEEN -${most} AND ${most}`;
}

export function metadataOnly(from: Column, to: Column): boolean {
  return from.type === to.type && from.type === 'string' && lengthOf(to) >= lengthOf(from);
}
