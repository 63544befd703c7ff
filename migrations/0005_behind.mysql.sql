-- Read models kept behind the log, each from its own checkpoint.
-- What took effect in a database, and what was undone there; `position` is that of the event that says so.
create table if not exists applied_steps (
  position bigint not null primary key,
  database_id varchar(64) character set ascii collate ascii_bin not null,
  table_id varchar(64) character set ascii collate ascii_bin not null,
  saga_id varchar(64) character set ascii collate ascii_bin not null,
  recorded_at varchar(24) character set ascii collate ascii_bin not null,
  step longtext not null,
  key applied_steps_of_database (database_id, position),
  key applied_steps_of_table (table_id, database_id, position)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- What the sagas that are still open have planned: later events name a step by its id alone.
create table if not exists saga_plans (
  saga_id varchar(64) character set ascii collate ascii_bin not null primary key,
  plans longtext not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- A cache: rows of another shape than the code's are passed over.
create table if not exists table_snapshots (
  table_id varchar(64) character set ascii collate ascii_bin not null,
  version bigint not null,
  recorded_at varchar(24) character set ascii collate ascii_bin not null,
  shape int not null,
  point longtext not null,
  primary key (table_id, version)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
