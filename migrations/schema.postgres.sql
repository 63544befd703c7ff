-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
applied_steps.position bigint not null
applied_steps.database_id text not null
applied_steps.table_id text not null
applied_steps.saga_id text not null
applied_steps.recorded_at text not null
applied_steps.step text not null
applied_steps constraint applied_steps_pkey PRIMARY KEY ("position")
CREATE INDEX applied_steps_of_database ON applied_steps USING btree (database_id, "position")
CREATE INDEX applied_steps_of_table ON applied_steps USING btree (table_id, database_id, "position")
blocks.number bigint not null
blocks.from_position bigint not null
blocks.to_position bigint not null
blocks.events integer not null
blocks.manifest text not null
blocks.hash text not null
blocks.sealed_at text not null
blocks constraint blocks_pkey PRIMARY KEY (number)
CREATE INDEX blocks_to_position ON blocks USING btree (to_position)
checkpoints.name text not null
checkpoints.position bigint not null
checkpoints.failures integer not null default 0
checkpoints.error text
checkpoints.failed_at text
checkpoints constraint checkpoints_pkey PRIMARY KEY (name)
commands.request_id character varying(64) not null
commands.received_at text not null
commands.actor text not null
commands.method text not null
commands.path text not null
commands.body text
commands.status integer not null
commands.code text
commands.saga_id character varying(64)
commands.duration_ms integer not null
commands constraint commands_pkey PRIMARY KEY (request_id)
CREATE INDEX commands_received_at ON commands USING btree (received_at)
CREATE INDEX commands_saga_id ON commands USING btree (saga_id)
core_identity.only_row integer not null
core_identity.core_id text not null
core_identity.made_at text not null
core_identity constraint core_identity_only_row_check CHECK ((only_row = 1))
core_identity constraint core_identity_pkey PRIMARY KEY (only_row)
credentials.database_id character varying(64) not null
credentials.sealed text not null
credentials constraint credentials_pkey PRIMARY KEY (database_id)
customer_databases.database_id character varying(64) not null
customer_databases.name character varying(255) not null
customer_databases.position bigint not null
customer_databases.state text not null
customer_databases constraint customer_databases_name_key UNIQUE (name)
customer_databases constraint customer_databases_pkey PRIMARY KEY (database_id)
drift_checks.database_id text not null
drift_checks.checked_at bigint not null
drift_checks constraint drift_checks_pkey PRIMARY KEY (database_id)
events.position bigint not null identity always
events.stream text not null
events.version bigint not null
events.event_id text not null
events.type text not null
events.schema_version integer not null
events.data text not null
events.correlation_id text not null
events.causation_id text
events.actor text not null
events.recorded_at text not null
events.hash text not null
events constraint events_event_id UNIQUE (event_id)
events constraint events_pkey PRIMARY KEY ("position")
events constraint events_stream_version UNIQUE (stream, version)
CREATE INDEX events_correlation_id ON events USING btree (correlation_id, "position")
CREATE INDEX events_type ON events USING btree (type, "position")
idempotency_keys.scope character varying(64) not null
idempotency_keys.idempotency_key character varying(255) not null
idempotency_keys.request_hash character varying(64) not null
idempotency_keys.status integer not null
idempotency_keys.answer text not null
idempotency_keys.created_at bigint not null
idempotency_keys constraint idempotency_keys_pkey PRIMARY KEY (scope, idempotency_key)
leases.subject character varying(64) not null
leases.owner character varying(64) not null
leases.token bigint not null
leases.expires_at bigint not null
leases constraint leases_pkey PRIMARY KEY (subject)
purges_due.table_id character varying(64) not null
purges_due.due_at bigint not null
purges_due constraint purges_due_pkey PRIMARY KEY (table_id)
CREATE INDEX purges_due_at ON purges_due USING btree (due_at)
read_model_shapes.name text not null
read_model_shapes.shape integer not null
read_model_shapes.written_by text not null
read_model_shapes.written_at text not null
read_model_shapes constraint read_model_shapes_pkey PRIMARY KEY (name)
rebuilds.name text not null
rebuilds.owner text not null
rebuilds.status text not null
rebuilds.position bigint not null
rebuilds.target bigint not null
rebuilds.processed bigint not null
rebuilds.error text
rebuilds.started_at text not null
rebuilds.updated_at text not null
rebuilds constraint rebuilds_pkey PRIMARY KEY (name)
saga_plans.saga_id text not null
saga_plans.plans text not null
saga_plans constraint saga_plans_pkey PRIMARY KEY (saga_id)
saga_targets.saga_id character varying(64) not null
saga_targets.target_id character varying(64) not null
saga_targets constraint saga_targets_pkey PRIMARY KEY (target_id, saga_id)
sagas.saga_id character varying(64) not null
sagas.kind character varying(64) not null
sagas.subject_id character varying(64) not null
sagas.status character varying(64) not null
sagas.ended integer not null
sagas.position bigint not null
sagas.state text not null
sagas constraint sagas_pkey PRIMARY KEY (saga_id)
CREATE INDEX sagas_of_subject ON sagas USING btree (subject_id, ended, "position")
CREATE INDEX sagas_open ON sagas USING btree (ended, "position")
CREATE INDEX sagas_position ON sagas USING btree ("position")
schema_migrations.version integer not null
schema_migrations.name character varying(200) not null
schema_migrations.checksum character varying(64) not null
schema_migrations.applied_at character varying(24) not null
schema_migrations constraint schema_migrations_pkey PRIMARY KEY (version)
table_databases.table_id character varying(64) not null
table_databases.database_id character varying(64) not null
table_databases constraint table_databases_pkey PRIMARY KEY (database_id, table_id)
table_names.database_id character varying(64) not null
table_names.name_key character varying(64) not null
table_names.table_id character varying(64) not null
table_names constraint table_names_pkey PRIMARY KEY (database_id, name_key)
table_snapshots.table_id text not null
table_snapshots.version bigint not null
table_snapshots.recorded_at text not null
table_snapshots.shape integer not null
table_snapshots.point text not null
table_snapshots constraint table_snapshots_pkey PRIMARY KEY (table_id, version)
tables.table_id character varying(64) not null
tables.name character varying(64) not null
tables.status character varying(64) not null
tables.position bigint not null
tables.state text not null
tables constraint tables_pkey PRIMARY KEY (table_id)
CREATE INDEX tables_name ON tables USING btree (name)
CREATE INDEX tables_position ON tables USING btree ("position")
