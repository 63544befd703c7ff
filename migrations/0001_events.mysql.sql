-- MySQL commits each of these statements by itself: every one must do no harm when run again after a crash half-way.
-- The facts. Rows are only ever added: nothing updates or deletes them.
-- Names are ASCII and compared byte by byte, as on the other engines.
create table if not exists events (
  position bigint not null auto_increment primary key,
  stream varchar(200) character set ascii collate ascii_bin not null,
  version bigint not null,
  event_id varchar(36) character set ascii collate ascii_bin not null,
  type varchar(200) character set ascii collate ascii_bin not null,
  schema_version int not null,
  data longtext not null,
  correlation_id varchar(200) character set ascii collate ascii_bin not null,
  causation_id varchar(200) character set ascii collate ascii_bin,
  actor varchar(200) not null,
  recorded_at varchar(24) character set ascii collate ascii_bin not null,
  hash varchar(64) character set ascii collate ascii_bin not null,
  unique key events_stream_version (stream, version),
  unique key events_event_id (event_id),
  -- Filters of the global order, so that pages need no sorting.
  key events_type (type, position),
  key events_correlation_id (correlation_id, position)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- How far each subscription has come, and what stops it.
create table if not exists checkpoints (
  name varchar(200) character set ascii collate ascii_bin not null primary key,
  position bigint not null,
  failures int not null default 0,
  error text,
  failed_at varchar(24) character set ascii collate ascii_bin
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

-- One row for each session that ever appended: which append it is at (see libs/event-store/src/order/mysql.ts).
create table if not exists appenders (
  session bigint not null primary key,
  append bigint not null,
  floor bigint not null,
  used_at varchar(24) character set ascii collate ascii_bin not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
