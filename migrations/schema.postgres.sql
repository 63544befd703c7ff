-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: UPDATE_SCHEMA_DUMP=1 npm run jest migrate
checkpoints.name text not null
checkpoints.position bigint not null
checkpoints.failures integer not null default 0
checkpoints.error text
checkpoints.failed_at text
checkpoints constraint checkpoints_pkey PRIMARY KEY (name)
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
schema_migrations.version integer not null
schema_migrations.name character varying(200) not null
schema_migrations.checksum character varying(64) not null
schema_migrations.applied_at character varying(24) not null
schema_migrations constraint schema_migrations_pkey PRIMARY KEY (version)
