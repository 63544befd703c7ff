-- In which shape the rows of each read model stand, and which version of the service brought them to it.
create table if not exists read_model_shapes (
  name varchar(64) not null primary key,
  shape integer not null,
  written_by varchar(64) not null,
  written_at varchar(32) not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
