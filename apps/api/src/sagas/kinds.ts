import type { Change } from '#tables';

/** Every value of a type, once each: a value that is added there and forgotten here does not compile, and is named. */
export const every =
  <T extends string>() =>
  <const V extends readonly T[]>(
    values: V & ([T] extends [V[number]] ? unknown : { missing: Exclude<T, V[number]> }),
  ): V =>
    values;

export const KINDS = every<Change['kind']>()([
  'table.create',
  'table.replay',
  'table.rename',
  'table.drop',
  'table.databases',
  'table.restore',
  'table.revert',
  'table.purge',
  'database.adopt',
  'database.catch_up',
  'drift.resolve',
  'column.add',
  'column.drop',
  'column.alter',
  'column.rename',
  'columns.change',
  'index.create',
  'index.drop',
  'index.rename',
  'indexes.change',
]);
