import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql, type CoreDatabase, type Row } from '../src/core-database.js';
import type { EventStore, InlineProjection } from '../src/event-store.js';
import { ReadModels, UnknownReadModel, type ReadModel } from '../src/rebuild.js';
import { createEventStore } from '../src/store.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, gate, happened, metadata } from './hooked-core.js';

/** A read model that is rebuilt is what it would be had it lived from the first event; meanwhile it goes on living. */
export function rebuildContract(engine: EngineName): void {
  describe(`rebuild: ${engine}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let store: EventStore;
    let models: ReadModels;
    /** Called with each batch that a rebuild, not an append, hands over. */
    let onRebuild: (events: number) => Promise<void>;

    const tallies: InlineProjection = {
      name: 'tallies',
      async apply(tx, events) {
        if (events.length > 2 || events.some(({ type }) => type === 'poison')) await onRebuild(events.length);
        for (const { stream, position, version } of events) {
          const [row] = await tx.query(sql`select first_position from tallies where stream = ${stream}`);
          if (row === undefined)
            await tx.execute(
              sql`insert into tallies (stream, first_position, events) values (${stream}, ${position}, ${version})`,
            );
          else await tx.execute(sql`update tallies set events = ${version} where stream = ${stream}`);
          await tx.upsert('tally_marks', ['position'], { position, stream });
        }
        await tx.execute(sql`insert into tally_calls (n) values (${events.length})`);
      },
    };
    const model: ReadModel = {
      projection: tallies,
      shape: 1,
      tables: ['tallies', 'tally_marks'],
      beside: ['tally_calls'],
    };

    beforeEach(async () => {
      database = await createMigratedDatabase(engine);
      core = await database.open();
      await core.execute(
        sql`create table tallies (
          stream varchar(100) not null primary key, first_position bigint not null, events integer not null)`,
      );
      await core.execute(
        sql`create table tally_marks (position bigint not null primary key, stream varchar(100) not null)`,
      );
      await core.execute(sql`create table tally_calls (n integer not null)`);
      onRebuild = async () => undefined;
      store = createEventStore(core, { projections: [tallies] });
      models = new ReadModels(core, store, [model]);
    });
    afterEach(async () => {
      await models.stop();
      await database.drop();
    });

    const append = (stream = `s-${randomUUID()}`, at = 0, type = 'happened', to = store) =>
      to.append([{ stream, expectedVersion: at, events: [{ ...happened(), type }] }], metadata);
    const rows = async (): Promise<Row[][]> => [
      await core.query(sql`select stream, first_position, events from tallies order by stream`),
      await core.query(sql`select position, stream from tally_marks order by position`),
    ];
    const last = async () => (await models.rebuilds()).find(({ name }) => name === 'tallies');
    const ended = async (): Promise<void> => eventually(async () => (await last())?.status !== 'running', 20_000);

    test('what was bent comes right, what was lived is the same, and what is no read model stays', async () => {
      for (let i = 0; i < 5; i++) for (const stream of ['a', 'b']) await append(stream, i);
      const lived = await rows();
      await core.execute(sql`update tallies set events = 77 where stream = 'a'`);
      await core.execute(sql`delete from tally_marks where stream = 'b'`);
      const calls = await core.query(sql`select n from tally_calls`);
      await models.start('tallies');
      await ended();
      const head = await store.head();
      expect(await last()).toEqual({
        name: 'tallies',
        status: 'done',
        position: head,
        target: head,
        processed: 10,
        error: null,
        started_at: expect.any(String),
        updated_at: expect.any(String),
      });
      expect(await rows()).toEqual(lived);
      expect(await core.query(sql`select n from tally_calls`)).toEqual(calls);
      await append('a', 5);
      expect((await rows())[0]![0]).toMatchObject({ stream: 'a', events: 6 });
      // No table is left behind.
      await expect(core.query(sql`select * from rebuild_tallies`)).rejects.toMatchObject({
        message: expect.stringContaining('rebuild_tallies'),
      });
      await models.start('tallies');
      await ended();
      expect(await last()).toMatchObject({ status: 'done', processed: 11 });
    });

    test('reads and appends from two processes go on: no reader ever misses a row, and none is lost', async () => {
      for (let i = 0; i < 3; i++)
        await store.append(
          [{ stream: `long-${i}`, expectedVersion: 0, events: Array.from({ length: 200 }, (_, n) => happened(n)) }],
          metadata,
        );
      const other = createEventStore(await database.open(), { projections: [tallies] });
      let going = true;
      const mostSeen: number[] = [];
      const reader = (async () => {
        while (going) {
          const count = Number((await core.query(sql`select count(*) as n from tally_marks`))[0]!['n']);
          expect(count).toBeGreaterThanOrEqual(mostSeen.at(-1) ?? 600);
          mostSeen.push(count);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      const writers = [0, 1, 2, 3].map(async (w) => {
        for (let i = 0; going; i++) {
          await append(`w-${w}`, i, 'happened', w % 2 ? other : store);
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
      });
      try {
        for (let i = 0; i < 2; i++) {
          await models.start('tallies');
          await ended();
          expect(await last()).toMatchObject({ status: 'done', error: null });
        }
      } finally {
        going = false;
        await Promise.all([reader, ...writers]);
      }
      const events = await store.readAll(0, 100_000);
      const [tallied, marks] = await rows();
      expect(marks).toEqual(events.map(({ position, stream }) => ({ position, stream })));
      for (const row of tallied!)
        expect(row['events']).toBe(events.filter(({ stream }) => stream === row['stream']).length);
    }, 60_000);

    test('progress shows, and a second start at the same time, here or elsewhere, changes nothing', async () => {
      for (let i = 0; i < 3; i++)
        await store.append(
          [{ stream: `long-${i}`, expectedVersion: 0, events: Array.from({ length: 400 }, (_, n) => happened(n)) }],
          metadata,
        );
      const held = gate();
      let reads = 0;
      const slow: EventStore = {
        ...store,
        readAll: async (...of) => (++reads === 2 ? held.pass().then(() => store.readAll(...of)) : store.readAll(...of)),
      };
      await new ReadModels(core, slow, [model]).start('tallies');
      await held.arrived;
      const at = (await last())!;
      expect(at).toMatchObject({ status: 'running', processed: 500, error: null, target: await store.head() });
      expect(at.position).toBeLessThan(at.target);
      await models.start('tallies');
      await new ReadModels(core, store, [model]).start('tallies');
      expect(await last()).toEqual(at);
      held.open();
      await ended();
      expect(await last()).toMatchObject({ status: 'done', processed: 1200 });
    });

    test('an event that it cannot take ends the rebuild, is named, and harms neither the log nor the living read model', async () => {
      await append('a');
      const [poison] = await append('a', 1, 'poison');
      await append('a', 2);
      const lived = await rows();
      onRebuild = async () => {
        throw new Error('cannot digest');
      };
      await models.start('tallies');
      await ended();
      expect(await last()).toMatchObject({
        status: 'failed',
        error: expect.stringContaining(`${poison!.event_id} at position ${poison!.position}`),
        processed: 1,
      });
      expect((await last())!.error).toContain('cannot digest');
      expect(await rows()).toEqual(lived);
      onRebuild = async () => undefined;
      await append('a', 3);
      await models.start('tallies');
      await ended();
      expect(await last()).toMatchObject({ status: 'done', error: null });
    });

    test('a table that was not declared is not written a second time: the rebuild ends', async () => {
      await append('a');
      const lived = await rows();
      for (const tables of [['tallies'], ['tally_marks']]) {
        const careless = new ReadModels(core, store, [{ ...model, tables }]);
        await careless.start('tallies');
        await ended();
        expect(await last()).toMatchObject({ status: 'failed', error: expect.stringContaining('may not touch') });
        expect(await rows()).toEqual(lived);
      }
    });

    test('an unknown name is refused; one that stopped in the middle says so and can be asked for again', async () => {
      await expect(models.start('nothing')).rejects.toBeInstanceOf(UnknownReadModel);
      for (let i = 0; i < 3; i++)
        await store.append(
          [{ stream: `long-${i}`, expectedVersion: 0, events: Array.from({ length: 400 }, (_, n) => happened(n)) }],
          metadata,
        );
      const held = gate();
      onRebuild = held.pass;
      await models.start('tallies');
      await held.arrived;
      const stopping = models.stop();
      held.open();
      await stopping;
      expect(await last()).toMatchObject({ status: 'failed', error: expect.stringContaining('stopped') });
      const next = new ReadModels(core, store, [model]);
      await next.start('tallies');
      await ended();
      expect(await last()).toMatchObject({ status: 'done' });
    });
  });
}
