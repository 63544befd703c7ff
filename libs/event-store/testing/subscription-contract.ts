import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql, type CoreDatabase } from '../src/core-database.js';
import type { EventStore, StoredEvent } from '../src/event-store.js';
import { createEventStore } from '../src/store.js';
import { readCheckpoints, subscribe, type SubscriptionOptions } from '../src/subscription.js';
import type { TestDatabase } from './core-databases.js';
import { eventually, gate, happened, metadata } from './hooked-core.js';

export function subscriptionContract(title: string, create: () => Promise<TestDatabase>): void {
  describe(`subscription: ${title}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let store: EventStore;
    let name: string;
    let from: number;

    beforeAll(async () => {
      database = await create();
      core = await database.open();
      store = createEventStore(core);
      // No unique key: an event handled twice must show as two rows.
      await core.execute(sql`create table handled (subscription varchar(200) not null, position bigint not null, place integer not null)`);
    });
    afterAll(() => database.drop());
    beforeEach(async () => {
      name = `sub-${randomUUID()}`;
      from = (await append(1)).at(-1)!.position;
    });

    const append = (count: number): Promise<StoredEvent[]> =>
      store.append([{ stream: `s-${randomUUID()}`, expectedVersion: 0, events: Array.from({ length: count }, (_, i) => happened(i)) }], metadata);
    const handled = async (): Promise<unknown[]> =>
      (await core.query(sql`select position from handled where subscription = ${name} order by position, place`)).map(({ position }) => position);
    const checkpoint = async () => (await readCheckpoints(core)).find((one) => one.name === name);
    const record = (place = 0): SubscriptionOptions['handler'] => async (tx, events) => {
      for (const { position } of events) await tx.execute(sql`insert into handled values (${name}, ${position}, ${place})`);
    };
    const positions = (...events: StoredEvent[]) => events.map(({ position }) => position);

    test('handles what was there and what comes, and goes on after a stop', async () => {
      const there = await append(3);
      const first = subscribe(store, core, { name, from, batchSize: 2, pollMs: 60_000, handler: record() });
      await eventually(async () => (await handled()).length === 3);
      // The poll is a minute away: it wakes by itself.
      const came = await append(2);
      await eventually(async () => (await handled()).length === 5);
      await first.stop();
      const later = await append(2);
      const second = subscribe(store, core, { name, from: 0, batchSize: 10, pollMs: 10, handler: record() });
      await eventually(async () => (await handled()).length === 7);
      await second.stop();
      expect(await handled()).toEqual(positions(...there, ...came, ...later));
      expect(await checkpoint()).toEqual({ name, position: later.at(-1)!.position, failures: 0, error: null, failed_at: null });
    });

    test('finds by polling what another process appended', async () => {
      const other = createEventStore(await database.open());
      const subscription = subscribe(store, core, { name, from, batchSize: 2, pollMs: 20, handler: record() });
      await other.append([{ stream: name, expectedVersion: 0, events: [happened()] }], metadata);
      await eventually(async () => (await handled()).length === 1);
      await subscription.stop();
    });

    test('two processes that share a subscription handle each event once', async () => {
      const others = [core, await database.open(), await database.open()];
      const subscriptions = others.map((on, i) => subscribe(createEventStore(on), on, {
        name, from, batchSize: 3, pollMs: 5,
        handler: async (tx, events) => {
          await record(i)(tx, events);
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        },
      }));
      const appended: StoredEvent[] = [];
      for (let i = 0; i < 20; i++) appended.push(...await append(2));
      await eventually(async () => (await checkpoint())?.position === appended.at(-1)!.position);
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      expect(await handled()).toEqual(positions(...appended));
    });

    test('a handler that throws undoes its writes, is recorded, stops before that event alone, and goes on when it no longer throws', async () => {
      const events = await append(4);
      const other = `other-${name}`;
      let broken = true;
      const errors: unknown[] = [];
      const failing = subscribe(store, core, {
        name, from, batchSize: 10, pollMs: 5, onError: (error) => errors.push(error),
        handler: async (tx, batch) => {
          await record()(tx, batch);
          if (broken && batch.some(({ position }) => position === events[2]!.position)) throw new Error('cannot digest');
        },
      });
      let otherSeen = 0;
      const healthy = subscribe(store, core, { name: other, from, batchSize: 10, pollMs: 5, handler: async (_, batch) => { otherSeen += batch.length; } });
      await eventually(async () => {
        const at = await checkpoint();
        return at !== undefined && at.failures >= 1 && at.position === events[1]!.position;
      });
      expect(await handled()).toEqual(positions(events[0]!, events[1]!));
      expect(await checkpoint()).toMatchObject({ position: events[1]!.position, error: expect.stringContaining('cannot digest') });
      await eventually(() => otherSeen === 4);
      broken = false;
      await eventually(async () => (await handled()).length === 4);
      expect(await checkpoint()).toMatchObject({ failures: 0, error: null });
      expect(errors.length).toBeGreaterThanOrEqual(2);
      await Promise.all([failing.stop(), healthy.stop()]);
    });

    test('appends do not cut the pause after a failure short', async () => {
      let calls = 0;
      const subscription = subscribe(store, core, { name, from, batchSize: 1, pollMs: 5, handler: async () => { calls++; throw new Error('no'); } });
      const until = Date.now() + 700;
      while (Date.now() < until) await append(1);
      await subscription.stop();
      expect(calls).toBeGreaterThanOrEqual(1);
      expect(calls).toBeLessThan(7);
    });

    test('stop waits for the batch under way, and nothing is handled after it', async () => {
      const held = gate();
      await append(2);
      const subscription = subscribe(store, core, {
        name, from, batchSize: 1, pollMs: 5,
        handler: async (tx, events) => {
          await held.pass();
          await record()(tx, events);
        },
      });
      await held.arrived;
      let stopped = false;
      const stopping = subscription.stop().then(() => { stopped = true; });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(stopped).toBe(false);
      held.open();
      await stopping;
      expect(await handled()).toHaveLength(1);
    });
  });
}
