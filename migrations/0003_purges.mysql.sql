-- Tables that hold something set aside whose retention time ends at due_at (milliseconds since the epoch).
create table if not exists purges_due (
  table_id varchar(64) not null primary key,
  due_at bigint not null,
  key purges_due_at (due_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
