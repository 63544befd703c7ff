import { z } from 'zod';
import { COLUMN_TYPES, ENGINE_NAMES, type ErrorCode } from '#byodb';
import type { SagaStatus, StepStatus } from '#sagas';
import type { statusOf } from '#tables';
import { STATUS, type ApiCode } from '../http/api-error.js';
import { every, KINDS } from '../sagas/kinds.js';

export { KINDS };

export const SAGA_STATUSES = every<SagaStatus>()([
  'pending',
  'running',
  'compensating',
  'completed',
  'compensated',
  'rejected',
  'stuck',
]);
export const STEP_STATUSES = every<StepStatus>()([
  'pending',
  'running',
  'succeeded',
  'failed',
  'compensating',
  'compensated',
  'skipped',
]);
export const TABLE_STATUSES = every<ReturnType<typeof statusOf>>()([
  'creating',
  'active',
  'changing',
  'dropping',
  'dropped',
  'failed',
]);
export const ERROR_CODES = every<ErrorCode | 'deadline_exceeded' | 'invalid_in_turn' | 'aborted'>()([
  'table_name_taken',
  'permission_denied',
  'dependents_exist',
  'rows_conflict',
  'lossy_conversion',
  'not_null_without_default',
  'drift_detected',
  'table_too_large',
  'lock_timeout',
  'database_unreachable',
  'deadline_exceeded',
  'invalid_in_turn',
  'aborted',
  'unsupported_change',
  'database_mismatch',
  'core_database',
  'managed_elsewhere',
  'stale_token',
  'database_error',
]);

const id = z.string().meta({ format: 'uuid' });
const at = z.string().meta({ format: 'date-time' });
const count = z.int().min(0);
const cursor = z.string().nullable().describe('Give it as `cursor` to get the next page; null: this is the last one.');
const engine = z.enum(ENGINE_NAMES);
const list = (name: string, item: z.ZodType, next: z.ZodType = cursor): z.ZodType =>
  z.object({ [name]: z.array(item), next_cursor: next });

export const SagaError = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  database: z.string().nullable().describe('The database that failed; null: the change as a whole.'),
  step_id: id.nullable(),
  details: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the code calls for: dependents, a count and an example key, a difference.'),
});

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

const PendingChange = z.object({ saga_id: id, kind: z.enum(KINDS), status: z.enum(SAGA_STATUSES), requested_at: at });

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
  pending_changes: z.array(PendingChange),
  last_error: SagaError.nullable().describe('Of the last change that did not complete; null after one that did.'),
  reversible_until: at.optional().describe('Of a dropped table: until when what was set aside is kept.'),
  created_at: at,
  updated_at: at,
});

export const Step = z.object({
  step_id: id,
  database: z.string(),
  engine,
  operation: z.string().describe('`prepare`, or a kind of schema change.'),
  phase: z.enum(['prepare', 'apply', 'finalize']).describe('Look and promise; do what can be undone; destroy.'),
  status: z.enum(STEP_STATUSES),
  attempts: count,
  started_at: at.nullable(),
  finished_at: at.nullable(),
  duration_ms: z.number().min(0).nullable(),
  reason: z.string(),
  statements: z.array(z.string()),
  compensation: z.array(z.string()).describe('The statements that undo it.'),
  fingerprint_before: z.string().nullable().describe('Hash of the normalised live schema of the table.'),
  fingerprint_after: z.string().nullable(),
  next_attempt_at: at.nullable(),
  error: SagaError.nullable(),
});

export const Saga = z.object({
  saga_id: id,
  kind: z.enum(KINDS),
  table_id: id.nullable().describe('Null: it concerns a database and several tables, which stand in `change`.'),
  table_name: z.string().nullable(),
  status: z.enum(SAGA_STATUSES),
  requested_by: z.string(),
  correlation_id: id,
  requested_at: at,
  started_at: at.nullable(),
  finished_at: at.nullable(),
  change: z.record(z.string(), z.unknown()).describe('What was asked.'),
  error: SagaError.nullable(),
  steps: z
    .array(Step)
    .describe('At first one `prepare` step per database; once prepared every step with its statements.'),
  reversible_until: at.nullable().describe('Until when what it did can be undone without loss; null: for ever.'),
});

