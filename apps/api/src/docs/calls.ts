import { z } from 'zod';
import { databaseName, bodies } from '../tables/tables.js';
import { adoption, loss, resolution as driftResolution } from '../databases/changes.js';
import { registration, relocation } from '../databases/address-rules.js';
import type { ApiCode } from '../http/api-error.js';
import { resolution } from '../sagas/sagas.js';
import {
  AsideList,
  AsyncApiDocument,
  CommandList,
  Correlation,
  DatabaseAnswer,
  DatabaseDrift,
  DatabaseHistory,
  DatabaseList,
  EventList,
  Forgotten,
  KINDS,
  Live,
  ProjectionAnswer,
  ProjectionList,
  Ready,
  Replayed,
  SAGA_STATUSES,
  SagaAnswer,
  SagaEvents,
  SagaList,
  TABLE_STATUSES,
  TableAnswer,
  TableDiff,
  TableHistory,
  TableList,
  Verdict,
} from './answers.js';

export type Tag = 'tables' | 'sagas' | 'databases' | 'log' | 'operating';

/** One call of the API as the document and the page at /docs tell it. */
export interface Call {
  id: string;
  tag: Tag;
  method: 'get' | 'post' | 'put' | 'delete';
  path: string;
  summary: string;
  body?: z.ZodType;
  /** A body that is accepted as it stands, but for the ids. */
  example?: object;
  query?: Record<string, z.ZodType>;
  /** Answered 202 (and by `Prefer: wait`, by a dry run, by a repeated key); what it answers follows from that. */
  command?: true | 'of_database';
  answer?: { status: 200 | 201 | 202 | 204; description: string; schema?: z.ZodType; type?: string; etag?: true };
  problems: ApiCode[];
}

const id = '01a6c1d2-5f1e-7b7c-9d53-0c2f6f0a7b11';
const reason = z.strictObject({ reason: z.string().min(1).max(1000) });
const page = {
  limit: z.int().min(1).max(500).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .describe('`next_cursor` of the page before.'),
};
const input: ApiCode[] = ['invalid_json', 'validation_failed', 'payload_too_large', 'unsupported_media_type'];
const position = z.int().min(0);
const eventFilters = { stream: z.string(), type: z.string(), correlation_id: z.string() };
const core: ApiCode[] = ['core_database_unavailable'];
const command: ApiCode[] = [
  ...input,
  'rate_limited',
  'version_conflict',
  'saga_compensated',
  'saga_rejected',
  'idempotency_key_reused',
  'unsupported_change',
  ...core,
];
const ofDatabase: ApiCode[] = [
  ...input,
  'rate_limited',
  'saga_compensated',
  'saga_rejected',
  'idempotency_key_reused',
  'unsupported_change',
  ...core,
];
const alive: ApiCode[] = ['table_not_found', 'table_dropped', 'table_failed'];
const reachable: ApiCode[] = ['database_unreachable', 'database_mismatch', 'core_database', 'managed_elsewhere'];

