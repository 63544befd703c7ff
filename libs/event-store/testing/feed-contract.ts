import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { EventStore, StoredEvent } from '../src/event-store.js';
import { Feed } from '../src/feed.js';
import { createEventStore } from '../src/store.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, gate, happened, hookedCore, metadata } from './hooked-core.js';

/** Whoever follows the log sees every event once, in order, while others append. */
export function feedContract(engine: EngineName): void {
  describe(`feed: ${engine}`, () => {
    let database: TestDatabase;

    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
    });
    afterAll(() => database.drop());

    const open = async (): Promise<EventStore> => createEventStore(await database.open());
    const append = (
      store: EventStore,
      stream = `s-${randomUUID()}`,
      alongside?: () => Promise<void>,
    ): Promise<StoredEvent[]> =>
      store.append([{ stream, expectedVersion: 0, events: [happened(1), happened(2)] }], metadata, alongside);
    const follow = (
      feed: Feed,
      after: number,
      options: { batchSize?: number; idleMs?: number; filter?: object; pause?: () => Promise<void> } = {},
    ) => {
      const ending = new AbortController();
      const seen: StoredEvent[] = [];
      const counts = { empty: 0, largest: 0 };
      const done = (async () => {
        for await (const batch of feed.follow(after, {
          batchSize: 10,
          idleMs: 60_000,
          ...options,
          signal: ending.signal,
        })) {
          seen.push(...batch);
          counts.largest = Math.max(counts.largest, batch.length);
          if (batch.length === 0) counts.empty++;
          await options.pause?.();
        }
      })();
      return {
        seen,
        counts,
        async stop() {
          ending.abort();
          await done;
        },
      };
    };

    test('the head is the last event that can be read', async () => {
      const store = await open();
      const [, last] = await append(store);
      expect(await store.head()).toBe(last!.position);
      if (engine === 'sqlite') return;
      const held = gate();
      const slow = append(store, undefined, held.pass);
      await held.arrived;
      const fast = await append(store);
      expect(await store.head()).toBe(last!.position);
      held.open();
      await slow;
      expect(await store.head()).toBe(fast[1]!.position);
    });

    test('gives what was there and what comes, from this process and from others, and stops when told', async () => {
      const [store, other] = [await open(), await open()];
      const start = await store.head();
      const there = await append(store);
      const feed = follow(new Feed(store, 20), start);
      const here = await append(store);
      const elsewhere = await append(other);
      await eventually(() => feed.seen.length === 6);
      await feed.stop();
      await append(store);
      expect(feed.seen).toEqual([...there, ...here, ...elsewhere]);
    });

    test('filters, and shows a sign of life when nothing comes', async () => {
      const store = await open();
      const stream = `wanted-${randomUUID()}`;
      const feed = follow(new Feed(store, 20), 0, { filter: { stream }, idleMs: 50 });
      await append(store);
      const wanted = await append(store, stream);
      await eventually(() => feed.seen.length === 2 && feed.counts.empty > 0);
      await feed.stop();
      expect(feed.seen).toEqual(wanted);
    });

    test('stops also when told so in the middle of a read', async () => {
      const reading = gate();
      const store = createEventStore(hookedCore(await database.open(), reading.pass));
      const feed = follow(new Feed(store, 60_000), 0, { filter: { stream: 'nothing' } });
      await reading.arrived;
      const stopping = feed.stop();
      reading.open();
      await stopping;
      expect(feed.seen).toEqual([]);
    }, 10_000);

    test('8 writers in two processes, 4 slow followers in two others: each sees every event once, in one order', async () => {
      const jitter = async (): Promise<void> => {
        if (Math.random() < 0.5) await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      };
      const writers = [
        createEventStore(hookedCore(await database.open(), jitter)),
        createEventStore(hookedCore(await database.open(), jitter)),
      ];
      const feeds = [new Feed(await open(), 10), new Feed(await open(), 10)];
      const start = await writers[0]!.head();
      const followers = [0, 1, 2, 3].map((i) =>
        follow(feeds[i % 2]!, start, {
          batchSize: 3 + i,
          pause: () => new Promise((resolve) => setTimeout(resolve, Math.random() * 6)),
        }),
      );
      const written: StoredEvent[] = [];
      await Promise.all(
        Array.from({ length: 8 }, async (_, w) => {
          for (let i = 0; i < 25; i++) {
            const ending = Math.random();
            await append(writers[w % 2]!, undefined, async () => {
              await jitter();
              if (ending < 0.1) throw new Error('rolled back');
            }).then(
              (events) => written.push(...events),
              (error: Error) => expect(error.message).toBe('rolled back'),
            );
          }
        }),
      );
      await eventually(() => followers.every(({ seen }) => seen.length >= written.length), 30_000);
      await Promise.all(followers.map(({ stop }) => stop()));
      written.sort((a, b) => a.position - b.position);
      followers.forEach(({ seen, counts }, i) => {
        expect(seen).toEqual(written);
        expect(counts.largest).toBeLessThanOrEqual(3 + i);
      });
    }, 60_000);
  });
}