export const Event = z.object({
  event_id: id,
  position: z.int().min(1),
  stream: z.string(),
  version: z.int().min(1),
  type: z.string(),
  schema_version: z.int().min(1),
  data: z.record(z.string(), z.unknown()),
  metadata: z.object({ correlation_id: id, causation_id: id.nullable(), actor: z.string() }),
  recorded_at: at,
  hash: z.string(),
});

export const Accepted = z.object({
  status: z.literal('ok'),
  table: z.object({ table_id: id, name: z.string(), version: z.int().min(1) }),
  saga: z.object({ saga_id: id, status: z.enum(SAGA_STATUSES), href: z.string() }),
});
export const Completed = z.object({ status: z.literal('ok'), table: Table, saga: Saga });
const skipped = z
  .array(z.object({ name: z.string(), kind: z.string(), reason: z.string() }))
  .optional()
  .describe('Of an adoption of `all`: what was left out, and why.');
/** Of a command about a database: `table` stands there as well when it is one. */
const one = z.object({ table_id: id, name: z.string(), version: z.int().min(1) });
export const AcceptedTables = z.object({
  status: z.literal('ok'),
  table: one.optional(),
  tables: z.array(one),
  skipped,
  saga: z.object({ saga_id: id, status: z.enum(SAGA_STATUSES), href: z.string() }),
});
export const CompletedTables = z.object({
  status: z.literal('ok'),
  table: Table.optional(),
  tables: z.array(Table),
  skipped,
  saga: Saga,
});

const PlannedStep = z.object({
  database: z.string(),
  engine,
  operation: z.string(),
  reason: z.string(),
  statements: z.array(z.string()),
  compensation: z.array(z.string()),
  notes: z
    .array(z.object({ column: z.string().nullable(), note: z.string() }))
    .describe('What to know: where the engine keeps a type as something else, what stays in its place.'),
});
export const Plan = z.object({
  plan: z.object({
    based_on: z.object({ version: count.nullable().describe('Null: of several tables.'), pending: count }),
    steps: z.array(PlannedStep),
    reversible: z.boolean().nullable().describe('Whether it can be undone without loss; null: it would not be done.'),
    reversible_until: at.nullable().describe('Until when, as things are now; null: for ever, or not at all.'),
    blocked_by: z
      .object({ code: z.enum(ERROR_CODES), message: z.string(), database: z.string() })
      .nullable()
      .describe('What prepare would refuse; null: nothing.'),
  }),
  skipped,
});

export const Database = z.object({
  database_id: id,
  name: z.string(),
  engine,
  server_version: z.string().nullable(),
  reachable: z.boolean(),
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
  tables: z.array(z.string()).describe('Names of the tables that are there now, whoever made them.'),
  checked_at: at
    .nullable()
    .describe('When it was asked for this; longer ago where it does not answer. Null: it has not answered yet.'),
  let_go: z
    .array(z.object({ table_id: id, name: z.string() }))
    .optional()
    .describe('Tables that were given up here while the database was lost: what stands there is theirs no more.'),
  drift_detected_at: at.nullable().describe('When the last check found that it is not what history says; null: it is.'),
  created_at: at,
  updated_at: at,
});

