-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
CREATE TABLE applied_steps (
  position integer not null primary key,
  database_id text not null,
  table_id text not null,
  saga_id text not null,
  recorded_at text not null,
  step text not null
);
CREATE INDEX applied_steps_of_database on applied_steps (database_id, position);
CREATE INDEX applied_steps_of_table on applied_steps (table_id, database_id, position);
CREATE TABLE blocks (
  number integer not null primary key,
  from_position integer not null,
  to_position integer not null,
  events integer not null,
  manifest text not null,
  hash text not null,
  sealed_at text not null
);
CREATE INDEX blocks_to_position on blocks (to_position);
CREATE TABLE checkpoints (
  name text not null primary key,
  position integer not null,
  failures integer not null default 0,
  error text,
  failed_at text
);
CREATE TABLE commands (
  request_id text not null primary key,
  received_at text not null,
  actor text not null,
  method text not null,
  path text not null,
  body text,
  status integer not null,
  code text,
  saga_id text,
  duration_ms integer not null
);
CREATE INDEX commands_received_at on commands (received_at);
CREATE INDEX commands_saga_id on commands (saga_id);
CREATE TABLE core_identity (
  only_row integer not null primary key check (only_row = 1),
  core_id text not null,
  made_at text not null
);
CREATE TABLE credentials (
  database_id text not null primary key,
  sealed text not null
);
CREATE TABLE customer_databases (
  database_id text not null primary key,
  name text not null,
  position integer not null,
  state text not null,
  unique (name)
);
CREATE TABLE drift_checks (
  database_id text not null primary key,
  checked_at integer not null
);
CREATE TABLE events (
  position integer primary key autoincrement,
  stream text not null,
  version integer not null,
  event_id text not null,
  type text not null,
  schema_version integer not null,
  data text not null,
  correlation_id text not null,
  causation_id text,
  actor text not null,
  recorded_at text not null,
  hash text not null,
  constraint events_stream_version unique (stream, version),
  constraint events_event_id unique (event_id)
);
CREATE INDEX events_correlation_id on events (correlation_id, position);
CREATE INDEX events_type on events (type, position);
CREATE TABLE idempotency_keys (
  scope text not null,
  idempotency_key text not null,
  request_hash text not null,
  status integer not null,
  answer text not null,
  created_at integer not null,
  primary key (scope, idempotency_key)
);
CREATE TABLE leases (
  subject text not null primary key,
  owner text not null,
  token integer not null,
  expires_at integer not null
);
CREATE TABLE purges_due (
  table_id text not null primary key,
  due_at integer not null
);
CREATE INDEX purges_due_at on purges_due (due_at);
CREATE TABLE read_model_shapes (
  name text not null primary key,
  shape integer not null,
  written_by text not null,
  written_at text not null
);
CREATE TABLE rebuilds (
  name text not null primary key,
  owner text not null,
  status text not null,
  position integer not null,
  target integer not null,
  processed integer not null,
  error text,
  started_at text not null,
  updated_at text not null
);
CREATE TABLE saga_plans (
  saga_id text not null primary key,
  plans text not null
);
CREATE TABLE saga_targets (
  saga_id text not null,
  target_id text not null,
  primary key (target_id, saga_id)
);
CREATE TABLE sagas (
  saga_id text not null primary key,
  kind text not null,
  subject_id text not null,
  status text not null,
  ended integer not null,
  position integer not null,
  state text not null
);
CREATE INDEX sagas_of_subject on sagas (subject_id, ended, position);
CREATE INDEX sagas_open on sagas (ended, position);
CREATE INDEX sagas_position on sagas (position);
CREATE TABLE schema_migrations (
    version integer not null primary key, name varchar(200) not null, checksum varchar(64) not null, applied_at varchar(24) not null);
CREATE TABLE table_databases (
  table_id text not null,
  database_id text not null,
  primary key (database_id, table_id)
);
CREATE TABLE table_names (
  database_id text not null,
  name_key text not null,
  table_id text not null,
  primary key (database_id, name_key)
);
CREATE TABLE table_snapshots (
  table_id text not null,
  version integer not null,
  recorded_at text not null,
  shape integer not null,
  point text not null,
  primary key (table_id, version)
);
CREATE TABLE tables (
  table_id text not null primary key,
  name text not null,
  status text not null,
  position integer not null,
  state text not null
);
CREATE INDEX tables_name on tables (name);
CREATE INDEX tables_position on tables (position);
