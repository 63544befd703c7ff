-- In which shape the rows of each read model stand, and which version of the service brought them to it.
create table read_model_shapes (
  name text not null primary key,
  shape integer not null,
  written_by text not null,
  written_at text not null
);