/** Open: a code may come with members of its own. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(STATUS) as [ApiCode, ...ApiCode[]]),
  request_id: id,
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe('Every problem of the input.'),
  saga: Saga.optional().describe('With `saga_compensated` and `saga_rejected`.'),
});

export const Forgotten = z.object({
  status: z.literal('ok'),
  database: z.object({ database_id: id, name: z.string(), engine }),
  sagas: z.array(
    z.object({
      saga_id: id,
      status: z.string(),
      href: z.string(),
      table: z.object({ table_id: id, name: z.string(), version: z.int() }),
    }),
  ),
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
  ddl: z.object({ postgres: z.array(z.string()), mysql: z.array(z.string()), sqlite: z.array(z.string()) }),
  ddl_missing: z
    .partialRecord(z.enum(['postgres', 'mysql', 'sqlite']), z.string())
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
export const SagaAnswer = z.object({ saga: Saga });
export const SagaList = list('sagas', Saga);
export const SagaEvents = list('events', Event, z.null());
export const DatabaseAnswer = z.object({ database: Database });
export const DatabaseHistory = list(
  'events',
  z.object({
    table_id: id,
    table_name: z.string(),
    saga_id: id,
    kind: z.enum(KINDS),
    step_id: id,
    operation: z.string(),
    direction: z.enum(['apply', 'compensate']),
    applied_at: at,
    duration_ms: z.number().min(0),
    statements: z.array(z.string()),
    fingerprint_before: z.string().nullable(),
    fingerprint_after: z
      .string()
      .nullable()
      .describe('Null: an operator resolved the step while the database could not be looked at.'),
  }),
);
export const DatabaseDrift = z.object({
  database: z.string(),
  in_sync: z.boolean(),
  drift: z.array(
    z.object({
      kind: z.enum(['missing', 'added', 'changed']),
      table: z.string(),
      table_id: id.nullable(),
      differences: z.array(z.object({ column: z.string().nullable(), expected: z.string(), found: z.string() })),
    }),
  ),
});
export const DatabaseList = list('databases', Database);
const head = z.object({ position: z.int().min(0), hash: z.string() });
export const EventList = list('events', Event);
export const Verdict = z.object({
  valid: z.boolean(),
  events: count,
  head: head.nullable(),
  problems: z
    .array(z.looseObject({ what: z.string() }))
    .optional()
    .describe('What was changed where; with `valid: false`.'),
  more: z.boolean().optional().describe('There are more problems than are listed.'),
});
const Caused: z.ZodType = Event.extend({
  get caused() {
    return z.array(Caused);
  },
});
export const Correlation = z.object({ correlation_id: z.string(), events: z.array(Caused) });
export const CommandList = list(
  'commands',
  z.object({
    request_id: id,
    received_at: at,
    actor: z.string(),
    method: z.string(),
    path: z.string(),
    body: z.unknown(),
    outcome: z.enum(['accepted', 'refused', 'failed']),
    status: z.int(),
    code: z.string().nullable(),
    saga_id: id.nullable(),
    duration_ms: count,
  }),
);
const Projection = z.object({
  name: z.string(),
  kept: z.enum(['inline', 'behind']),
  position: count,
  head: count,
  lag: count,
  processed: count,
  status: z.enum(['live', 'rebuilding', 'parked']),
  error: z.string().nullable(),
  rebuild: z.record(z.string(), z.unknown()).nullable(),
});
export const ProjectionList = list('projections', Projection, z.null());
export const ProjectionAnswer = z.object({ projection: Projection });
export const Live = z.object({ status: z.literal('ok') });
export const Ready = z.object({
  status: z.literal('ok'),
  core_database: z.literal('ok'),
  clock: z.literal('ok'),
  queue: z.literal('ok'),
});
/** Open: what stands in it is AsyncAPI's. */
export const AsyncApiDocument = z.looseObject({
  asyncapi: z.literal('3.0.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  channels: z.record(z.string(), z.unknown()),
  operations: z.record(z.string(), z.unknown()),
  components: z.record(z.string(), z.unknown()),
});

export const named = {
  Table,
  Column,
  PendingChange,
  Saga,
  Step,
  SagaError,
  Event,
  Database,
  Accepted,
  AcceptedTables,
  Completed,
  CompletedTables,
  Plan,
  PlannedStep,
  Problem,
  Caused,
  EventList,
  Verdict,
  Correlation,
  CommandList,
  ProjectionList,
  ProjectionAnswer,
  AsideList,
  TableAnswer,
  TableList,
  TableHistory,
  TableDiff,
  Replayed,
  SagaAnswer,
  SagaList,
  SagaEvents,
  DatabaseAnswer,
  DatabaseList,
  DatabaseHistory,
  DatabaseDrift,
  Live,
  Ready,
};
