import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createEventStore,
  sql,
  type CoreDatabase,
  type EventReader,
  type EventStore,
  type Row,
  type StoredEvent,
} from '#event-store';
import { createMigratedDatabase, engineNames, type TestDatabase } from '../../../event-store/testing/core-databases.js';
import { metadata } from '../../../event-store/testing/hooked-core.js';
import { longTable } from '../../testing/long-table.js';
import { playForward, type Point } from './point.js';
import { pointAt, tableSnapshots, type Which } from './snapshots.js';
import { tableStreams } from '../table/stream.js';

/** The same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Counts the events that are read. */
function counting(store: EventStore): EventReader & { events: number } {
  return {
    events: 0,
    async readStream(...of) {
      const events = await store.readStream(...of);
      this.events += events.length;
      return events;
    },
    pageOfAll: () => {
      throw new Error('not asked');
    },
    pageOfStream: () => {
      throw new Error('not asked');
    },
    readAll: () => {
      throw new Error('nobody reads the whole log');
    },
  };
}

/** Appends to the table's stream in small appends, each a millisecond after the one before. */
async function write(core: CoreDatabase, tableId: string, length: number, seed: number): Promise<StoredEvent[]> {
  let clock = Date.parse('2026-01-01T00:00:00.000Z');
  const store = createEventStore(core, { now: () => new Date(clock++) });
  const events = longTable(tableId, length, seeded(seed));
  const written: StoredEvent[] = [];
  for (let at = 0; at < events.length; at += 7)
    written.push(
      ...(await store.append(
        [{ stream: tableStreams.name(tableId), expectedVersion: at, events: events.slice(at, at + 7) }],
        metadata,
      )),
    );
  return written;
}

const folded = (tableId: string, events: StoredEvent[]): Point[] =>
  playForward(tableId, events).map(({ event: _, ...point }) => point);
const plain = (point: Point | null): unknown => {
  if (point === null) return null;
  const { position, table, lineage, dropped } = point;
  return JSON.parse(JSON.stringify({ position, table, lineage, dropped }));
};

describe.each(engineNames)('a table of 10,000 events: %s', (engine) => {
  let database: TestDatabase;
  let core: CoreDatabase;
  let store: EventStore;
  let written: StoredEvent[];
  let truth: Point[];
  const LENGTH = engine === 'sqlite' ? 10_000 : 1_500;

  beforeAll(async () => {
    database = await createMigratedDatabase(engine);
    core = await database.open();
    store = createEventStore(core);
    written = await write(core, 'long', LENGTH, 7);
    truth = folded('long', written);
    const { projection } = tableSnapshots(store);
    for (let at = 0; at < LENGTH; at += 200)
      await core.transaction((tx) => projection.apply(tx, written.slice(at, at + 200)));
  }, 120_000);
  afterAll(() => database.drop());

  const versions = [
    1,
    2,
    50,
    99,
    100,
    101,
    199,
    LENGTH / 2 + 1,
    LENGTH - 101,
    LENGTH - 1,
    LENGTH,
    ...Array.from({ length: 20 }, (_, i) => 1 + Math.floor(seeded(i)() * LENGTH)),
  ];

  test('has drops, reverts and purges in it, as a long life has', () => {
    expect(new Set(written.map(({ type }) => type)).size).toBeGreaterThanOrEqual(12);
    expect(truth.some(({ dropped }) => Object.keys(dropped).length > 3)).toBe(true);
  });

  test('any version is what folding from the first event gives, and takes fewer than 100 events to read', async () => {
    for (const version of versions) {
      const reader = counting(store);
      expect(plain(await pointAt(core, reader, 'long', { version }))).toEqual(plain(truth[version - 1]!));
      expect(reader.events).toBeLessThan(100);
    }
    const reader = counting(store);
    expect(plain(await pointAt(core, reader, 'long', {}))).toEqual(plain(truth.at(-1)!));
    expect(await pointAt(core, reader, 'long', { version: LENGTH + 1 })).toBeNull();
    expect(await pointAt(core, reader, 'other', { version: 1 })).toBeNull();
    expect(reader.events).toBe(0);
  });

  test('any time too: the last event at that very millisecond counts', async () => {
    for (const version of versions) {
      const { recorded_at } = written[version - 1]!;
      const reader = counting(store);
      const last = written.findLastIndex((event) => event.recorded_at <= recorded_at);
      expect(plain(await pointAt(core, reader, 'long', { at: recorded_at }))).toEqual(plain(truth[last]!));
      expect(reader.events).toBeLessThanOrEqual(200);
    }
    expect(await pointAt(core, store, 'long', { at: '2025-12-31T23:59:59.999Z' })).toBeNull();
    expect((await pointAt(core, store, 'long', { at: '2099-01-01T00:00:00.000Z' }))!.table.version).toBe(LENGTH);
  });
});

