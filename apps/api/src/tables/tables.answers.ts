import { z } from 'zod';
import { COLUMN_TYPES, ENGINE_NAMES } from '#byodb';
import { KINDS } from '../sagas/kinds.js';
import { SAGA_STATUSES, TABLE_STATUSES, id, at, count, engine, list, SagaError } from '../core/answer-parts.js';

export const Column = z.object({
  name: z.string(),
  type: z
    .enum([...COLUMN_TYPES, 'native'])
    .describe('`native`: an adopted column of a type that only its own engine knows.'),
  length: z.int().optional().describe('Of a `string`.'),
  precision: z.int().optional().describe('Of a `decimal`.'),
  scale: z.int().optional().describe('Of a `decimal`.'),
  nullable: z.boolean(),
  default: z
    .unknown()
    .describe(
      'A literal of the type (bigint and decimal as strings), `{"function": "now"}`, `{"function": ' +
        '"uuid"}`, or null for none.',
    ),
  primary_key: z.boolean(),
  generated: z.boolean(),
  unique: z.boolean(),
  native: z
    .object({ engine, type: z.string().optional(), default: z.string().optional() })
    .optional()
    .describe('What no portable type or default expresses of an adopted column, as its engine prints it.'),
  key_place: z
    .int()
    .min(1)
    .optional()
    .describe('Of an adopted key that names its columns in another order than the table: the place in it.'),
});

export const Index = z.object({
  name: z.string(),
  columns: z.array(z.object({ name: z.string(), order: z.enum(['asc', 'desc']) })),
  unique: z.boolean(),
});

export const PendingChange = z.object({
  saga_id: id,
  kind: z.enum(KINDS),
  status: z.enum(SAGA_STATUSES),
  requested_at: at,
});

export const Table = z.object({
  table_id: id,
  name: z.string(),
  status: z.enum(TABLE_STATUSES),
  synced: z.boolean().describe('False while a change is pending or under way.'),
  exists: z.boolean().describe('Whether it is there in its databases.'),
  version: z.int().min(1).describe('Number of the last event of the table; the `ETag` of a read.'),
  databases: z.array(z.string()),
  origin: z.object({ table_id: id, version: z.int() }).nullable(),
  columns: z
    .record(z.string(), Column)
    .describe('By name, in the order of the table; what the databases hold once no change is under way.'),
  indexes: z.record(z.string(), Index).describe('By name.'),
  pending_changes: z.array(PendingChange),
  last_error: SagaError.nullable().describe('Of the last change that did not complete; null after one that did.'),
  reversible_until: at.optional().describe('Of a dropped table: until when what was set aside is kept.'),
  created_at: at,
  updated_at: at,
});

export const TableAnswer = z.object({ table: Table });
const TimelineEntry = z.object({
  version: z.int().min(1),
  type: z.string(),
  recorded_at: at,
  actor: z.string(),
  table: Table,
});
export const Replayed = z.object({
  timeline: z.array(TimelineEntry),
  table: Table,
  ddl: z.object(Object.fromEntries(ENGINE_NAMES.map((name) => [name, z.array(z.string())]))),
  ddl_missing: z
    .partialRecord(z.enum(ENGINE_NAMES), z.string())
    .describe('Why an engine cannot build the table; its `ddl` is empty then.'),
});
export const TableHistory = list(
  'events',
  z.object({
    version: z.int().min(1),
    type: z.string(),
    recorded_at: at,
    actor: z.string(),
    saga_id: id,
    data: z.record(z.string(), z.unknown()),
    summary: z.string(),
  }),
);
export const TableDiff = z.object({
  name: z.object({ from: z.string(), to: z.string() }).nullable(),
  added: z.array(Column),
  removed: z.array(Column),
  altered: z.array(z.object({ column: z.string(), from: Column, to: Column })),
  renamed: z.array(z.object({ from: z.string(), to: z.string() })),
  indexes: z.object({
    added: z.array(Index),
    removed: z.array(Index),
    altered: z.array(z.object({ index: z.string(), from: Index, to: Index })),
  }),
});
export const TableList = list('tables', Table);
export const AsideList = list(
  'aside',
  z.object({
    database: z.string(),
    table_id: id,
    what: z
      .enum(['table', 'column', 'values'])
      .describe('`values`: what a conversion of the column made something else of.'),
    name: z.string().describe('What its owner called it.'),
    saga_id: id.describe('The change that set it aside.'),
    kept_since: at,
    reversible_until: at,
    rows: count
      .nullable()
      .describe('Counted now; null: more than a million, or the database did not tell in two seconds.'),
  }),
);
