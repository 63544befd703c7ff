import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startMariadb, startPostgres, type Server } from '../../../../testing/servers.js';
import { eventually, gate, happened, metadata } from '../../testing/hooked-core.js';
import { sql, type CoreDatabase } from '../core-database.js';
import { CoreUnavailable } from '../errors.js';
import type { EventStore } from '../event-store.js';
import { migrate } from '../migrate.js';
import { createEventStore } from '../store.js';
import { readCheckpoints, subscribe } from '../subscription.js';
import { openCoreDatabase } from './open.js';

describe.each([
  ['postgres', startPostgres],
  ['mysql', startMariadb],
] as const)('a server that goes away: %s', (engine, start) => {
  let server: Server;
  let core: CoreDatabase;
  let store: EventStore;

  beforeAll(async () => {
    server = await start();
    const maintenance = new URL(server.url);
    if (engine === 'mysql') maintenance.pathname = '/mysql';
    const first = await openCoreDatabase(maintenance.href);
    await first.execute(sql`create database core_restart`);
    await first.close();
    maintenance.pathname = '/core_restart';
    core = await openCoreDatabase(maintenance.href);
    await migrate(core);
    store = createEventStore(core);
  }, 120_000);
  afterAll(async () => {
    await core.close();
    await server.remove();
  });

  const append = (stream: string) => store.append([{ stream, expectedVersion: 0, events: [happened()] }], metadata);

  test.each(['stop', 'kill'] as const)(
    'after a %s: CoreUnavailable while it is gone, all well when it is back',
    async (way) => {
      // Fill the pools, the reader's connection included.
      await Promise.all(Array.from({ length: 10 }, (_, i) => append(`before-${way}-${i}`)));
      const before = await store.readAll(0, 1000);
      const handled: number[] = [];
      const subscription = subscribe(store, core, {
        name: `sub-${way}`,
        batchSize: 100,
        pollMs: 20,
        handler: async (_, events) => {
          handled.push(...events.map(({ position }) => position));
        },
      });
      await eventually(() => handled.length === before.length);

      const held = gate();
      const inFlight = store
        .append([{ stream: `open-${way}`, expectedVersion: 0, events: [happened()] }], metadata, held.pass)
        .catch((error: unknown) => error);
      await held.arrived;
      await server[way]();
      held.open();
      expect(await inFlight).toBeInstanceOf(CoreUnavailable);
      await expect(append(`gone-${way}`)).rejects.toBeInstanceOf(CoreUnavailable);
      await expect(store.readAll(0, 1000)).rejects.toBeInstanceOf(CoreUnavailable);
      await expect(core.ping()).rejects.toMatchObject({ code: 'core_database_unavailable', cause: expect.anything() });

      await server.restart();
      await core.ping();
      const after = await append(`after-${way}`);
      expect(await store.readAll(0, 1000)).toEqual([...before, ...after]);
      await eventually(() => handled.length === before.length + 1);
      await subscription.stop();
      expect((await readCheckpoints(core)).find(({ name }) => name === `sub-${way}`)).toMatchObject({
        error: null,
        position: after[0]!.position,
      });
    },
    120_000,
  );

  test('a session ended by an administrator is CoreUnavailable, and the next works', async () => {
    const held = gate();
    let id: unknown;
    const inFlight = core
      .transaction(async (tx) => {
        [{ id }] = (await tx.query(
          engine === 'mysql' ? sql`select connection_id() as id` : sql`select pg_backend_pid() as id`,
        )) as [{ id: unknown }];
        await held.pass();
        await tx.query(sql`select 1`);
      })
      .catch((error: unknown) => error);
    await held.arrived;
    if (engine === 'mysql') await core.execute({ texts: [`kill ${Number(id)}`], values: [] });
    else await core.query(sql`select pg_terminate_backend(${Number(id)})`);
    held.open();
    expect(await inFlight).toBeInstanceOf(CoreUnavailable);
    await core.ping();
  });
});
