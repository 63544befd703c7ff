-- When each customer's database was last compared with history: of all processes one does it each time.
create table drift_checks (
  database_id text not null primary key,
  checked_at bigint not null
);
