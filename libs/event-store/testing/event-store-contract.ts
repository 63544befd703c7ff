import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql, type CoreDatabase } from '../src/core-database.js';
import { UniqueViolation, VersionConflict } from '../src/errors.js';
import type { EventStore, InlineProjection } from '../src/event-store.js';
import { findBrokenLink } from '../src/hash.js';
import { createEventStore } from '../src/store.js';
import type { TestDatabase } from './core-databases.js';
import { gate, happened, metadata } from './hooked-core.js';

/** What every event store does alike. `create` gives a migrated database. */
export function eventStoreContract(name: string, create: () => Promise<TestDatabase>): void {
  describe(`event store: ${name}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let store: EventStore;
    let stream: string;

    beforeAll(async () => {
      database = await create();
      core = await database.open();
      store = createEventStore(core);
      await core.execute(sql`create table counts (stream varchar(200) not null primary key, events integer not null)`);
    });
    afterAll(() => database.drop());
    beforeEach(() => {
      stream = `stream-${randomUUID()}`;
    });

    const one = (expectedVersion: number, n: number | string = 1, to = stream) => ({
      stream: to,
      expectedVersion,
      events: [happened(n)],
    });
    const versions = async (of = stream): Promise<number[]> =>
      (await store.readStream(of)).map(({ version }) => version);

    test('reads back what was appended, in order, with its envelope', async () => {
      const event_id = randomUUID();
      const appended = await store.append(
        [
          {
            stream,
            expectedVersion: 0,
            events: [
              {
                event_id,
                type: 'opened',
                schema_version: 2,
                data: { text: 'é "quoted" \\ \0', list: [1, { b: 1, a: null }] },
                causation_id: 'cause-1',
              },
              happened(2),
            ],
          },
        ],
        { ...metadata, causation_id: 'cause-0' },
      );
      expect(await store.readStream(stream)).toEqual(appended);
      expect(appended[0]).toEqual({
        event_id,
        position: expect.any(Number),
        stream,
        version: 1,
        type: 'opened',
        schema_version: 2,
        data: { text: 'é "quoted" \\ \0', list: [1, { b: 1, a: null }] },
        metadata: { correlation_id: 'request-1', causation_id: 'cause-1', actor: 'tester' },
        recorded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(appended[1]).toMatchObject({ version: 2, metadata: { causation_id: 'cause-0' } });
      expect(appended[1]!.event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(appended[1]!.position).toBeGreaterThan(appended[0]!.position);
    });

    test('data are given back as they will be read: undefined gone, dates as text', async () => {
      const [event] = await store.append(
        [
          {
            stream,
            expectedVersion: 0,
            events: [{ type: 'x', schema_version: 1, data: { at: new Date(0), none: undefined } }],
          },
        ],
        metadata,
      );
      expect(event!.data).toStrictEqual({ at: '1970-01-01T00:00:00.000Z' });
      expect(await store.readStream(stream)).toStrictEqual([event]);
    });

    test('reads a part of a stream; an unknown stream is empty', async () => {
      await store.append([{ stream, expectedVersion: 0, events: [1, 2, 3, 4].map(happened) }], metadata);
      expect((await store.readStream(stream, { after: 1, upTo: 3 })).map(({ version }) => version)).toEqual([2, 3]);
      expect(await store.readStream('nothing')).toEqual([]);
    });

    test('reads all in pages and by stream, type and correlation', async () => {
      const correlation_id = randomUUID();
      const appended = await store.append(
        [one(0), { ...one(0, 2, `${stream}-b`), events: [happened(2), { ...happened(3), type: `type-${stream}` }] }],
        { ...metadata, correlation_id },
      );
      const before = appended[0]!.position - 1;
      expect(await store.readAll(before, 2)).toEqual(appended.slice(0, 2));
      expect(await store.readAll(appended[1]!.position, 2)).toEqual(appended.slice(2));
      expect(await store.readAll(0, 10, { correlation_id })).toEqual(appended);
      expect(await store.readAll(0, 10, { stream: `${stream}-b`, correlation_id })).toEqual(appended.slice(1));
      expect(await store.readAll(0, 10, { type: `type-${stream}` })).toEqual(appended.slice(2));
    });

    test('1,200 events in one append keep their order', async () => {
      const appended = await store.append(
        [{ stream, expectedVersion: 0, events: Array.from({ length: 1200 }, (_, i) => happened(i)) }],
        metadata,
      );
      expect(await store.readStream(stream)).toEqual(appended);
      expect(await store.readAll(appended[0]!.position - 1, 1200)).toEqual(appended);
    });

    test.each([
      [0, 1],
      [2, 1],
      [1, 0],
    ])('expected version %i is refused at version %i', async (expected, actual) => {
      if (actual > 0) await store.append([one(0)], metadata);
      const refused = await store.append([one(expected)], metadata).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(VersionConflict);
      expect(refused).toMatchObject({ stream, expected, actual });
      expect(await versions()).toHaveLength(actual);
    });

    test('several streams: all or nothing', async () => {
      await store.append([one(0)], metadata);
      await expect(store.append([one(0, 1, `${stream}-new`), one(0)], metadata)).rejects.toMatchObject({
        code: 'version_conflict',
        stream,
        actual: 1,
      });
      await expect(store.append([one(0, 1, `${stream}-new`), one(5)], metadata)).rejects.toMatchObject({
        code: 'version_conflict',
        stream,
        actual: 1,
      });
      expect(await versions(`${stream}-new`)).toEqual([]);
      await store.append([one(0, 1, `${stream}-new`), one(1)], metadata);
      expect([await versions(`${stream}-new`), await versions()]).toEqual([[1], [1, 2]]);
    });

    test.each([0, 1])('of 20 appends at once at version %i, one wins', async (version) => {
      if (version === 1) await store.append([one(0)], metadata);
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => store.append([one(version, i)], metadata)),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toBeInstanceOf(VersionConflict);
          expect(result.reason).toMatchObject({ expected: version, actual: version + 1 });
        }
      }
      expect(await versions()).toHaveLength(version + 1);
    });

    test('a page that ends where the log had come to when it was last looked at is not taken for the last one', async () => {
      const start = await store.head();
      const two = async (): Promise<void> => {
        for (let i = 0; i < 2; i++)
          await store.append(
            [
              {
                stream: `paged-${start}-${i}-${Math.random()}`,
                expectedVersion: 0,
                events: [{ type: 'x', schema_version: 1, data: {} }],
              },
            ],
            metadata,
          );
      };
      await two();
      await store.head();
      await two();
      expect(await store.pageOfAll(start, 2)).toMatchObject({ events: [{}, {}], more: true });
    });

    if (name === 'sqlite') {
      test('an append waits for another one: SQLite has one writer', async () => {
        const held = gate();
        const first = store.append([one(0)], metadata, held.pass);
        await held.arrived;
        let done = false;
        const second = store.append([one(0, 1, `${stream}-b`)], metadata).then(() => {
          done = true;
        });
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(done).toBe(false);
        held.open();
        await Promise.all([first, second]);
      });
    } else {
      test('appends to different streams do not wait for one another', async () => {
        await store.append([one(0)], metadata);
        const gates = [gate(), gate()];
        const holding = [
          store.append([one(1)], metadata, gates[0]!.pass),
          store.append([one(0, 1, `${stream}-b`)], metadata, gates[1]!.pass),
        ];
        await Promise.all(gates.map(({ arrived }) => arrived));
        // New streams, existing ones, from this process and from others, on connections that never appended before.
        const others = [store, createEventStore(await database.open()), createEventStore(await database.open())];
        await Promise.all(
          others.flatMap((writer, i) =>
            Array.from({ length: 4 }, async (_, k) => {
              await writer.append([one(0, 1, `${stream}-c${i}${k}`)], metadata);
              await writer.append([one(1, 2, `${stream}-c${i}${k}`)], metadata);
            }),
          ),
        );
        gates.forEach(({ open }) => open());
        await Promise.all(holding);
      }, 15_000);
    }

    test('an event id that was used before is a UniqueViolation', async () => {
      const event_id = randomUUID();
      await store.append([{ ...one(0), events: [{ ...happened(), event_id }] }], metadata);
      await expect(
        store.append([{ ...one(1), events: [{ ...happened(), event_id }] }], metadata),
      ).rejects.toBeInstanceOf(UniqueViolation);
      expect(await versions()).toEqual([1]);
    });

    describe('in the same transaction', () => {
      const counting: InlineProjection = {
        name: 'counts',
        async apply(tx, events) {
          for (const event of events)
            await tx.upsert('counts', ['stream'], { stream: event.stream, events: event.version });
          if (events.some(({ data }) => 'n' in data && data.n === 'bad')) throw new Error('projection failed');
        },
      };
      const count = () => core.query(sql`select events from counts where stream = ${stream}`);

      test('an inline projection is up to date when append returns', async () => {
        await createEventStore(core, { projections: [counting] }).append([one(0)], metadata);
        expect(await count()).toEqual([{ events: 1 }]);
      });

      test('a projection that throws takes the events with it', async () => {
        await expect(
          createEventStore(core, { projections: [counting] }).append([one(0, 'bad')], metadata),
        ).rejects.toThrow('projection failed');
        expect([await count(), await versions()]).toEqual([[], []]);
      });

      test('`alongside` that throws takes the events with it; a unique key it hits is a UniqueViolation, no VersionConflict', async () => {
        await core.execute(sql`insert into counts values (${stream}, ${1})`);
        const failing = store.append([one(0)], metadata, async (tx) => {
          await tx.execute(sql`insert into counts values (${stream}, ${2})`);
        });
        await expect(failing).rejects.toBeInstanceOf(UniqueViolation);
        expect(await versions()).toEqual([]);
      });
    });

    describe('the chain', () => {
      test('verifies, over every stream', async () => {
        await store.append([one(0)], metadata);
        await store.append([one(1), one(0, 2, `${stream}-b`)], metadata);
        await store.append([{ stream, expectedVersion: 2, events: [happened(3), happened(4)] }], metadata);
        expect(findBrokenLink(await store.readAll(0, 1_000_000))).toBeNull();
      });

      test.each(['data', 'type', 'actor', 'recorded_at', 'event_id', 'correlation_id'])(
        'a changed %s is found',
        async (column) => {
          await store.append([{ stream, expectedVersion: 0, events: [happened(1), happened(2)] }], metadata);
          const value = column === 'data' ? '{"n":9}' : '2000-01-01T00:00:00.000Z';
          await core.execute({
            texts: [`update events set ${column} = `, ' where version = 1 and stream = ', ''],
            values: [value, stream],
          });
          const events = await store.readStream(stream);
          expect(findBrokenLink(events)).toBe(events[0]);
          await core.execute(sql`delete from events where stream = ${stream}`);
        },
      );

      test('an event removed from the middle is found', async () => {
        await store.append([{ stream, expectedVersion: 0, events: [1, 2, 3].map(happened) }], metadata);
        await core.execute(sql`delete from events where stream = ${stream} and version = ${2}`);
        expect(findBrokenLink(await store.readStream(stream))).toMatchObject({ version: 3 });
        await core.execute(sql`delete from events where stream = ${stream}`);
      });
    });

    test('recorded_at never falls within a stream, though the clock does', async () => {
      const times = ['2030-01-01T00:00:02.000Z', '2030-01-01T00:00:01.000Z', '2030-01-01T00:00:03.000Z'];
      let i = 0;
      const wobbling = createEventStore(core, { now: () => new Date(times[i]!) });
      for (; i < times.length; i++) await wobbling.append([one(i)], metadata);
      expect((await store.readStream(stream)).map(({ recorded_at }) => recorded_at)).toEqual([
        times[0],
        times[0],
        times[2],
      ]);
    });

    test('listeners hear of what was appended, after the commit; one that throws harms nobody', async () => {
      const heard: string[] = [];
      const stops = [
        store.onAppended(() => {
          throw new Error('listener failed');
        }),
        store.onAppended((events) => heard.push(...events.map((event) => event.stream))),
      ];
      await store.append([one(0)], metadata);
      await store.append([one(0)], metadata).catch(() => undefined);
      for (const stop of stops) stop();
      await store.append([one(1)], metadata);
      expect(heard).toEqual([stream]);
    });

    test.each([
      ['no stream', []],
      ['no events', [{ stream: 'a', expectedVersion: 0, events: [] }]],
      [
        'a stream twice',
        [
          { stream: 'a', expectedVersion: 0, events: [happened()] },
          { stream: 'a', expectedVersion: 1, events: [happened()] },
        ],
      ],
      ['a name with a blank at its end', [{ stream: 'a ', expectedVersion: 0, events: [happened()] }]],
      ['a version below 0', [{ stream: 'a', expectedVersion: -1, events: [happened()] }]],
    ])('refuses %s', async (_, appends) => {
      await expect(store.append(appends, metadata)).rejects.toBeInstanceOf(TypeError);
    });
  });
}
