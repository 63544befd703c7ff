import { foldName, keyNames, type Column } from '#byodb';
import { applyOp, findColumn } from './columns.js';
import type { ColumnOp } from './event-parts.js';

/** Each column's own mark by its present name; it outlives renames. */
export type Marks = Record<string, string>;

/**
 * A column that `saga_id` dropped: as it was, with the marks of the columns before it, nearest last; those set aside
 * then too, since they keep their place and may be back before it. `key`: the marks of the primary key that it was part
 * of, in the key's order; else empty.
 */
export interface Dropped {
  saga_id: string;
  column: Column;
  before: string[];
  key: string[];
}

/**
 * What became of a table's columns. `dropped`: by mark, the last drop of each column that is still set aside. `order`:
 * the marks of all these columns as they stand in the databases.
 */
export interface Lineage {
  lineage: Marks;
  dropped: Record<string, Dropped>;
  order: string[];
}

/** What the operations of a table's changes come to, one after another. */
export interface Track extends Lineage {
  columns: Column[];
}

/** The lineage of a table that begins with these columns. */
export function lineageOf(columns: Column[], version: number): Lineage {
  const marks = columns.map((c) => [foldName(c.name), markFor(c, version)] as const);
  return { lineage: Object.fromEntries(marks), dropped: {}, order: marks.map(([, mark]) => mark) };
}

function markFor(column: Column, version: number): string {
  return `${version}:${column.name}`;
}

/** After one more operation of a saga. `version`: of the event that tells that it was done. */
export function track(before: Track, op: ColumnOp, sagaId: string, version: number): Track {
  const { columns, lineage, order } = before;
  const after = follow(lineage, op, version);
  return {
    columns: applyOp(columns, op),
    lineage: after,
    dropped: op.op === 'drop' ? withDrop(before, op.name, sagaId) : before.dropped,
    order: op.op === 'add' ? [...order, after[foldName(op.column.name)]!] : order,
  };
}

/** In the order of the drops: the last one comes back first. */
function withDrop({ columns, lineage, dropped, order }: Track, name: string, sagaId: string): Lineage['dropped'] {
  const column = findColumn(columns, name);
  const mark = column === undefined ? undefined : lineage[foldName(column.name)];
  if (column === undefined || mark === undefined) return dropped;
  const { [mark]: _before, ...others } = dropped;
  const one: Dropped = {
    saga_id: sagaId,
    column,
    before: order.slice(0, order.indexOf(mark)),
    key: column.primary_key ? keyNames(columns).map((member) => lineage[foldName(member)]!) : [],
  };
  return { ...others, [mark]: one };
}

/** The marks after one more operation. */
export function follow(marks: Marks, op: ColumnOp, version: number): Marks {
  if (op.op === 'add') return { ...marks, [foldName(op.column.name)]: markFor(op.column, version) };
  if (op.op === 'take') return marks;
  if (op.op === 'bring_back') return { ...marks, [foldName(op.column.name)]: op.mark };
  const { [foldName(op.name)]: mark, ...others } = marks;
  if (op.op === 'drop') return others;
  if (mark === undefined) return marks;
  return op.op === 'rename' ? { ...others, [foldName(op.to)]: mark } : marks;
}
