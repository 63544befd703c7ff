import { findColumn, foldName, type LiveTable } from './live.js';
import type { Column } from './schema/column.js';

/** A key that loses a member is a key no more. */
export function withoutColumn(columns: Column[], name: string): Column[] {
  const gone = columns.find((c) => foldName(c.name) === foldName(name));
  return columns.filter((c) => c !== gone).map((c) => (gone?.primary_key === true ? { ...c, primary_key: false } : c));
}

/**
 * Where it stood: a column that is set aside keeps its place. `key`: columns that are the primary key again with it.
 */
export function withColumnBack(columns: Column[], column: Column, after: string | null, key: string[] = []): Column[] {
  const at = after === null ? 0 : columns.findIndex((c) => foldName(c.name) === foldName(after)) + 1;
  const whole = [...columns.slice(0, at), column, ...columns.slice(at)];
  return whole.map((c) =>
    key.some((name) => foldName(name) === foldName(c.name)) ? { ...c, primary_key: true, nullable: false } : c,
  );
}

/** In the order of the live table: not every engine can put a column where it stood. */
export function asTheyStand(columns: Column[], live: LiveTable): Column[] {
  const place = (column: Column): number => live.columns.findIndex((c) => foldName(c.name) === foldName(column.name));
  return columns.every((column) => findColumn(live, column.name) !== undefined)
    ? [...columns].sort((a, b) => place(a) - place(b))
    : columns;
}