describe('a cache', () => {
  let database: TestDatabase;
  let core: CoreDatabase;
  let store: EventStore;
  const LENGTH = 400;
  const streams = new Map<string, { written: StoredEvent[]; truth: Point[] }>();

  beforeAll(async () => {
    database = await createMigratedDatabase('sqlite');
    core = await database.open();
    store = createEventStore(core);
    for (const id of ['a', 'b']) {
      const written = await write(core, id, LENGTH, id.charCodeAt(0));
      streams.set(id, { written, truth: folded(id, written) });
    }
  });
  afterAll(() => database.drop());

  const rows = (): Promise<Row[]> => core.query(sql`select * from table_snapshots order by table_id, version`);
  /** Both tables' events as they would come from the log, mixed. */
  const log = (seed: number): StoredEvent[] => {
    const random = seeded(seed);
    const left = [...streams.values()].map(({ written }) => [...written]);
    const mixed: StoredEvent[] = [];
    while (left.some((one) => one.length > 0))
      mixed.push(...(random() < 0.5 ? left[0]! : left[1]!).splice(0, 1 + Math.floor(random() * 5)));
    return mixed;
  };

  test('whatever the batch sizes, the distance and how far it lags: every version is the same, and so are the rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 0, max: 2 * LENGTH }),
        fc.array(fc.integer({ min: 1, max: LENGTH }), { minLength: 3, maxLength: 8 }),
        async (seed, sizes, distance, handled, versions) => {
          await core.execute(sql`delete from table_snapshots`);
          const { projection } = tableSnapshots(store, distance);
          const events = log(seed).slice(0, handled);
          for (let at = 0, i = 0; at < events.length; i++) {
            const size = sizes[i % sizes.length]!;
            await core.transaction((tx) => projection.apply(tx, events.slice(at, at + size)));
            at += size;
          }
          for (const [id, { truth }] of streams) {
            for (const version of versions)
              expect(plain(await pointAt(core, store, id, { version }))).toEqual(plain(truth[version - 1]!));
            expect(plain(await pointAt(core, store, id, {}))).toEqual(plain(truth.at(-1)!));
          }
          const stepwise = await rows();
          await core.execute(sql`delete from table_snapshots`);
          if (events.length > 0) await core.transaction((tx) => projection.apply(tx, events));
          expect(await rows()).toEqual(stepwise);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  }, 60_000);

  test('the timeline folds to the same in any number of parts, also from a point that was stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('a', 'b'),
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 6 }),
        async (id, sizes) => {
          const { written, truth } = streams.get(id)!;
          const points: Point[] = [];
          for (let i = 0; points.length < written.length; i++) {
            const from = points.length === 0 ? null : (JSON.parse(JSON.stringify(points.at(-1))) as Point);
            points.push(
              ...playForward(id, written.slice(points.length, points.length + sizes[i % sizes.length]!), from),
            );
          }
          expect(
            points.map((point) => JSON.stringify(plain(point))).join('\n') ===
              truth.map((point) => JSON.stringify(plain(point))).join('\n'),
          ).toBe(true);
        },
      ),
      { numRuns: 30, seed: 2 },
    );
  });

  test('one of an older shape is passed over, and the next event heals it', async () => {
    await core.execute(sql`delete from table_snapshots`);
    const { projection } = tableSnapshots(store);
    const { written, truth } = streams.get('a')!;
    await core.transaction((tx) => projection.apply(tx, written.slice(0, 350)));
    await core.execute(sql`update table_snapshots set shape = 0, point = 'not even JSON'`);
    const which: Which[] = [{ version: 100 }, { version: 340 }, {}, { at: written[300]!.recorded_at }];
    for (const one of which) expect(await pointAt(core, store, 'a', one)).not.toBeNull();
    expect(plain(await pointAt(core, store, 'a', { version: 340 }))).toEqual(plain(truth[339]!));
    await core.transaction((tx) => projection.apply(tx, written.slice(350)));
    const reader = counting(store);
    expect(plain(await pointAt(core, reader, 'a', {}))).toEqual(plain(truth.at(-1)!));
    expect(reader.events).toBe(0);
  });
});
