-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
appenders.session bigint not null
appenders.append bigint not null
appenders.floor bigint not null
appenders.used_at varchar(24) ascii_bin not null
appenders unique key PRIMARY (session)
checkpoints.name varchar(200) ascii_bin not null
checkpoints.position bigint not null
checkpoints.failures int not null default 0
checkpoints.error text utf8mb4_bin
checkpoints.failed_at varchar(24) ascii_bin
checkpoints unique key PRIMARY (name)
events.position bigint not null auto_increment
events.stream varchar(200) ascii_bin not null
events.version bigint not null
events.event_id varchar(36) ascii_bin not null
events.type varchar(200) ascii_bin not null
events.schema_version int not null
events.data longtext utf8mb4_bin not null
events.correlation_id varchar(200) ascii_bin not null
events.causation_id varchar(200) ascii_bin
events.actor varchar(200) utf8mb4_bin not null
events.recorded_at varchar(24) ascii_bin not null
events.hash varchar(64) ascii_bin not null
events unique key PRIMARY (position)
events key events_correlation_id (correlation_id, position)
events unique key events_event_id (event_id)
events unique key events_stream_version (stream, version)
events key events_type (type, position)
schema_migrations.version int not null
schema_migrations.name varchar(200) utf8mb4_bin not null
schema_migrations.checksum varchar(64) utf8mb4_bin not null
schema_migrations.applied_at varchar(24) utf8mb4_bin not null
schema_migrations unique key PRIMARY (version)
