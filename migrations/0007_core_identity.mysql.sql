-- Whose customers' databases are: the id of this core database, written once. A database that holds these tables is no customer's.
create table if not exists core_identity (
  only_row tinyint not null primary key,
  core_id varchar(64) not null,
  made_at varchar(32) not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
