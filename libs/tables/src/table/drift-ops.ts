import { convertible, engineOf, foldName, type Column } from '#byodb';
import { findColumn } from './columns.js';
import type { ColumnOp, DatabaseRef } from './event-parts.js';
import { refuseBuiltElsewhere, Refused, refuseOwnTypes } from './refused.js';
import { sameColumn } from './variants.js';

/** Columns but for those of these names. */
export function withoutNames(columns: Column[], names: string[]): Column[] {
  return columns.filter((column) => !names.some((name) => foldName(name) === foldName(column.name)));
}

/** Operations that make one list of columns the other. */
export function opsLeadingTo(from: Column[], to: Column[]): ColumnOp[] {
  const renamed = renamedIn(from, to);
  const before = from.map((column) => renamed.find((pair) => pair.from === column)?.to ?? column);
  return [
    ...renamed.map((pair): ColumnOp => ({ op: 'rename', name: pair.from.name, to: pair.to.name, set: null })),
    ...before.filter((c) => findColumn(to, c.name) === undefined).map((c): ColumnOp => ({ op: 'drop', name: c.name })),
    ...to
      .filter((c) => {
        const was = findColumn(before, c.name);
        return was !== undefined && !sameColumn(was, c);
      })
      .map((column): ColumnOp => ({ op: 'take', column })),
    ...to.filter((c) => findColumn(before, c.name) === undefined).map((column): ColumnOp => ({ op: 'add', column })),
  ];
}

/**
 * Columns that stand in the same place with another name and nothing else changed: they were renamed. Taken for a
 * column that went and one that came, their values would not follow.
 */
function renamedIn(from: Column[], to: Column[]): { from: Column; to: Column }[] {
  return from.flatMap((column, i) => {
    const now = to[i];
    if (now === undefined || findColumn(to, column.name) !== undefined || findColumn(from, now.name) !== undefined)
      return [];
    return sameColumn({ ...now, name: column.name }, column) ? [{ from: column, to: now }] : [];
  });
}

/** What no DDL through here does to a table with rows. */
export function refuseUnlike(op: ColumnOp, from: Column[], databases: DatabaseRef[]): void {
  const refuse = (name: string, why: string): never => {
    throw new Refused('unsupported_change', `${name} ${why}: adopt or ignore it, or mend it by hand`);
  };
  if (op.op === 'add') {
    refuseBuiltElsewhere(
      [op.column],
      databases.map((d) => engineOf(d.engine)),
    );
    if (op.column.primary_key)
      refuse(op.column.name, 'is part of the primary key, which is not added to a table that is there');
  } else if (op.op === 'take') {
    const was = from.find((c) => foldName(c.name) === foldName(op.column.name))!;
    refuseOwnTypes([op.column]);
    if (
      was.primary_key !== op.column.primary_key ||
      was.key_place !== op.column.key_place ||
      was.generated !== op.column.generated
    )
      refuse(was.name, 'has another place in the primary key, or is numbered in one of the two only');
    if (!convertible(was.type, op.column.type))
      refuse(was.name, `is ${was.native?.type ?? was.type} and cannot become ${op.column.type}`);
  }
}
