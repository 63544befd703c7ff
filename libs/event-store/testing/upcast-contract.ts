import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { seal } from '../src/blocks.js';
import { sql, type CoreDatabase } from '../src/core-database.js';
import type { EventStore, InlineProjection, StoredEvent } from '../src/event-store.js';
import { Feed } from '../src/feed.js';
import { findBrokenLink } from '../src/hash.js';
import { ReadModels } from '../src/rebuild.js';
import { createEventStore } from '../src/store.js';
import { subscribe } from '../src/subscription.js';
import type { Upcaster } from '../src/upcast.js';
import { verifyLog } from '../src/verify.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, happened, metadata } from './hooked-core.js';

/** v1 {name: 'Ada Lovelace'}; v2 {first, last}; v3 the same, under another type. */
const upcasters: readonly Upcaster[] = [
  {
    type: 'named',
    schema_version: 1,
    upcast: (data) => {
      const [first, last] = (data as { name: string }).name.split(' ');
      return { first, last };
    },
  },
  { type: 'named', schema_version: 2, renamed_to: 'called', upcast: (data) => ({ ...data, title: null }) },
];
const v1 = { type: 'named', schema_version: 1, data: { name: 'Ada Lovelace' } };
const v2 = { type: 'named', schema_version: 2, data: { first: 'Alan', last: 'Turing' } };
const v3 = { type: 'called', schema_version: 3, data: { first: 'Grace', last: 'Hopper', title: 'Admiral' } };
const unknown = { type: 'named', schema_version: 9, data: { who: 'nobody knows yet' } };
const today = [
  { type: 'called', schema_version: 3, data: { first: 'Ada', last: 'Lovelace', title: null } },
  { type: 'called', schema_version: 3, data: { first: 'Alan', last: 'Turing', title: null } },
  v3,
  unknown,
];

/**
 * Old events are given as today's code knows them, wherever they are read for use; what was recorded stays as it was.
 */
export function upcastContract(engine: EngineName): void {
  describe(`upcasting: ${engine}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    /** As the code of back then. */
    let former: EventStore;
    let store: EventStore;
    let seen: StoredEvent[];
    let stream: string;
    let recorded: StoredEvent[];
    let from: number;

    const collecting: InlineProjection = {
      name: 'collected',
      async apply(tx, events) {
        seen.push(...events);
        for (const { position, type, data } of events)
          await tx.upsert('collected', ['position'], { position, event: JSON.stringify({ type, data }) });
      },
    };

    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
      core = await database.open();
      await core.execute(
        sql`create table collected (position bigint not null primary key, event varchar(1000) not null)`,
      );
      former = createEventStore(core);
      store = createEventStore(core, { projections: [collecting], upcasters });
    });
    afterAll(() => database.drop());
    beforeEach(async () => {
      stream = `s-${randomUUID()}`;
      seen = [];
      from = await store.head();
      recorded = await former.append([{ stream, expectedVersion: 0, events: [v1, v2, v3, unknown] }], metadata);
    });

    const shown = (events: readonly StoredEvent[]): object[] =>
      events.map(({ type, schema_version, data }) => ({ type, schema_version, data }));

    test("streams and the global order give them so, with the envelope as it was; by today's type too", async () => {
      for (const events of [
        await store.readStream(stream),
        await store.readAll(from, 10),
        await core.transaction((tx) => store.readWithin(tx, from, 10)),
      ]) {
        expect(shown(events)).toEqual(today);
        expect(
          events.map(({ event_id, position, version, recorded_at, hash }) => ({
            event_id,
            position,
            version,
            recorded_at,
            hash,
          })),
        ).toEqual(
          recorded.map(({ event_id, position, version, recorded_at, hash }) => ({
            event_id,
            position,
            version,
            recorded_at,
            hash,
          })),
        );
      }
      expect(shown(await store.readAll(from, 10, { type: 'called' }))).toEqual(today.slice(0, 3));
      expect(shown(await store.readAll(from, 10, { type: 'named', stream }))).toEqual([unknown]);
      expect(shown(await store.readAll(from, 1, { type: 'called', correlation_id: metadata.correlation_id }))).toEqual(
        today.slice(0, 1),
      );
    });

    test('what is stored, hashed, sealed and verified is what was recorded', async () => {
      await store.readStream(stream);
      expect(await store.asStored.readStream(stream)).toEqual(recorded);
      expect(await store.asStored.readAll(from, 10, { type: 'named' })).toEqual([
        recorded[0],
        recorded[1],
        recorded[3],
      ]);
      expect(findBrokenLink(await store.asStored.readStream(stream))).toBeNull();
      expect(findBrokenLink(await store.readStream(stream))).toMatchObject({ version: 1 });
      await seal(core, store);
      expect(await verifyLog(core, store)).toMatchObject({ valid: true, problems: [] });
      expect(
        (await core.query(sql`select data from events where event_id = ${recorded[0]!.event_id}`))[0]!['data'],
      ).toBe(JSON.stringify(v1.data));
    });

    test('projections, in the append and in a rebuild, subscriptions and followers are given them so', async () => {
      const old = (await store.append([{ stream, expectedVersion: 4, events: [v1] }], metadata))[0]!;
      expect(shown([old])).toEqual(today.slice(0, 1));
      expect(shown(seen)).toEqual(today.slice(0, 1));
      expect(await former.readStream(stream, { after: 4 })).toEqual([{ ...old, ...v1 }]);

      seen = [];
      const models = new ReadModels(core, store, [{ projection: collecting, shape: 1, tables: ['collected'] }]);
      await models.start('collected');
      await eventually(async () => (await models.rebuilds())[0]?.status === 'done');
      expect(shown(seen.filter((event) => event.stream === stream))).toEqual([...today, today[0]]);

      const handled: StoredEvent[] = [];
      const subscription = subscribe(store, core, {
        name: stream,
        from,
        batchSize: 2,
        pollMs: 10,
        handler: async (_, events) => {
          handled.push(...events);
        },
      });
      await eventually(() => handled.length === 5);
      await subscription.stop();
      expect(shown(handled)).toEqual([...today, today[0]]);

      const ending = new AbortController();
      for await (const batch of new Feed(store).follow(from, { batchSize: 10, idleMs: 1000, signal: ending.signal })) {
        expect(shown(batch)).toEqual([...today, today[0]]);
        ending.abort();
      }
    });

    test('an append goes on from what is stored', async () => {
      await store.append([{ stream, expectedVersion: 4, events: [happened()] }], metadata);
      expect(findBrokenLink(await store.asStored.readStream(stream))).toBeNull();
    });
  });
}
