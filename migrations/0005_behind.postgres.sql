-- Read models kept behind the log, each from its own checkpoint.
-- What took effect in a database, and what was undone there; `position` is that of the event that says so.
create table applied_steps (
  position bigint not null primary key,
  database_id text not null,
  table_id text not null,
  saga_id text not null,
  recorded_at text not null,
  step text not null
);
create index applied_steps_of_database on applied_steps (database_id, position);
create index applied_steps_of_table on applied_steps (table_id, database_id, position);

-- What the sagas that are still open have planned: later events name a step by its id alone.
create table saga_plans (
  saga_id text not null primary key,
  plans text not null
);

-- A cache: rows of another shape than the code's are passed over.
create table table_snapshots (
  table_id text not null,
  version bigint not null,
  recorded_at text not null,
  shape integer not null,
  point text not null,
  primary key (table_id, version)
);
