-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
appenders.session bigint not null
appenders.append bigint not null
appenders.floor bigint not null
appenders.used_at varchar(24) ascii_bin not null
appenders unique key PRIMARY (session)
applied_steps.position bigint not null
applied_steps.database_id varchar(64) ascii_bin not null
applied_steps.table_id varchar(64) ascii_bin not null
applied_steps.saga_id varchar(64) ascii_bin not null
applied_steps.recorded_at varchar(24) ascii_bin not null
applied_steps.step longtext utf8mb4_bin not null
applied_steps unique key PRIMARY (position)
applied_steps key applied_steps_of_database (database_id, position)
applied_steps key applied_steps_of_table (table_id, database_id, position)
blocks.number bigint not null
blocks.from_position bigint not null
blocks.to_position bigint not null
blocks.events int not null
blocks.manifest longtext ascii_bin not null
blocks.hash varchar(64) ascii_bin not null
blocks.sealed_at varchar(24) ascii_bin not null
blocks unique key PRIMARY (number)
blocks key blocks_to_position (to_position)
checkpoints.name varchar(200) ascii_bin not null
checkpoints.position bigint not null
checkpoints.failures int not null default 0
checkpoints.error text utf8mb4_bin
checkpoints.failed_at varchar(24) ascii_bin
checkpoints unique key PRIMARY (name)
commands.request_id varchar(64) ascii_bin not null
commands.received_at varchar(24) ascii_bin not null
commands.actor varchar(200) utf8mb4_bin not null
commands.method varchar(10) utf8mb4_bin not null
commands.path text utf8mb4_bin not null
commands.body longtext utf8mb4_bin
commands.status int not null
commands.code varchar(64) utf8mb4_bin
commands.saga_id varchar(64) ascii_bin
commands.duration_ms int not null
commands unique key PRIMARY (request_id)
commands key commands_received_at (received_at)
commands key commands_saga_id (saga_id)
core_identity.only_row tinyint not null
core_identity.core_id varchar(64) utf8mb4_bin not null
core_identity.made_at varchar(32) utf8mb4_bin not null
core_identity unique key PRIMARY (only_row)
credentials.database_id varchar(64) utf8mb4_bin not null
credentials.sealed longtext utf8mb4_bin not null
credentials unique key PRIMARY (database_id)
customer_databases.database_id varchar(64) utf8mb4_bin not null
customer_databases.name varchar(255) utf8mb4_bin not null
customer_databases.position bigint not null
customer_databases.state longtext utf8mb4_bin not null
customer_databases unique key PRIMARY (database_id)
customer_databases unique key name (name)
drift_checks.database_id varchar(64) utf8mb4_bin not null
drift_checks.checked_at bigint not null
drift_checks unique key PRIMARY (database_id)
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
idempotency_keys.scope varchar(64) utf8mb4_bin not null
idempotency_keys.idempotency_key varchar(255) utf8mb4_bin not null
idempotency_keys.request_hash varchar(64) utf8mb4_bin not null
idempotency_keys.status int not null
idempotency_keys.answer longtext utf8mb4_bin not null
idempotency_keys.created_at bigint not null
idempotency_keys unique key PRIMARY (scope, idempotency_key)
leases.subject varchar(64) utf8mb4_bin not null
leases.owner varchar(64) utf8mb4_bin not null
leases.token bigint not null
leases.expires_at bigint not null
leases unique key PRIMARY (subject)
purges_due.table_id varchar(64) utf8mb4_bin not null
purges_due.due_at bigint not null
purges_due unique key PRIMARY (table_id)
purges_due key purges_due_at (due_at)
read_model_shapes.name varchar(64) utf8mb4_bin not null
read_model_shapes.shape int not null
read_model_shapes.written_by varchar(64) utf8mb4_bin not null
read_model_shapes.written_at varchar(32) utf8mb4_bin not null
read_model_shapes unique key PRIMARY (name)
rebuilds.name varchar(200) ascii_bin not null
rebuilds.owner varchar(64) ascii_bin not null
rebuilds.status varchar(20) utf8mb4_bin not null
rebuilds.position bigint not null
rebuilds.target bigint not null
rebuilds.processed bigint not null
rebuilds.error text utf8mb4_bin
rebuilds.started_at varchar(24) ascii_bin not null
rebuilds.updated_at varchar(24) ascii_bin not null
rebuilds unique key PRIMARY (name)
saga_plans.saga_id varchar(64) ascii_bin not null
saga_plans.plans longtext utf8mb4_bin not null
saga_plans unique key PRIMARY (saga_id)
saga_targets.saga_id varchar(64) utf8mb4_bin not null
saga_targets.target_id varchar(64) utf8mb4_bin not null
saga_targets unique key PRIMARY (target_id, saga_id)
sagas.saga_id varchar(64) utf8mb4_bin not null
sagas.kind varchar(64) utf8mb4_bin not null
sagas.subject_id varchar(64) utf8mb4_bin not null
sagas.status varchar(64) utf8mb4_bin not null
sagas.ended int not null
sagas.position bigint not null
sagas.state longtext utf8mb4_bin not null
sagas unique key PRIMARY (saga_id)
sagas key sagas_of_subject (subject_id, ended, position)
sagas key sagas_open (ended, position)
sagas key sagas_position (position)
schema_migrations.version int not null
schema_migrations.name varchar(200) utf8mb4_bin not null
schema_migrations.checksum varchar(64) utf8mb4_bin not null
schema_migrations.applied_at varchar(24) utf8mb4_bin not null
schema_migrations unique key PRIMARY (version)
table_databases.table_id varchar(64) utf8mb4_bin not null
table_databases.database_id varchar(64) utf8mb4_bin not null
table_databases unique key PRIMARY (database_id, table_id)
table_names.database_id varchar(64) utf8mb4_bin not null
table_names.name_key varchar(64) utf8mb4_bin not null
table_names.table_id varchar(64) utf8mb4_bin not null
table_names unique key PRIMARY (database_id, name_key)
table_snapshots.table_id varchar(64) ascii_bin not null
table_snapshots.version bigint not null
table_snapshots.recorded_at varchar(24) ascii_bin not null
table_snapshots.shape int not null
table_snapshots.point longtext utf8mb4_bin not null
table_snapshots unique key PRIMARY (table_id, version)
tables.table_id varchar(64) utf8mb4_bin not null
tables.name varchar(64) utf8mb4_bin not null
tables.status varchar(64) utf8mb4_bin not null
tables.position bigint not null
tables.state longtext utf8mb4_bin not null
tables unique key PRIMARY (table_id)
tables key tables_name (name)
tables key tables_position (position)
