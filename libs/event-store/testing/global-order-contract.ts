import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { EventStore, StoredEvent } from '../src/event-store.js';
import { createEventStore } from '../src/store.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, gate, happened, hookedCore, metadata } from './hooked-core.js';

const isInsert = (text: string): boolean => text.startsWith('insert into events');

/**
 * Whoever reads "everything after the last I saw" sees every event once, in the order of positions, however appends
 * overlap.
 */
export function globalOrderContract(engine: EngineName): void {
  describe(`global order: ${engine}`, () => {
    let database: TestDatabase;

    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
    });
    afterAll(() => database.drop());

    const append = (store: EventStore, alongside?: () => Promise<void>): Promise<StoredEvent[]> =>
      store.append(
        [{ stream: `s-${randomUUID()}`, expectedVersion: 0, events: [happened(), happened(2)] }],
        metadata,
        alongside,
      );

    /** Reads on from where it is; `seen` grows. */
    const follower = (store: EventStore, start: number) => {
      const seen: StoredEvent[] = [];
      return {
        seen,
        async look(limit = 1000): Promise<number> {
          const events = await store.readAll(seen.at(-1)?.position ?? start, limit);
          seen.push(...events);
          return events.length;
        },
      };
    };

    /** A store of its own "process", at the end of what there is. */
    const begin = async () => {
      const store = createEventStore(await database.open());
      const last = (await append(store)).at(-1)!.position;
      return { store, start: last, reader: follower(createEventStore(await database.open()), last) };
    };
    const sorted = (...appended: StoredEvent[][]): StoredEvent[] =>
      appended.flat().sort((a, b) => a.position - b.position);

    test('an event is readable as soon as its append returned, when nothing else is in flight', async () => {
      const { store, reader } = await begin();
      for (let i = 0; i < 20; i++) {
        await append(store);
        expect(await reader.look()).toBe(2);
      }
    });

    test('a full page that ends with what was settled when somebody looked last still tells that others follow', async () => {
      const { store, start } = await begin();
      const first = await append(store);
      const reading = createEventStore(await database.open());
      expect(await reading.pageOfAll(start, 2)).toEqual({ events: first, more: false });
      await append(store);
      expect(await reading.pageOfAll(start, 2)).toEqual({ events: first, more: true });
    });

    if (engine !== 'sqlite') {
      test.each(['commits', 'rolls back'])(
        'an event is held back while one before it is not committed; then that one %s',
        async (ending) => {
          const { store, reader } = await begin();
          const held = gate();
          const slow = append(store, async () => {
            await held.pass();
            if (ending === 'rolls back') throw new Error('rolled back');
          }).catch(() => []);
          await held.arrived;
          const fast = await append(store);
          await reader.look();
          expect(reader.seen).toEqual([]);
          held.open();
          const events = await slow;
          await reader.look();
          expect(reader.seen).toEqual(sorted(events, fast));
          expect(events.length === 0 || events[0]!.position < fast[0]!.position).toBe(true);
        },
      );

      test('also when the slow one has announced itself but taken no position yet', async () => {
        const { store, reader } = await begin();
        const held = gate();
        const slowStore = createEventStore(
          hookedCore(await database.open(), async (text) => {
            if (isInsert(text)) await held.pass();
          }),
        );
        const slow = append(slowStore);
        await held.arrived;
        const fast = await append(store);
        await reader.look();
        held.open();
        const events = await slow;
        await reader.look();
        expect(reader.seen).toEqual(sorted(fast, events));
      });

      test('what came before the slow one began is not held back', async () => {
        const { store, reader } = await begin();
        const before = await append(store);
        const held = gate();
        const slow = append(store, held.pass);
        await held.arrived;
        await reader.look();
        expect(reader.seen).toEqual(before);
        held.open();
        await slow;
      });

      // The reader takes several statements; between any two of them the worst may happen.
      describe.each([1, 2, 3, 4])('with the reader paused before its statement %i', (step) => {
        const pausedReader = async (start: number) => {
          let statements = 0;
          const paused = gate();
          const core = hookedCore(await database.open(), async () => {
            if (++statements === step) await paused.pass();
          });
          return { paused, reader: follower(createEventStore(core), start) };
        };
        /** Some engines have fewer statements; then the reader is simply done. */
        const until = (paused: Promise<void>, done: Promise<unknown>) => Promise.race([paused, done]);

        test('an append begins and stays open, another one overtakes it', async () => {
          const { store, start } = await begin();
          const { paused, reader } = await pausedReader(start);
          const looking = reader.look();
          await until(paused.arrived, looking);
          const held = gate();
          const slow = append(store, held.pass);
          await held.arrived;
          const fast = await append(store);
          paused.open();
          await looking;
          held.open();
          const events = await slow;
          await reader.look();
          expect(reader.seen).toEqual(sorted(events, fast));
        });

        test('an append that was open ends', async () => {
          const { store, start } = await begin();
          const { paused, reader } = await pausedReader(start);
          const held = gate();
          const slow = append(store, held.pass);
          await held.arrived;
          const fast = await append(store);
          const looking = reader.look();
          await until(paused.arrived, looking);
          held.open();
          const events = await slow;
          const later = await append(store);
          paused.open();
          await looking;
          await reader.look();
          expect(reader.seen).toEqual(sorted(events, fast, later));
        });

        test('an append that was open takes its position only now, and ends after another', async () => {
          const { store, start } = await begin();
          const { paused, reader } = await pausedReader(start);
          const [inserting, committing] = [gate(), gate()];
          const slow = append(
            createEventStore(
              hookedCore(await database.open(), async (text) => {
                if (isInsert(text)) await inserting.pass();
                if (text === 'commit') await committing.pass();
              }),
            ),
          );
          await inserting.arrived;
          const looking = reader.look();
          await until(paused.arrived, looking);
          inserting.open();
          await committing.arrived;
          const fast = await append(store);
          paused.open();
          await looking;
          committing.open();
          const events = await slow;
          await reader.look();
          expect(reader.seen).toEqual(sorted(events, fast));
        });
      });
    }

    test('8 writers in two processes with random pauses, 2 readers: nothing is skipped, nothing comes twice', async () => {
      const jitter = async (): Promise<void> => {
        if (Math.random() < 0.5) await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      };
      const { start } = await begin();
      const stores = [
        createEventStore(hookedCore(await database.open(), jitter)),
        createEventStore(hookedCore(await database.open(), jitter)),
      ];
      const written: StoredEvent[] = [];
      let writing = true;
      const writers = Array.from({ length: 8 }, async (_, w) => {
        for (let i = 0; i < 40; i++) {
          const ending = Math.random();
          await append(stores[w % 2]!, async () => {
            await jitter();
            if (ending < 0.1) throw new Error('rolled back');
          }).then(
            (events) => written.push(...events),
            (error: Error) => expect(error.message).toBe('rolled back'),
          );
        }
      });
      const readers = stores.map((store) => follower(store, start));
      const reading = readers.map(async (reader, i) => {
        while (writing) await reader.look(i === 0 ? 1000 : 3);
        await eventually(async () => (await reader.look()) === 0);
      });
      await Promise.all(writers);
      writing = false;
      await Promise.all(reading);
      for (const reader of readers) expect(reader.seen).toEqual(sorted(written));
    });
  });
}
