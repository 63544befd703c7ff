-- Read models kept in the appending transaction, leases, idempotency keys, credentials.
create table if not exists leases (
  subject text not null primary key,
  owner text not null,
  token integer not null,
  expires_at integer not null
);

create table if not exists sagas (
  saga_id text not null primary key,
  kind text not null,
  subject_id text not null,
  status text not null,
  ended integer not null,
  position integer not null,
  state text not null
);
create index sagas_of_subject on sagas (subject_id, ended, position);
create index sagas_open on sagas (ended, position);
create index sagas_position on sagas (position);

create table if not exists saga_targets (
  saga_id text not null,
  target_id text not null,
  primary key (target_id, saga_id)
);

create table if not exists tables (
  table_id text not null primary key,
  name text not null,
  status text not null,
  position integer not null,
  state text not null
);
create index tables_name on tables (name);
create index tables_position on tables (position);

create table if not exists table_databases (
  table_id text not null,
  database_id text not null,
  primary key (database_id, table_id)
);

-- A name in a database belongs to one table, from the request on: two creates of one name meet here.
create table if not exists table_names (
  database_id text not null,
  name_key text not null,
  table_id text not null,
  primary key (database_id, name_key)
);

create table if not exists customer_databases (
  database_id text not null primary key,
  name text not null,
  position integer not null,
  state text not null,
  unique (name)
);

-- Never in an event: AES-256-GCM, see ARCHITECTURE.md.
create table if not exists credentials (
  database_id text not null primary key,
  sealed text not null
);

create table if not exists idempotency_keys (
  scope text not null,
  idempotency_key text not null,
  request_hash text not null,
  status integer not null,
  answer text not null,
  created_at integer not null,
  primary key (scope, idempotency_key)
);
