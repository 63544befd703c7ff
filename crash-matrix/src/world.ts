import { parseUrl } from '../../libs/byodb/src/address.js';
import type { Connection, Engine } from '../../libs/byodb/src/engine.js';
import { engineOf } from '../../libs/byodb/src/engines/index.js';
import { createEventStore, migrate, openCoreDatabase, type CoreDatabase, type EventStore } from '../../libs/event-store/src/index.js';
// Not from the index: it would load the queue's client, half of a worker's time to start.
import { SAGA_SCHEMA_VERSION, sagaStream } from '../../libs/sagas/src/events.js';
import { Orchestrator } from '../../libs/sagas/src/orchestrator.js';
import { InProcessQueue } from '../../libs/sagas/src/queue/in-process.js';
import { sagasProjection } from '../../libs/sagas/src/read-model.js';
import { databasesProjection, decideColumns, decideCreate, decideDrop, decideRename, decideRestore, loadTable, purgeOf, schemaChange, tablesProjection, tableStream, TABLE_SCHEMA_VERSION, type Change, type DatabaseRef, type Table, type TableEvent } from '../../libs/tables/src/index.js';
import { v7 as uuid } from 'uuid';
import type { Points } from './points.js';
import type { Ask, Direction, Role } from './scenarios.js';
import { Doing, watchConnection, watchDefinition, watchStore } from './watch.js';

export interface Target extends DatabaseRef { role: Role; url: string }

/** Where one case takes place. */
export interface Place { core: string; targets: Target[]; tableId: string; sagaId: string }

/** Small, so that a dead worker's lease is over soon; the file's folder is the case's own. */
const LEASE_MS = 150;
const SWEEP_MS = 50;
const LOCK_TIMEOUT_MS = 1000;
const SLOTS = 4;
const RETENTION_SECONDS = 3600;
const DEADLINE_MS = 3_600_000;
const LIMITS = { maxRewriteRows: 1_000_000 };
const METADATA = { correlation_id: uuid(), causation_id: null, actor: 'crash-matrix' };

export interface World {
  core: CoreDatabase;
  store: EventStore;
  orchestrator: Orchestrator;
  /** Without points. */
  connection(role: Role): Connection;
  close(): Promise<void>;
}

/** The real libs put together as the program does, with points around the ports. `direction`: who refuses, and when. */
export async function openWorld(place: Pick<Place, 'core' | 'targets'>, points: Points, direction: Direction, log: (line: string) => void): Promise<World> {
  const core = await openCoreDatabase(place.core);
  const plain = createEventStore(core, { projections: [databasesProjection, tablesProjection, sagasProjection] });
  const store = watchStore(plain, points);
  const doing = new Map(place.targets.map((t) => [t.id, new Doing()]));
  const raw = new Map(place.targets.map((t) => [t.role, engineOf(t.engine as 'sqlite').open(parseUrl(t.url))]));
  const watched = new Map(place.targets.map((t) => [t.id, watchConnection(raw.get(t.role)!, t.role, points, doing.get(t.id)!)]));
  const real = schemaChange({ store, core, slots: SLOTS, connect: async (id) => watched.get(id)!, limits: LIMITS, retentionSeconds: RETENTION_SECONDS, lockTimeoutMs: LOCK_TIMEOUT_MS });
  const definition = watchDefinition(real, plain, doing, direction);
  const orchestrator = new Orchestrator({
    store, core, queue: new InProcessQueue(2), definition, leaseMs: LEASE_MS, sweepMs: SWEEP_MS,
    log: (message, details) => { log(`${message} ${JSON.stringify(details)}`); },
  });
  return {
    core, store, orchestrator,
    connection: (role) => raw.get(role)!,
    async close() {
      await orchestrator.stop();
      await Promise.all([...raw.values()].map((c) => c.close()));
      await core.close();
    },
  };
}

/** Makes the core schema and registers the databases; gives their ids. */
export async function found(core: string, urls: { role: Role; url: string; engine: string }[]): Promise<Target[]> {
  const database = await openCoreDatabase(core);
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
  return Promise.all(urls.map(async ({ role, url, engine }) => {
    const connection = engineOf(engine as 'sqlite').open(parseUrl(url));
    try {
      return { id: await connection.claim(uuid()), name: role, engine, role, url };
    } finally {
      await connection.close();
    }
  }));
}

/** What the API does with an accepted command: the request and its saga in one commit. */
export async function request(world: World, targets: Target[], tableId: string | null, ask: Ask): Promise<{ tableId: string; sagaId: string }> {
  const table = tableId === null ? null : (await loadTable(world.core, tableId))!;
  const [sagaId, id] = [uuid(), tableId ?? uuid()];
  const databases = targets.map(({ id, name, engine }) => ({ id, name, engine }));
  const engines = targets.map((t) => engineOf(t.engine as 'sqlite'));
  const event: TableEvent = ask.do === 'create' ? decideCreate(ask.name, ask.columns, databases, engines, sagaId)
    : decideAbout(table!, ask, engines, sagaId);
  const { type, ...data } = event;
  const change = changeOf(event);
  await world.store.append([
    { stream: tableStream(id), expectedVersion: table?.version ?? 0, events: [{ type, schema_version: TABLE_SCHEMA_VERSION, data }] },
    { stream: sagaStream(sagaId), expectedVersion: 0, events: [{ type: 'SagaRequested', schema_version: SAGA_SCHEMA_VERSION, data: {
      saga_id: sagaId, kind: change.kind, subject_id: id, subject_name: ask.do === 'create' ? ask.name : table!.name, change,
      targets: databases.map((target) => ({ step_id: uuid(), target })), deadline_at: new Date(Date.now() + DEADLINE_MS).toISOString(),
    } }] },
  ], METADATA);
  return { tableId: id, sagaId };
}

function decideAbout(table: Table, ask: Exclude<Ask, { do: 'create' }>, engines: Engine[], sagaId: string): TableEvent {
  switch (ask.do) {
    case 'rename': return decideRename(table, ask.name, sagaId);
    case 'drop': return decideDrop(table, sagaId);
    case 'restore': return decideRestore(table, undefined, Date.now(), sagaId);
    // As when the retention time is over.
    case 'purge': return { type: 'PurgeRequested', saga_id: sagaId, of: purgeOf(table)!.of };
    case 'columns': return decideColumns(table, ask.columns, engines, (i) => `columns.${i}`, sagaId);
  }
}

function changeOf(event: TableEvent): Change {
  switch (event.type) {
    case 'TableCreationRequested': return { kind: 'table.create', name: event.name, columns: event.columns, databases: event.databases };
    case 'TableRenameRequested': return { kind: 'table.rename', name: event.name, from: event.from };
    case 'TableDropRequested': return { kind: 'table.drop' };
    case 'TableRestoreRequested': return { kind: 'table.restore', name: event.name };
    case 'PurgeRequested': return { kind: 'table.purge', of: event.of };
    case 'ColumnsChangeRequested': return { kind: event.kind, ops: event.ops };
    default: throw new Error(`${event.type} is no request`);
  }
}
