import { decimalSizeOf, lengthOf } from '../../schema/column-size.js';
import { isIntegerType, type IntegerType } from '../../schema/column-types.js';
import { sameType, type Column } from '../../schema/column.js';
import { literal, quote } from './sql.js';
import type { Shape } from './types.js';

/** `integer`, `string(50)`, `decimal(10,2)`: how conversions are told to the worker (convert.js). */
export function spell(shape: Shape): string {
  if (shape.type === 'string') return `string(${shape.length})`;
  return shape.type === 'decimal' ? `decimal(${shape.precision},${shape.scale})` : shape.type;
}

const WIDTH: Record<IntegerType, number> = { smallint: 1, integer: 2, bigint: 3 };

/** Same affinity and every valid value stays valid as it is. */
export function metadataOnly(from: Shape, to: Shape): boolean {
  if (sameType(from, to)) return true;
  if (isIntegerType(from.type) && isIntegerType(to.type)) return WIDTH[from.type] <= WIDTH[to.type];
  if (from.type === 'decimal' && to.type === 'decimal') {
    const [before, after] = [decimalSizeOf(from), decimalSizeOf(to)];
    return after.scale >= before.scale && after.whole >= before.whole;
  }
  if ((from.type === 'float' || from.type === 'double') && (to.type === 'float' || to.type === 'double')) return true;
  if (from.type === 'string') return to.type === 'text' || (to.type === 'string' && lengthOf(to) >= lengthOf(from));
  return false;
}

/**
 * Types between which a value is never changed, only perhaps too long or too large for what is declared, which SQLite
 * does not enforce.
 */
export function sameFamily(from: Shape, to: Shape): boolean {
  const family = ({ type }: Shape): string =>
    isIntegerType(type) ? 'integer' : type === 'string' ? 'text' : type === 'float' ? 'double' : type;
  return family(from) === family(to);
}

export function convert(name: string, from: Shape, to: Shape): string {
  return `_saga_convert(${quote(name)}, ${literal(spell(from))}, ${literal(spell(to))})`;
}

export function lost(from: Column, to: Column, quoted: string): string {
  return metadataOnly(from, to) ? '0' : `_saga_lost(${quoted}, ${literal(spell(from))}, ${literal(spell(to))})`;
}
