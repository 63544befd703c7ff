import type { Column } from '#byodb';
import { applyOp } from './columns.js';
import type { ColumnOp, Variant } from './event-parts.js';

/** Databases that differ go on differing: what was asked is done to their own columns. */
export function withVariantsFollowing(variants: Record<string, Variant>, ops: ColumnOp[]): Record<string, Variant> {
  return Object.fromEntries(
    Object.entries(variants).map(([id, variant]) => [
      id,
      { ...variant, columns: ops.reduce(applyOp, variant.columns) },
    ]),
  );
}

/** Null: the database is no exception. */
export function variantOf(columns: Column[], there: Column[], beside: string[]): Variant | null {
  const same = columns.length === there.length && columns.every((column, i) => sameColumn(column, there[i]!));
  return beside.length === 0 && same ? null : { columns: there, beside };
}

/** Whatever the order of their fields: one may have been read, the other asked for. */
export function sameColumn(a: Column, b: Column): boolean {
  const told = (column: Column): string => JSON.stringify(Object.entries(column).sort(([x], [y]) => (x < y ? -1 : 1)));
  return told(a) === told(b);
}
