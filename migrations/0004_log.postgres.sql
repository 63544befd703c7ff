-- The log sealed block by block: each block's hash covers its manifest (one line per event) and the hash of the block before.
create table blocks (
  number bigint not null primary key,
  from_position bigint not null,
  to_position bigint not null,
  events integer not null,
  manifest text not null,
  hash text not null,
  sealed_at text not null
);
create index blocks_to_position on blocks (to_position);

-- Every command that was received, refused ones too, without secrets. Swept after COMMANDS_RETENTION_SECONDS.
create table commands (
  request_id varchar(64) not null primary key,
  received_at text not null,
  actor text not null,
  method text not null,
  path text not null,
  body text,
  status integer not null,
  code text,
  saga_id varchar(64),
  duration_ms integer not null
);
create index commands_received_at on commands (received_at);
create index commands_saga_id on commands (saga_id);

-- The last rebuild of each read model: how far it is, or how it ended.
create table rebuilds (
  name text not null primary key,
  owner text not null,
  status text not null,
  position bigint not null,
  target bigint not null,
  processed bigint not null,
  error text,
  started_at text not null,
  updated_at text not null
);
