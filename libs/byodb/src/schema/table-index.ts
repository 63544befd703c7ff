import { createHash } from 'node:crypto';
import { z } from 'zod';
import { foldName } from '../live.js';
import { fitBytes, knownNameSchema, nameSchema } from './names.js';
import type { Column } from './column.js';

/** One column of an index, and the order in which the index has its values. */
export interface IndexColumn {
  name: string;
  order: 'asc' | 'desc';
}

/** An index as every engine knows it: of whole columns, by the engine's usual method. */
export interface Index {
  /** Unique in its table, in any case of letters. */
  name: string;
  columns: IndexColumn[];
  /** Rows with a NULL in one of the columns never collide. */
  unique: boolean;
  /** What it is called in databases: the first of these names that was free when it was made there. */
  called: string[];
  /** It was there when its table was adopted, and nobody asked for it here: it goes and comes with its columns. */
  adopted?: true;
}

/** What the service manages of a table. */
export interface Managed {
  columns: Column[];
  indexes: Index[];
}

/** An index that stands in a database. `valid`: false for what a build left that was broken off. */
export interface LiveIndex {
  name: string;
  columns: IndexColumn[];
  unique: boolean;
  valid: boolean;
  /** The server may have made it for a foreign key, and then gives it another name, or takes it away, with that. */
  servesForeignKey?: true;
}

export const MAX_INDEX_COLUMNS = 16;
export const MAX_INDEXES = 60;

const indexColumn = z.union([
  knownNameSchema,
  z.strictObject({ name: knownNameSchema, order: z.enum(['asc', 'desc']).optional() }),
]);

/** What is asked of one index: with `columns` it is made or replaced, with a name alone dropped. */
export const indexChangeSchema = z
  .strictObject({
    name: knownNameSchema,
    rename_to: nameSchema.optional(),
    columns: z
      .array(indexColumn)
      .min(1, 'must hold at least one column')
      .max(MAX_INDEX_COLUMNS, `must hold at most ${MAX_INDEX_COLUMNS} columns`)
      .optional(),
    unique: z.boolean().optional(),
  })
  .refine(({ columns, unique }) => unique === undefined || columns !== undefined, {
    path: ['unique'],
    message: 'needs columns',
  });
export type IndexChange = z.output<typeof indexChangeSchema>;

/** The columns of an index as they were asked for. */
export function indexColumns(asked: NonNullable<IndexChange['columns']>): IndexColumn[] {
  return asked.map((column) =>
    typeof column === 'string' ? { name: column, order: 'asc' } : { name: column.name, order: column.order ?? 'asc' },
  );
}

/** PostgreSQL cuts longer names without an error: the shortest limit of all engines. */
const SHORTEST_LIMIT_BYTES = 63;
const HASH_DIGITS = 8;

/**
 * What an index is called in databases: after its table, and where somebody has that name, with a hash behind it.
 * `salt`: what no other index has, the id of the saga that makes it.
 */
export function namesInDatabases(table: string, index: string, salt: string): string[] {
  const name = `${table}_${index}`;
  const hash = createHash('sha256').update(`${salt} ${name}`).digest('hex').slice(0, HASH_DIGITS);
  const apart = fitBytes(name, `_${hash}`, SHORTEST_LIMIT_BYTES);
  return Buffer.byteLength(name) > SHORTEST_LIMIT_BYTES ? [apart] : [name, apart];
}

/** Whether two indexes are made of the same columns, in the same order, and are both unique or both not. */
export function sameIndex(a: Pick<Index, 'columns' | 'unique'>, b: Pick<Index, 'columns' | 'unique'>): boolean {
  const told = ({ columns, unique }: Pick<Index, 'columns' | 'unique'>): string =>
    JSON.stringify([unique, columns.map(({ name, order }) => [foldName(name), order])]);
  return told(a) === told(b);
}

/** `unique (a, b desc)`, for who reads it. */
export function tellIndex({ columns, unique }: Pick<Index, 'columns' | 'unique'>): string {
  const members = columns.map(({ name, order }) => (order === 'desc' ? `${name} desc` : name));
  return `${unique ? 'unique ' : ''}(${members.join(', ')})`;
}

export function indexMentions(index: Pick<Index, 'columns'>, column: string): boolean {
  return index.columns.some(({ name }) => foldName(name) === foldName(column));
}

/** The indexes that a table of these columns can have: one goes when a column of it is gone. */
export function withoutGoneColumns(indexes: Index[], columns: readonly Pick<Column, 'name'>[]): Index[] {
  const there = new Set(columns.map(({ name }) => foldName(name)));
  return indexes.filter((index) => index.columns.every(({ name }) => there.has(foldName(name))));
}

/** The indexes after a column got another name. */
export function withIndexColumnRenamed(indexes: Index[], from: string, to: string): Index[] {
  const renamed = (name: string): string => (foldName(name) === foldName(from) ? to : name);
  return indexes.map((index) => ({
    ...index,
    columns: index.columns.map((column) => ({ ...column, name: renamed(column.name) })),
  }));
}
