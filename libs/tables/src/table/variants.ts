import { findNamed, type Column, type Index, type Managed } from '#byodb';
import { applyOp } from './columns.js';
import type { ColumnOp, IndexOp, Variant } from './event-parts.js';
import { applyOps, sameIndexes } from './managed-indexes.js';

/** Databases that differ go on differing: what was asked is done to their own columns and indexes. */
export function withVariantsFollowing(
  variants: Record<string, Variant>,
  ops: ColumnOp[],
  indexOps: IndexOp[] = [],
): Record<string, Variant> {
  return Object.fromEntries(
    Object.entries(variants).map(([id, variant]) => [id, { ...variant, ...following(variant, ops, indexOps) }]),
  );
}

/** One that says nothing of indexes has those of the table. */
function following({ columns, indexes }: Variant, ops: ColumnOp[], indexOps: IndexOp[]): Partial<Variant> {
  return indexes === undefined
    ? { columns: ops.reduce(applyOp, columns) }
    : applyOps({ columns, indexes }, ops, indexOps);
}

/** What indexes are called is known to the databases that differ, too. */
export function withNamesOf(variants: Record<string, Variant>, known: Index[]): Record<string, Variant> {
  return Object.fromEntries(
    Object.entries(variants).map(([id, { indexes, ...variant }]) => [
      id,
      indexes === undefined ? variant : { ...variant, indexes: indexes.map((index) => namedAs(index, known)) },
    ]),
  );
}

function namedAs(index: Index, known: Index[]): Index {
  return { ...index, called: findNamed(known, index.name)?.called ?? index.called };
}

/** Null: the database is no exception. */
export function variantOf(table: Managed, there: Managed, beside: string[]): Variant | null {
  const { columns } = table;
  const same =
    columns.length === there.columns.length && columns.every((column, i) => sameColumn(column, there.columns[i]!));
  const sameKeys = sameIndexes(table.indexes, there.indexes);
  if (beside.length === 0 && same && sameKeys) return null;
  return { columns: there.columns, beside, ...(sameKeys ? {} : { indexes: there.indexes }) };
}

/** Whatever the order of their fields: one may have been read, the other asked for. */
export function sameColumn(a: Column, b: Column): boolean {
  const told = (column: Column): string => JSON.stringify(Object.entries(column).sort(([x], [y]) => (x < y ? -1 : 1)));
  return told(a) === told(b);
}
