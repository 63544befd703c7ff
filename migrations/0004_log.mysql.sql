-- The log sealed block by block: each block's hash covers its manifest (one line per event) and the hash of the block before.
create table if not exists blocks (
  number bigint not null primary key,
  from_position bigint not null,
  to_position bigint not null,
  events int not null,
  manifest longtext character set ascii collate ascii_bin not null,
  hash varchar(64) character set ascii collate ascii_bin not null,
  sealed_at varchar(24) character set ascii collate ascii_bin not null,
  key blocks_to_position (to_position)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- Every command that was received, refused ones too, without secrets. Swept after COMMANDS_RETENTION_SECONDS.
create table if not exists commands (
  request_id varchar(64) character set ascii collate ascii_bin not null primary key,
  received_at varchar(24) character set ascii collate ascii_bin not null,
  actor varchar(200) not null,
  method varchar(10) not null,
  path text not null,
  body longtext,
  status int not null,
  code varchar(64),
  saga_id varchar(64) character set ascii collate ascii_bin,
  duration_ms int not null,
  key commands_received_at (received_at),
  key commands_saga_id (saga_id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- The last rebuild of each read model: how far it is, or how it ended.
create table if not exists rebuilds (
  name varchar(200) character set ascii collate ascii_bin not null primary key,
  owner varchar(64) character set ascii collate ascii_bin not null,
  status varchar(20) not null,
  position bigint not null,
  target bigint not null,
  processed bigint not null,
  error text,
  started_at varchar(24) character set ascii collate ascii_bin not null,
  updated_at varchar(24) character set ascii collate ascii_bin not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
