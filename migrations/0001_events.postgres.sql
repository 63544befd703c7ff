-- The facts. Rows are only ever added: nothing updates or deletes them.
-- cache 1: the order of appends relies on the sequence's last value (libs/event-store/src/order/postgres.ts).
create table events (
  position bigint generated always as identity (sequence name events_position_seq cache 1) primary key,
  stream text not null,
  version bigint not null,
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

-- Filters of the global order, so that pages need no sorting.
create index events_type on events (type, position);

create index events_correlation_id on events (correlation_id, position);

-- How far each subscription has come, and what stops it.
create table checkpoints (
  name text not null primary key,
  position bigint not null,
  failures integer not null default 0,
  error text,
  failed_at text
);
