import { findNamed } from '../../../live.js';
import { decimalSizeOf, lengthOf } from '../../../schema/column-size.js';
import type { Column } from '../../../schema/column.js';
import type { Index } from '../../../schema/table-index.js';

/** https://dev.mysql.com/doc/refman/8.0/en/innodb-limits.html */
const MOST_MEMBERS = 16;
const KEY_BYTES = 3072;
const CHARACTER_BYTES = 4;

export function refusesIndex(columns: Column[], index: Index): string | null {
  const names = index.columns.map(({ name }) => name);
  const members = new Set(names.flatMap((name) => findNamed(columns, name) ?? []));
  if (names.length > MOST_MEMBERS) return `an index has at most ${MOST_MEMBERS} columns`;
  for (const { name, type, length } of members) {
    if (type === 'text' || type === 'json' || type === 'binary')
      return `${name} cannot be in an index: ${type} has no whole index`;
    if (type === 'string' && (length ?? 0) * CHARACTER_BYTES > KEY_BYTES)
      return (
        `${name} cannot be in an index: string has no whole index beyond ` + `${KEY_BYTES / CHARACTER_BYTES} characters`
      );
  }
  const bytes = [...members].reduce((sum, column) => sum + keyBytes(column), 0);
  return bytes > KEY_BYTES
    ? `the values of ${names.join(', ')} would have ${bytes} bytes in an index, of ${KEY_BYTES} (string columns ` +
        `count ${CHARACTER_BYTES} bytes a character)`
    : null;
}

/** What one value takes at most; of a type that is not known nothing, and the server tells. */
function keyBytes(column: Column): number {
  switch (column.type) {
    case 'boolean':
      return 1;
    case 'smallint':
      return 2;
    case 'date':
      return 3;
    case 'integer':
    case 'float':
      return 4;
    case 'time':
      return 6;
    case 'bigint':
    case 'double':
    case 'timestamp':
      return 8;
    case 'uuid':
      return 36;
    case 'string':
      return lengthOf(column) * CHARACTER_BYTES;
    case 'decimal': {
      const { whole, scale } = decimalSizeOf(column);
      return digitBytes(whole) + digitBytes(scale);
    }
    default:
      return 0;
  }
}

/**
 * Nine digits have four bytes (https://dev.mysql.com/doc/refman/8.0/en/precision-math-decimal-characteristics.html).
 */
function digitBytes(digits: number): number {
  return Math.floor(digits / 9) * 4 + Math.ceil((digits % 9) / 2);
}
