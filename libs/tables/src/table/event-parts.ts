import { z } from 'zod';
import type { EventSchema } from '#event-store';
import { COLUMN_TYPES, ENGINE_NAMES, type Column as StoredColumn, type Index as StoredIndex, type Json } from '#byodb';

/**
 * What the events of tables are made of. The types follow from the schemas, so that neither can say what the other does
 * not. An append is checked by the compiler; at runtime the schemas serve the documents and the tests.
 */

/** One event: its type, and the schema of its data. */
export interface EventDefinition extends EventSchema {
  type: string;
}

export function defineEvent<const T extends string, D extends z.ZodType>(
  type: T,
  schema: { version: number; tells: string; data: D; before?: Record<number, z.ZodType> },
): { type: T; version: number; tells: string; data: D; before?: Record<number, z.ZodType> } {
  return { type, ...schema };
}

/** The event that a definition defines: its type beside its data. */
export type EventOfDefinition<D extends { type: string; data: z.ZodType }> = Flat<
  { type: D['type'] } & z.output<D['data']>
>;

/** The change that an event asks for: what it says beside its type and its saga. */
export type AskedBy<E, Kind extends string> = Flat<{ kind: Kind } & Omit<E, 'type' | 'saga_id'>>;

type Flat<T> = { [K in keyof T]: T[K] };

export function askedBy<E extends { type: string; saga_id: string }>(event: E): Omit<E, 'type' | 'saga_id'> {
  const { type: _type, saga_id: _saga, ...asked } = event;
  return asked;
}

export const id = z.uuid();
export const at = z.iso.datetime({ precision: 3 });
export const name = z.string().min(1);
export const json = z.json() as unknown as z.ZodType<Json>;

const engineOwn = z.strictObject({
  engine: z.enum(ENGINE_NAMES),
  type: z.string().optional(),
  default: z.string().optional(),
});

const typeAndSize = {
  type: z.enum([...COLUMN_TYPES, 'native']),
  length: z.int().nullable(),
  precision: z.int().nullable(),
  scale: z.int().nullable(),
};

const columnFields = {
  name,
  ...typeAndSize,
  nullable: z.boolean(),
  default: json,
  primary_key: z.boolean(),
  generated: z.boolean(),
  unique: z.boolean(),
  native: engineOwn.optional(),
  key_place: z.int().min(1).optional(),
} satisfies { [F in keyof Required<StoredColumn>]: z.ZodType<StoredColumn[F]> };

export const Column: z.ZodType<StoredColumn> = z.strictObject(columnFields);

/** What an alter names; what is not named stays. */
export const ColumnSet = z.strictObject({
  type: typeAndSize.type.optional(),
  length: typeAndSize.length.optional(),
  precision: typeAndSize.precision.optional(),
  scale: typeAndSize.scale.optional(),
  nullable: z.boolean().optional(),
  default: json.optional(),
  unique: z.boolean().optional(),
});
export type ColumnSet = z.output<typeof ColumnSet>;

/** A saga that gave a column another type, and what the column was called then. */
const Retype = z.strictObject({ saga_id: id, name });
export type Retype = z.output<typeof Retype>;

/** What was asked of one column, resolved against what the table will be when its turn comes. */
export const ColumnOp = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), column: Column }),
  z.strictObject({ op: z.literal('drop'), name }),
  // `undoes`: the changes of its type that a revert undoes.
  z.strictObject({ op: z.literal('alter'), name, set: ColumnSet, undoes: z.array(Retype).optional() }),
  z.strictObject({ op: z.literal('rename'), name, to: name, set: ColumnSet.nullable() }),
  // A column that `saga_id` dropped under this very name and that is still set aside, with its values. `after`: the
  // column that it follows. `mark`: see history/lineage.ts. `key`: with it these columns are the primary key again.
  z.strictObject({
    op: z.literal('bring_back'),
    column: Column,
    saga_id: id,
    after: name.nullable(),
    mark: z.string(),
    key: z.array(name).optional(),
  }),
  // The column of this name becomes this one, whatever it was: what drift/resolve asks for.
  z.strictObject({ op: z.literal('take'), column: Column }),
]);
export type ColumnOp = z.output<typeof ColumnOp>;

const indexFields = {
  name,
  columns: z.array(z.strictObject({ name, order: z.enum(['asc', 'desc']) })).min(1),
  unique: z.boolean(),
  called: z.array(name).min(1),
  adopted: z.literal(true).optional(),
} satisfies { [F in keyof Required<StoredIndex>]: z.ZodType<StoredIndex[F]> };

export const Index: z.ZodType<StoredIndex> = z.strictObject(indexFields);

/** What was asked of one index. `replace`: the index of this name becomes this one. `called`: see Index. */
export const IndexOp = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('create'), index: Index }),
  z.strictObject({ op: z.literal('replace'), index: Index }),
  z.strictObject({ op: z.literal('drop'), name }),
  z.strictObject({ op: z.literal('rename'), name, to: name, called: indexFields.called }),
]);
export type IndexOp = z.output<typeof IndexOp>;

export const DatabaseRef = z.strictObject({ id, name, engine: name });
export type DatabaseRef = z.output<typeof DatabaseRef>;

export const ChangeError = z.strictObject({
  code: name,
  message: z.string(),
  database: name.nullable(),
  step_id: id.nullable(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type ChangeError = z.output<typeof ChangeError>;

/**
 * How one database differs from the others by somebody's word (drift/resolve): its own managed columns in its own
 * order, and those that others added. `indexes`: its own managed indexes, where they differ.
 */
export const Variant = z.strictObject({
  columns: z.array(Column),
  beside: z.array(name),
  indexes: z.array(Index).optional(),
});
export type Variant = z.output<typeof Variant>;

/** The table and version that a replay built a table from. */
export const Origin = z.strictObject({ table_id: id, version: z.int().min(1) });
export type Origin = z.output<typeof Origin>;

export const Drift = z.strictObject({
  kind: z.enum(['missing', 'added', 'changed']),
  table: name,
  table_id: id.nullable(),
  differences: z.array(z.strictObject({ column: name.nullable(), expected: z.string(), found: z.string() })),
});

/** What stands under a name of its own in documents. */
export const tableEventParts = {
  StoredColumn: Column,
  ColumnSet,
  ColumnOp,
  Index,
  IndexOp,
  DatabaseRef,
  ChangeError,
  Variant,
  Drift,
  AnyJson: json,
};

export const columns = z.array(Column);
export const columnOps = z.array(ColumnOp);
export const indexes = z.array(Index);
export const indexOps = z.array(IndexOp);
export const databases = z.array(DatabaseRef);
/** When something is no longer kept; null: nothing is. */
export const until = at.nullable();
export const lost = z.literal(true);
