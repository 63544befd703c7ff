-- Read models kept in the appending transaction, leases, idempotency keys, credentials.
create table if not exists leases (
  subject varchar(64) not null primary key,
  owner varchar(64) not null,
  token bigint not null,
  expires_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists sagas (
  saga_id varchar(64) not null primary key,
  kind varchar(64) not null,
  subject_id varchar(64) not null,
  status varchar(64) not null,
  ended integer not null,
  position bigint not null,
  state longtext not null,
  key sagas_of_subject (subject_id, ended, position),
  key sagas_open (ended, position),
  key sagas_position (position)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;




create table if not exists saga_targets (
  saga_id varchar(64) not null,
  target_id varchar(64) not null,
  primary key (target_id, saga_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists tables (
  table_id varchar(64) not null primary key,
  name varchar(64) not null,
  status varchar(64) not null,
  position bigint not null,
  state longtext not null,
  key tables_name (name),
  key tables_position (position)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;



create table if not exists table_databases (
  table_id varchar(64) not null,
  database_id varchar(64) not null,
  primary key (database_id, table_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- A name in a database belongs to one table, from the request on: two creates of one name meet here.
create table if not exists table_names (
  database_id varchar(64) not null,
  name_key varchar(64) not null,
  table_id varchar(64) not null,
  primary key (database_id, name_key)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists customer_databases (
  database_id varchar(64) not null primary key,
  name varchar(255) not null,
  position bigint not null,
  state longtext not null,
  unique (name)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Never in an event: AES-256-GCM, see ARCHITECTURE.md.
create table if not exists credentials (
  database_id varchar(64) not null primary key,
  sealed longtext not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists idempotency_keys (
  scope varchar(64) not null,
  idempotency_key varchar(255) not null,
  request_hash varchar(64) not null,
  status integer not null,
  answer longtext not null,
  created_at bigint not null,
  primary key (scope, idempotency_key)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
