import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql, type CoreDatabase } from '../src/core-database.js';
import type { EventStore, StoredEvent } from '../src/event-store.js';
import { createEventStore } from '../src/store.js';
import { readCheckpoints, subscribe, type SubscriptionOptions } from '../src/subscription.js';
import type { TestDatabase } from './core-databases.js';
import { eventually, gate, happened, hookedCore, metadata } from './hooked-core.js';

const SUBSCRIBER = fileURLToPath(new URL('./subscriber.js', import.meta.url));

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
      await core.execute(
        sql`create table handled (
          subscription varchar(200) not null, position bigint not null, place integer not null)`,
      );
    });
    afterAll(() => database.drop());
    beforeEach(async () => {
      name = `sub-${randomUUID()}`;
      from = (await append(1)).at(-1)!.position;
    });

    const append = (count: number): Promise<StoredEvent[]> =>
      store.append(
        [
          {
            stream: `s-${randomUUID()}`,
            expectedVersion: 0,
            events: Array.from({ length: count }, (_, i) => happened(i)),
          },
        ],
        metadata,
      );
    const handled = async (): Promise<unknown[]> =>
      (await core.query(sql`select position from handled where subscription = ${name} order by position, place`)).map(
        ({ position }) => position,
      );
    const checkpoint = async () => (await readCheckpoints(core)).find((one) => one.name === name);
    const record =
      (place = 0): SubscriptionOptions['handler'] =>
      async (tx, events) => {
        for (const { position } of events)
          await tx.execute(sql`insert into handled values (${name}, ${position}, ${place})`);
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
      expect(await checkpoint()).toEqual({
        name,
        position: later.at(-1)!.position,
        failures: 0,
        error: null,
        failed_at: null,
      });
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
      const subscriptions = others.map((on, i) =>
        subscribe(createEventStore(on), on, {
          name,
          from,
          batchSize: 3,
          pollMs: 5,
          handler: async (tx, events) => {
            await record(i)(tx, events);
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
          },
        }),
      );
      const appended: StoredEvent[] = [];
      for (let i = 0; i < 20; i++) appended.push(...(await append(2)));
      await eventually(async () => (await checkpoint())?.position === appended.at(-1)!.position);
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      expect(await handled()).toEqual(positions(...appended));
    });

    test('8 writers, 4 slow subscribers of different names, each with connections of its own: every one handles every event once, in one order', async () => {
      const jitter = async (): Promise<void> => {
        if (Math.random() < 0.5) await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      };
      const writers = await Promise.all(
        Array.from({ length: 8 }, async () => createEventStore(hookedCore(await database.open(), jitter))),
      );
      const subscribers = await Promise.all(
        [0, 1, 2, 3].map(async (i) => {
          const on = await database.open();
          const order: number[] = [];
          const subscription = subscribe(createEventStore(on), on, {
            name: `${name}-${i}`,
            from,
            batchSize: 3 + i,
            pollMs: 5,
            async handler(tx, events) {
              for (const { position } of events)
                await tx.execute(sql`insert into handled values (${`${name}-${i}`}, ${position}, ${i})`);
              await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
              order.push(...positions(...events));
            },
          });
          return { order, subscription };
        }),
      );
      const written: StoredEvent[] = [];
      await Promise.all(
        writers.map(async (writer) => {
          for (let i = 0; i < 15; i++) {
            const rolledBack = Math.random() < 0.1;
            await writer
              .append(
                [{ stream: `s-${randomUUID()}`, expectedVersion: 0, events: [happened(1), happened(2)] }],
                metadata,
                async () => {
                  await jitter();
                  if (rolledBack) throw new Error('rolled back');
                },
              )
              .then(
                (events) => written.push(...events),
                (error: Error) => expect(error.message).toBe('rolled back'),
              );
          }
        }),
      );
      await eventually(() => subscribers.every(({ order }) => order.length >= written.length), 30_000);
      await Promise.all(subscribers.map(({ subscription }) => subscription.stop()));
      const all = positions(...written).sort((a, b) => a - b);
      for (const [i, { order }] of subscribers.entries()) {
        expect(order).toEqual(all);
        expect(
          (
            await core.query(sql`select position from handled where subscription = ${`${name}-${i}`} order by position`)
          ).map(({ position }) => position),
        ).toEqual(all);
      }
    }, 60_000);

    test('SIGKILL of a subscriber while it handles: what it had not committed is handled again by its successor, and nothing twice', async () => {
      const written = await append(40);
      let kills = 0;
      let lines = 0;
      const start = (): ChildProcess => {
        const child = spawn(process.execPath, [SUBSCRIBER, database.url, name, String(from)], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, NODE_OPTIONS: '' },
        });
        child.stdout!.on('data', (chunk: Buffer) => {
          lines += chunk.toString().split('\n').length - 1;
        });
        return child;
      };
      let children = [start(), start()];
      try {
        while (kills < 6) {
          const [before, wanted] = [lines, 1 + Math.floor(Math.random() * 12)];
          written.push(...(await append(10)));
          await eventually(() => lines >= before + wanted, 20_000);
          // Between two of the handler's statements, or on the way to its commit.
          await Promise.all(
            children.map(async (child) => {
              child.kill('SIGKILL');
              await once(child, 'exit');
            }),
          );
          kills++;
          children = [start(), start()];
        }
        await eventually(async () => (await checkpoint())?.position === written.at(-1)!.position, 30_000);
      } finally {
        for (const child of children) child.kill('SIGKILL');
      }
      expect(await handled()).toEqual(positions(...written));
      // Some of it was handled in vain: else nobody was killed in the middle.
      expect(lines).toBeGreaterThan(written.length);
    }, 90_000);

    test('a handler that throws undoes its writes, is recorded, stops before that event alone, and goes on when it no longer throws', async () => {
      const events = await append(4);
      const other = `other-${name}`;
      let broken = true;
      const errors: unknown[] = [];
      const failing = subscribe(store, core, {
        name,
        from,
        batchSize: 10,
        pollMs: 5,
        onError: (error) => errors.push(error),
        handler: async (tx, batch) => {
          await record()(tx, batch);
          if (broken && batch.some(({ position }) => position === events[2]!.position))
            throw new Error('cannot digest');
        },
      });
      let otherSeen = 0;
      const healthy = subscribe(store, core, {
        name: other,
        from,
        batchSize: 10,
        pollMs: 5,
        handler: async (_, batch) => {
          otherSeen += batch.length;
        },
      });
      await eventually(async () => {
        const at = await checkpoint();
        return at !== undefined && at.failures >= 1 && at.position === events[1]!.position;
      });
      expect(await handled()).toEqual(positions(events[0]!, events[1]!));
      expect(await checkpoint()).toMatchObject({
        position: events[1]!.position,
        error: expect.stringContaining('cannot digest'),
      });
      await eventually(() => otherSeen === 4);
      broken = false;
      await eventually(async () => (await handled()).length === 4);
      expect(await checkpoint()).toMatchObject({ failures: 0, error: null });
      expect(errors.length).toBeGreaterThanOrEqual(2);
      await Promise.all([failing.stop(), healthy.stop()]);
    });

    test('appends do not cut the pause after a failure short', async () => {
      let calls = 0;
      const subscription = subscribe(store, core, {
        name,
        from,
        batchSize: 1,
        pollMs: 5,
        handler: async () => {
          calls++;
          throw new Error('no');
        },
      });
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
        name,
        from,
        batchSize: 1,
        pollMs: 5,
        handler: async (tx, events) => {
          await held.pass();
          await record()(tx, events);
        },
      });
      await held.arrived;
      let stopped = false;
      const stopping = subscription.stop().then(() => {
        stopped = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(stopped).toBe(false);
      held.open();
      await stopping;
      expect(await handled()).toHaveLength(1);
    });
  });
}
