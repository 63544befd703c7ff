import { engineOf, observeTables, parseUrl, type Connection, type Managed } from '#byodb';
import {
  CoreClock,
  createEventStore,
  migrate,
  openCoreDatabase,
  type CoreDatabase,
  type EventStore,
} from '#event-store';
import { InProcessQueue, Orchestrator, requestSaga, sagasProjection } from '#sagas';
import {
  appendToTable,
  changeOf,
  changeSagas,
  consider,
  managedIn,
  databasesProjection,
  decideColumns,
  decideCreate,
  decideDatabases,
  decideDrift,
  decideDrop,
  decideIndexes,
  decideRename,
  decideRestore,
  decideRevert,
  lacking,
  loadTable,
  pointAt,
  purgeOf,
  tablesProjection,
  type Change,
  type DatabaseChange,
  type DatabaseRef,
  type Point,
  type RequestEvent,
  type Table,
} from '#tables';
import { v7 as uuid } from 'uuid';
import type { Points } from './points.js';
import type { Ask, Direction, Role } from './scenarios.js';
import { Doing, watchConnection, watchDefinition, watchStore } from './watch.js';

export interface Target extends DatabaseRef {
  role: Role;
  url: string;
}

/** Where one case takes place. */
export interface Place {
  core: string;
  targets: Target[];
  tableId: string;
  sagaId: string;
}

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
export async function openWorld(
  place: Pick<Place, 'core' | 'targets'>,
  points: Points,
  direction: Direction,
  log: (line: string) => void,
): Promise<World> {
  const core = await openCoreDatabase(place.core);
  const plain = createEventStore(core, { projections: [databasesProjection, tablesProjection, sagasProjection] });
  const store = watchStore(plain, points);
  const doing = new Map(place.targets.map((t) => [t.id, new Doing()]));
  const raw = new Map(place.targets.map((t) => [t.role, engineOf(t.engine).open(parseUrl(t.url))]));
  const watched = new Map(
    place.targets.map((t) => [t.id, watchConnection(raw.get(t.role)!, t.role, points, doing.get(t.id)!)]),
  );
  const real = changeSagas({
    store,
    core,
    slots: SLOTS,
    connect: async (id) => watched.get(id)!,
    limits: LIMITS,
    retentionSeconds: RETENTION_SECONDS,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
  const definition = watchDefinition(real, plain, doing, direction);
  const clock = await CoreClock.open(core, (_level, message, details) => {
    log(`${message} ${JSON.stringify(details)}`);
  });
  const orchestrator = new Orchestrator({
    store,
    core,
    clock,
    queue: new InProcessQueue(2),
    definition,
    leaseMs: LEASE_MS,
    sweepMs: SWEEP_MS,
    log: (message, details) => {
      log(`${message} ${JSON.stringify(details)}`);
    },
  });
  return {
    core,
    store,
    orchestrator,
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
  return Promise.all(
    urls.map(async ({ role, url, engine }) => {
      const connection = engineOf(engine).open(parseUrl(url));
      try {
        return { id: await connection.claim(uuid()), name: role, engine, role, url };
      } finally {
        await connection.close();
      }
    }),
  );
}

interface Asked {
  event: RequestEvent;
  change: Change | DatabaseChange;
  subject: { id: string; name: string };
  on: DatabaseRef[];
}

/** What the API does with an accepted command: the request and its saga in one commit. */
export async function request(
  world: World,
  targets: Target[],
  tableId: string | null,
  ask: Ask,
): Promise<{ tableId: string; sagaId: string }> {
  const table = tableId === null ? null : (await loadTable(world.core, tableId))!;
  const [sagaId, id] = [uuid(), tableId ?? uuid()];
  const { event, change, subject, on } = await decide(world, targets, id, table, ask, sagaId);
  await world.store.append(
    [
      appendToTable({ table_id: id, version: table?.version ?? 0 }, event),
      requestSaga({
        saga_id: sagaId,
        change,
        subject,
        targets: on,
        deadlineAt: Date.now() + DEADLINE_MS,
        cause: undefined,
      }),
    ],
    METADATA,
  );
  return { tableId: id, sagaId };
}

async function decide(
  world: World,
  targets: Target[],
  id: string,
  table: Table | null,
  ask: Ask,
  sagaId: string,
): Promise<Asked> {
  const all = targets.map((t): DatabaseRef => ({ id: t.id, name: t.name, engine: t.engine }));
  const engines = targets.map((t) => engineOf(t.engine));
  const one = all.find((ref) => ref.name === 'engine')!;
  const ofTable = (event: RequestEvent, name: string, on = all): Asked => ({
    event,
    change: changeOf(event),
    subject: { id, name },
    on,
  });
  const ofDatabase = (event: RequestEvent, kind: DatabaseChange['kind'], name: string): Asked => ({
    event,
    change: { kind, database: one, tables: [{ table_id: id, name }] },
    subject: one,
    on: [one],
  });
  const look = async (name: string): Promise<Managed> =>
    (
      await observeTables(world.connection('engine'), [
        { name, ...(table === null ? {} : { known: managedIn(table, one.id) }) },
      ])
    )[0]!;
  switch (ask.do) {
    case 'create': {
      const event = decideCreate(ask.name, { columns: ask.columns, indexes: [] }, all, engines, sagaId);
      return ofTable(event, ask.name);
    }
    case 'adopt':
      return ofDatabase(
        {
          type: 'TableAdoptionRequested',
          saga_id: sagaId,
          name: ask.name,
          columns: (await look(ask.name)).columns,
          databases: [one],
        },
        'database.adopt',
        ask.name,
      );
    case 'catch_up': {
      if ((await lacking({ core: world.core }, world.connection('engine'), one.id)).length === 0)
        throw new Error('nothing to catch up with');
      return ofDatabase({ type: 'CatchUpRequested', saga_id: sagaId, database: one }, 'database.catch_up', table!.name);
    }
    case 'resolve': {
      const event = decideDrift(consider(table!), one, ask.as, await look(table!.name), engines, sagaId);
      return ofTable(event, table!.name, ask.as === 'adopt' ? all : [one]);
    }
    case 'revert': {
      const at = async (version: number): Promise<Point> => (await pointAt(world.core, world.store, id, { version }))!;
      const [head, target] = [await at(table!.version), await at(ask.version)];
      const event = decideRevert(consider(head.table), head, target, engines, Date.now(), sagaId);
      return ofTable(event, table!.name);
    }
    case 'columns': {
      const event = decideColumns(consider(table!), ask.columns, engines, (i) => `columns.${i}`, sagaId);
      return ofTable(event, table!.name);
    }
    case 'indexes': {
      const event = decideIndexes(consider(table!), ask.indexes, engines, (i) => `indexes.${i}`, sagaId);
      return ofTable(event, table!.name);
    }
    case 'rename':
      return ofTable(decideRename(consider(table!), ask.name, sagaId), table!.name);
    case 'drop':
      return ofTable(decideDrop(consider(table!), sagaId), table!.name);
    case 'restore':
      return ofTable(decideRestore(consider(table!), undefined, Date.now(), sagaId), table!.name);
    case 'move': {
      const event = decideDatabases(consider(table!), ask.away ? [] : [one], ask.away ? [one] : [], engines, sagaId);
      return ofTable(event, table!.name, [one]);
    }
    case 'purge': {
      // As when the retention time is over.
      const { of } = purgeOf(table!)!;
      return ofTable({ type: 'PurgeRequested', saga_id: sagaId, of }, table!.name);
    }
  }
}
