-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
CREATE TABLE checkpoints (
  name text not null primary key,
  position integer not null,
  failures integer not null default 0,
  error text,
  failed_at text
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
CREATE TABLE schema_migrations (
    version integer not null primary key, name varchar(200) not null, checksum varchar(64) not null, applied_at varchar(24) not null);