export const calls: Call[] = [
  {
    id: 'createTable',
    tag: 'tables',
    method: 'post',
    path: '/table/create',
    command: true,
    body: bodies.create,
    problems: [...command, 'database_not_found', 'table_name_taken'],
    summary:
      'Create a table on every database named (default: the database `default`). Without columns it gets ' +
      'id, name, created_at and updated_at.',
    example: {
      name: 'customers',
      databases: ['default'],
      columns: [
        { name: 'id', type: 'integer', primary_key: true, generated: true },
        { name: 'email', type: 'string', length: 200, unique: true },
      ],
    },
  },
  {
    id: 'changeColumns',
    tag: 'tables',
    method: 'post',
    path: '/table/column',
    command: true,
    body: bodies.column,
    problems: [...command, ...alive, 'column_not_found'],
    summary:
      'Add, alter, rename or drop columns. Only a name: drop. With rename_to: rename. An unknown name with ' +
      'a type: add. A known name with anything else: alter. Several are one change.',
    example: {
      table_id: id,
      columns: [
        { name: 'phone', type: 'string', length: 40 },
        { name: 'email', nullable: false },
      ],
    },
  },
  {
    id: 'renameTable',
    tag: 'tables',
    method: 'post',
    path: '/table/rename',
    command: true,
    body: bodies.rename,
    problems: [...command, ...alive, 'table_name_taken'],
    summary: 'Rename a table everywhere.',
    example: { table_id: id, name: 'clients' },
  },
  {
    id: 'deleteTable',
    tag: 'tables',
    method: 'post',
    path: '/table/delete',
    command: true,
    body: bodies.table,
    problems: [...command, ...alive],
    summary: 'Drop a table everywhere. It is set aside for the retention time; its name is free at once.',
    example: { table_id: id },
  },
  {
    id: 'restoreTable',
    tag: 'tables',
    method: 'post',
    path: '/table/restore',
    command: true,
    body: bodies.restore,
    problems: [...command, 'table_not_found', 'table_failed', 'retention_expired', 'table_name_taken'],
    summary:
      'Undo a drop inside the retention time: rows, indexes, keys and triggers come back, under the former ' +
      'name or under `as`.',
    example: { table_id: id, as: 'customers_again' },
  },
  {
    id: 'moveTable',
    tag: 'tables',
    method: 'post',
    path: '/table/databases',
    command: true,
    body: bodies.databases,
    problems: [...command, ...alive, 'database_not_found', 'table_name_taken'],
    summary:
      'Change where a table lives: `add` builds it there (schema, no rows), or brings back, with its rows, ' +
      'what `remove` set aside there and is still kept; `remove` sets it aside there for the retention ' +
      'time. With `lost` and a reason: what is removed is gone for good, nothing is sent there, changes ' +
      'that wait for it end aborted, and nothing of it is kept.',
    example: { table_id: id, add: ['crm'], remove: ['default'] },
  },
  {
    id: 'purgeTable',
    tag: 'tables',
    method: 'post',
    path: '/table/purge',
    command: true,
    body: bodies.purge,
    problems: [...command, 'table_not_found', 'retention_expired'],
    summary:
      'Destroy for good, before its time, what is kept aside of a table: all of it, or what one saga set ' +
      'aside. Refused while a restore or a revert is on its way, and where nothing is kept.',
    example: { table_id: id, reason: 'asked for by the data protection officer' },
  },
  {
    id: 'revertTable',
    tag: 'tables',
    method: 'post',
    path: '/table/revert',
    command: true,
    body: bodies.revert,
    problems: [...command, ...alive, 'version_not_found', 'retention_expired', 'table_name_taken'],
    summary:
      'Bring name and columns back to what they were at a version, on every database; dropped columns come ' +
      'back with their data. Refused with every conflict where it cannot be without loss.',
    example: { table_id: id, version: 2 },
  },
  {
    id: 'replayTable',
    tag: 'tables',
    method: 'post',
    path: '/table/replay',
    command: true,
    body: bodies.replay,
    problems: [...command, 'table_not_found', 'version_not_found', 'database_not_found', 'table_name_taken'],
    summary:
      'Without a database: the history played forward, and the DDL that builds the table on each engine; ' +
      'nothing is sent anywhere. With one: a saga that builds it there as a new table, schema only.',
    example: { table_id: id, version: 2 },
    answer: { status: 200, description: 'The history played forward', schema: Replayed },
  },
  {
    id: 'showTable',
    tag: 'tables',
    method: 'post',
    path: '/table/show',
    body: bodies.show,
    problems: [...input, 'table_not_found', 'version_not_found', 'database_not_found', ...core],
    summary:
      'The table as it is, or as it was after a version or at a time; with a database, what had been ' +
      'applied there by then.',
    example: { table_id: id, version: 2 },
    answer: { status: 200, description: 'The table', schema: TableAnswer, etag: true },
  },
  {
    id: 'listTables',
    tag: 'tables',
    method: 'get',
    path: '/tables',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'List tables, newest first. Without a status, dropped and failed ones are left out.',
    query: { ...page, status: z.enum(TABLE_STATUSES), database: databaseName, name: z.string() },
    answer: { status: 200, description: 'A page of tables', schema: TableList },
  },
  {
    id: 'getTableHistory',
    tag: 'tables',
    method: 'get',
    path: '/tables/{id}/history',
    problems: ['table_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'What happened to the table, oldest first, with one plain sentence each.',
    answer: { status: 200, description: 'A page of its events', schema: TableHistory },
  },
  {
    id: 'diffTable',
    tag: 'tables',
    method: 'get',
    path: '/tables/{id}/diff',
    problems: ['table_not_found', 'version_not_found', 'validation_failed', ...core],
    query: { from: z.int().min(1).default(1), to: z.int().min(1) },
    summary:
      'What differs between two versions (default: from the first to the last). A renamed column is the same column.',
    answer: { status: 200, description: 'The difference', schema: TableDiff },
  },
  {
    id: 'getTableAside',
    tag: 'tables',
    method: 'get',
    path: '/tables/{id}/aside',
    problems: ['table_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'What is kept of the table after drops and conversions, and until when; the latest first.',
    answer: { status: 200, description: 'A page of what is kept', schema: AsideList },
  },
  {
    id: 'getTable',
    tag: 'tables',
    method: 'get',
    path: '/tables/{id}',
    problems: ['table_not_found', 'version_not_found', 'database_not_found', 'validation_failed', ...core],
    query: { version: z.int().min(0), at: z.iso.datetime({ offset: true }), database: databaseName },
    summary:
      'The table as it is, or as it was after a version or at a time; with a database, what had been ' +
      'applied there by then.',
    answer: { status: 200, description: 'The table', schema: TableAnswer, etag: true },
  },

  {
    id: 'listSagas',
    tag: 'sagas',
    method: 'get',
    path: '/sagas',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'List sagas, newest first.',
    query: {
      ...page,
      status: z.enum(SAGA_STATUSES),
      table_id: z.string(),
      database: databaseName,
      kind: z.enum(KINDS),
    },
    answer: { status: 200, description: 'A page of sagas', schema: SagaList },
  },
  {
    id: 'getSaga',
    tag: 'sagas',
    method: 'get',
    path: '/sagas/{id}',
    problems: ['validation_failed', 'saga_not_found', ...core],
    summary: 'One saga with its steps.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'getSagaEvents',
    tag: 'sagas',
    method: 'get',
    path: '/sagas/{id}/events',
    problems: ['saga_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'The events of one saga, oldest first. With `Accept: text/event-stream`: live, until it ends.',
    answer: { status: 200, description: 'A page of its events', schema: SagaEvents },
  },
  {
    id: 'retrySaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/retry',
    body: reason,
    example: { reason: 'the duplicates are gone' },
    problems: [...input, 'saga_not_found', 'saga_not_retryable', ...core],
    summary: 'Let a stuck saga go on from where it is.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'abortSaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/abort',
    body: reason,
    example: { reason: 'asked for by mistake' },
    problems: [...input, 'saga_not_found', 'saga_past_pivot', ...core],
    summary: 'Stop a saga. It ends rejected when nothing was touched yet; else what it did is undone.',
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },
  {
    id: 'resolveSaga',
    tag: 'sagas',
    method: 'post',
    path: '/sagas/{id}/resolve',
    body: resolution,
    problems: [...input, 'saga_not_found', 'not_found', 'saga_not_retryable', 'saga_past_pivot', ...core],
    summary:
      'Settle a step that cannot go on by itself. What is claimed is checked against its database where it can be.',
    example: { step_id: id, as: 'restored', reason: 'put back by hand' },
    answer: { status: 200, description: 'The saga', schema: SagaAnswer },
  },

  {
    id: 'registerDatabase',
    tag: 'databases',
    method: 'post',
    path: '/databases',
    body: registration,
    problems: [...input, 'database_exists', ...reachable, ...core],
    summary:
      'Register a database, by url or by engine and connection, after a real connection test. One that ' +
      "another service manages is refused with whose it is; with `take_over` it is this one's from then on.",
    example: { name: 'crm', url: 'postgres://user:password@db.example.org:5432/crm' },
    answer: { status: 201, description: 'Registered', schema: DatabaseAnswer },
  },
  {
    id: 'listDatabases',
    tag: 'databases',
    method: 'get',
    path: '/databases',
    problems: ['validation_failed', ...core],
    query: page,
    summary: 'List databases, newest first.',
    answer: { status: 200, description: 'A page of databases', schema: DatabaseList },
  },
  {
    id: 'getDatabase',
    tag: 'databases',
    method: 'get',
    path: '/databases/{name}',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'One database: engine, server version, whether it can be reached, its tables. Never a credential.',
    answer: { status: 200, description: 'The database', schema: DatabaseAnswer },
  },
  {
    id: 'getDatabaseHistory',
    tag: 'databases',
    method: 'get',
    path: '/databases/{name}/history',
    problems: ['database_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'What was applied there and undone there, oldest first: when, how long it took, with which statements.',
    answer: { status: 200, description: 'A page of steps', schema: DatabaseHistory },
  },
  {
    id: 'getDatabaseAside',
    tag: 'databases',
    method: 'get',
    path: '/databases/{name}/aside',
    problems: ['database_not_found', 'validation_failed', ...core],
    query: page,
    summary: 'What is kept in the database after drops and conversions, and until when; the latest first.',
    answer: { status: 200, description: 'A page of what is kept', schema: AsideList },
  },
  {
    id: 'getDatabaseDrift',
    tag: 'databases',
    method: 'get',
    path: '/databases/{name}/drift',
    problems: ['validation_failed', 'database_not_found', ...reachable, ...core],
    summary:
      'What its live schema has that history does not say, and the reverse, column by column. Tables under ' +
      'change are left out.',
    answer: { status: 200, description: 'Where they differ', schema: DatabaseDrift },
  },
  {
    id: 'resolveDrift',
    tag: 'databases',
    method: 'post',
    path: '/databases/{name}/drift/resolve',
    command: true,
    body: driftResolution,
    problems: [...command, ...alive, 'database_not_found', ...reachable],
    summary:
      'Settle what differs in one table there. adopt: history and the other databases follow what stands ' +
      'there; restore: it goes back to what history says (what is too much is set aside for the retention ' +
      'time); ignore: it may differ from now on. adopt leaves alone what was ignored before, unless nothing ' +
      'else differs: then it is meant.',
    example: { table_id: id, as: 'restore' },
  },
  {
    id: 'adoptTables',
    tag: 'databases',
    method: 'post',
    path: '/databases/{name}/adopt',
    command: 'of_database',
    body: adoption,
    problems: [...ofDatabase, 'database_not_found', 'table_not_found', 'table_name_taken', ...reachable],
    summary:
      'Take tables that others made under management, as they stand; nothing is touched. What no portable ' +
      "type expresses is kept as the engine's own.",
    example: { tables: ['orders', 'invoices'] },
  },
  {
    id: 'catchUpDatabase',
    tag: 'databases',
    method: 'post',
    path: '/databases/{name}/catch-up',
    command: 'of_database',
    problems: [...ofDatabase, 'database_not_found', ...reachable],
    summary:
      'Do there what history has done and the database has not seen: after it was restored from a backup, ' +
      'or was long away.',
  },
  {
    id: 'forgetDatabase',
    tag: 'databases',
    method: 'post',
    path: '/databases/{name}/forget',
    body: loss,
    problems: [...input, 'database_not_found', 'version_conflict', ...core],
    summary:
      'Give up a database that is lost for good: nothing is sent there any more, its tables go on ' +
      'elsewhere, and changes under way end without it.',
    example: { lost: true, reason: 'the disk is gone, and there is no backup' },
    answer: { status: 202, description: 'Given up; the tables follow', schema: Forgotten },
  },
  {
    id: 'testDatabase',
    tag: 'databases',
    method: 'post',
    path: '/databases/{name}/test',
    problems: ['validation_failed', 'database_not_found', ...reachable, ...core],
    summary: 'Connect for real.',
    answer: { status: 200, description: 'It can be reached', schema: DatabaseAnswer },
  },
  {
    id: 'changeDatabase',
    tag: 'databases',
    method: 'put',
    path: '/databases/{name}',
    body: relocation,
    problems: [
      ...input,
      'database_not_found',
      'database_exists',
      'core_database',
      ...reachable,
      'version_conflict',
      ...core,
    ],
    summary: 'A new address or new credentials of the same database, tested first.',
    example: { url: 'postgres://user:new-password@db.example.org:5432/crm' },
    answer: { status: 200, description: 'Changed', schema: DatabaseAnswer },
  },
  {
    id: 'deleteDatabase',
    tag: 'databases',
    method: 'delete',
    path: '/databases/{name}',
    problems: ['validation_failed', 'database_not_found', 'database_in_use', 'version_conflict', ...core],
    summary: 'Forget a database where no table lives or is set aside.',
    answer: { status: 204, description: 'Forgotten' },
  },

  {
    id: 'listEvents',
    tag: 'log',
    method: 'get',
    path: '/events',
    problems: ['validation_failed', ...core],
    query: { after: position, limit: page.limit, cursor: position, ...eventFilters },
    summary: 'Every event after a position, in global order.',
    answer: { status: 200, description: 'A page of events', schema: EventList },
  },
  {
    id: 'streamEvents',
    tag: 'log',
    method: 'get',
    path: '/events/stream',
    problems: ['validation_failed', ...core],
    query: { after: position, ...eventFilters },
    summary:
      'The same, live: server-sent events whose id is the position; `Last-Event-ID` resumes, and nothing is skipped.',
    answer: { status: 200, description: 'Events as they come', type: 'text/event-stream' },
  },
  {
    id: 'verifyEvents',
    tag: 'log',
    method: 'get',
    path: '/events/verify',
    problems: ['validation_failed', ...core],
    query: {
      head: z.string().describe('`<position>:<hash>` as it was kept elsewhere: without it a cut tail cannot be found.'),
    },
    summary: 'Whether any event was changed, removed or reordered, and which.',
    answer: { status: 200, description: 'The verdict', schema: Verdict },
  },
  {
    id: 'getCorrelation',
    tag: 'log',
    method: 'get',
    path: '/events/{id}/correlation',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'The tree of what caused what, from the request to the last step.',
    answer: { status: 200, description: 'The tree', schema: Correlation },
  },
  {
    id: 'listCommands',
    tag: 'log',
    method: 'get',
    path: '/commands',
    problems: ['validation_failed', ...core],
    query: { limit: page.limit, cursor: z.string(), saga_id: z.string() },
    summary:
      'Every command received, refused ones included, newest first: who, what (secrets left out) and the outcome.',
    answer: { status: 200, description: 'A page of commands', schema: CommandList },
  },
  {
    id: 'listProjections',
    tag: 'log',
    method: 'get',
    path: '/projections',
    problems: ['validation_failed', ...core],
    query: page,
    summary: 'What is kept from the log, and how far each has come.',
    answer: { status: 200, description: 'All of them', schema: ProjectionList },
  },
  {
    id: 'rebuildProjection',
    tag: 'log',
    method: 'post',
    path: '/projections/{name}/rebuild',
    problems: ['validation_failed', 'not_found', ...core],
    summary: 'Build a read model anew from the first event; reads go on meanwhile.',
    answer: { status: 202, description: 'Begun', schema: ProjectionAnswer },
  },

  {
    id: 'isLive',
    tag: 'operating',
    method: 'get',
    path: '/health/live',
    problems: [],
    summary: 'The process runs.',
    answer: { status: 200, description: 'It does', schema: Live },
  },
  {
    id: 'isReady',
    tag: 'operating',
    method: 'get',
    path: '/health/ready',
    problems: [...core, 'clock_off', 'queue_unavailable'],
    summary: "The core database and the queue answer, and this process's clock is right.",
    answer: { status: 200, description: 'So it is', schema: Ready },
  },
  {
    id: 'getMetrics',
    tag: 'operating',
    method: 'get',
    path: '/metrics',
    problems: [],
    summary: 'Metrics for Prometheus.',
    answer: { status: 200, description: 'Text format 0.0.4', type: 'text/plain' },
  },
  {
    id: 'getOpenApi',
    tag: 'operating',
    method: 'get',
    path: '/openapi.json',
    problems: [],
    summary: 'This contract as OpenAPI 3.1.',
    answer: { status: 200, description: 'The document', type: 'application/json' },
  },
  {
    id: 'getAsyncApi',
    tag: 'operating',
    method: 'get',
    path: '/asyncapi.json',
    problems: [],
    summary:
      'Every event with its schema, the streams that hold them and the calls that send them live, as AsyncAPI 3.0.',
    answer: { status: 200, description: 'The document', schema: AsyncApiDocument },
  },
  {
    id: 'getDocs',
    tag: 'operating',
    method: 'get',
    path: '/docs',
    problems: [],
    summary: 'This contract as a page.',
    answer: { status: 200, description: 'The page', type: 'text/html' },
  },
];
