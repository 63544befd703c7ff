import { findNamed, foldName, sameIndex, type Column, type Index } from '#byodb';
import { sameColumns } from '../table/columns.js';
import { indexesOf } from '../table/table.js';
import type { Point } from './point.js';

export interface Diff {
  name: { from: string; to: string } | null;
  added: Column[];
  removed: Column[];
  altered: { column: string; from: Column; to: Column }[];
  renamed: { from: string; to: string }[];
  indexes: IndexDiff;
}

/** By name: one with another name is another index. */
export interface IndexDiff {
  added: Index[];
  removed: Index[];
  altered: { from: Index; to: Index }[];
}

/** What became of each column between two moments; one that was renamed is the same column still. */
export function diff(from: Point, to: Point): Diff {
  const markOf = (moment: Point, column: Column): string | undefined => moment.lineage[foldName(column.name)];
  const pairs = to.table.columns.flatMap((column) => {
    const was = from.table.columns.find((c) => markOf(from, c) === markOf(to, column));
    return was === undefined ? [] : [{ was, column }];
  });
  const renamed = pairs
    .filter(({ was, column }) => was.name !== column.name)
    .map(({ was, column }) => ({ from: was.name, to: column.name }));
  return {
    name: from.table.name === to.table.name ? null : { from: from.table.name, to: to.table.name },
    added: to.table.columns.filter((c) => !pairs.some((p) => p.column === c)),
    removed: from.table.columns.filter((c) => !pairs.some((p) => p.was === c)),
    altered: pairs
      .filter(({ was, column }) => !sameColumns([{ ...was, name: '' }], [{ ...column, name: '' }]))
      .map(({ was, column }) => ({ column: column.name, from: was, to: column })),
    renamed,
    indexes: indexDiff(from, to, renamed),
  };
}

function indexDiff(from: Point, to: Point, renamed: Diff['renamed']): IndexDiff {
  // In today's names of their columns; a ring of names is followed as a whole.
  const names = new Map(renamed.map((pair) => [foldName(pair.from), pair.to]));
  const before = indexesOf(from.table).map((index) => ({
    ...index,
    columns: index.columns.map((column) => ({ ...column, name: names.get(foldName(column.name)) ?? column.name })),
  }));
  const after = indexesOf(to.table);
  return {
    added: after.filter((index) => findNamed(before, index.name) === undefined),
    removed: before.filter((index) => findNamed(after, index.name) === undefined),
    altered: after.flatMap((index) => {
      const was = findNamed(before, index.name);
      return was === undefined || sameIndex(was, index) ? [] : [{ from: was, to: index }];
    }),
  };
}
