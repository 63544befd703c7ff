import type { Column } from './column.js';

/** Of a `decimal`; `whole`: how many digits stand before the point. Errors: TypeError. */
export function decimalSizeOf(column: Pick<Column, 'type' | 'precision' | 'scale'>): {
  precision: number;
  scale: number;
  whole: number;
} {
  const { type, precision, scale } = column;
  if (precision === null || scale === null) throw new TypeError(`a ${type} has no precision and scale`);
  return { precision, scale, whole: precision - scale };
}

/** Of a `string`, in characters. Errors: TypeError. */
export function lengthOf({ type, length }: Pick<Column, 'type' | 'length'>): number {
  if (length === null) throw new TypeError(`a ${type} has no length`);
  return length;
}
