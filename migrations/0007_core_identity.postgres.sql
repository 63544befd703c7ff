-- Whose customers' databases are: the id of this core database, written once. A database that holds these tables is no customer's.
create table core_identity (
  only_row integer not null primary key check (only_row = 1),
  core_id text not null,
  made_at text not null
);
