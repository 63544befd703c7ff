-- When each customer's database was last compared with history: of all processes one does it each time.
create table if not exists drift_checks (
  database_id varchar(64) not null primary key,
  checked_at bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
