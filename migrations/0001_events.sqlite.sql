-- The facts. Rows are only ever added: nothing updates or deletes them.
-- autoincrement: without it SQLite may give a position again that it gave before.
create table events (
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

-- Filters of the global order; the position comes with every index entry, so pages need no sorting.
create index events_type on events (type, position);

create index events_correlation_id on events (correlation_id, position);

-- How far each subscription has come, and what stops it.
create table checkpoints (
  name text not null primary key,
  position integer not null,
  failures integer not null default 0,
  error text,
  failed_at text
);
