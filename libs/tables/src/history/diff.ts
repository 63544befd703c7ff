import { foldName, type Column } from '#byodb';
import { sameColumns } from '../table/columns.js';
import type { Point } from './point.js';

export interface Diff {
  name: { from: string; to: string } | null;
  added: Column[];
  removed: Column[];
  altered: { column: string; from: Column; to: Column }[];
  renamed: { from: string; to: string }[];
}

/** What became of each column between two moments; one that was renamed is the same column still. */
export function diff(from: Point, to: Point): Diff {
  const markOf = (moment: Point, column: Column): string | undefined => moment.lineage[foldName(column.name)];
  const pairs = to.table.columns.flatMap((column) => {
    const was = from.table.columns.find((c) => markOf(from, c) === markOf(to, column));
    return was === undefined ? [] : [{ was, column }];
  });
  return {
    name: from.table.name === to.table.name ? null : { from: from.table.name, to: to.table.name },
    added: to.table.columns.filter((c) => !pairs.some((p) => p.column === c)),
    removed: from.table.columns.filter((c) => !pairs.some((p) => p.was === c)),
    altered: pairs
      .filter(({ was, column }) => !sameColumns([{ ...was, name: '' }], [{ ...column, name: '' }]))
      .map(({ was, column }) => ({ column: column.name, from: was, to: column })),
    renamed: pairs
      .filter(({ was, column }) => was.name !== column.name)
      .map(({ was, column }) => ({ from: was.name, to: column.name })),
  };
}
