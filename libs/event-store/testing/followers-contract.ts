import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { sql, type CoreDatabase, type Row } from '../src/core-database.js';
import type { EventStore, InlineProjection, StoredEvent } from '../src/event-store.js';
import { Followers } from '../src/followers.js';
import { ReadModels, type ReadModel } from '../src/rebuild.js';
import { createEventStore } from '../src/store.js';
import { readCheckpoints, type Checkpoint } from '../src/subscription.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, gate, happened, hookedCore, metadata } from './hooked-core.js';

/**
 * A read model behind the log is the log so far, never more, never less, and never a step back; one that fails harms
 * itself alone.
 */
export function followersContract(engine: EngineName): void {
  describe(`read models behind the log: ${engine}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let store: EventStore;
    let models: ReadModels;
    let digests: boolean;
    const running: Followers[] = [];

    const marks = (table: string, poison?: string): ReadModel => {
      const projection: InlineProjection = {
        name: table,
        async apply(tx, events) {
          for (const { position, stream, type } of events) {
            await tx.execute({
              texts: [`insert into ${table} (position, stream) values (`, ', ', ')'],
              values: [position, stream],
            });
            if (type === poison && !digests) throw new Error('cannot digest');
          }
        },
      };
      return { projection, shape: 1, tables: [table], behind: true };
    };
    const both = [marks('fussy', 'poison'), marks('hardy')];

    beforeEach(async () => {
      database = await createMigratedDatabase(engine);
      core = await database.open();
      for (const table of ['fussy', 'hardy'])
        await core.execute({
          texts: [`create table ${table} (position bigint not null primary key, stream varchar(100) not null)`],
          values: [],
        });
      digests = false;
      store = createEventStore(core);
      models = new ReadModels(core, store, both);
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((followers) => followers.stop()));
      await models.stop();
      await database.drop();
    });

    const follow = (on = core, to = store): Followers => {
      const followers = new Followers(on, to, both);
      followers.start();
      running.push(followers);
      return followers;
    };
    const append = async (count = 1, type = 'happened', to = store): Promise<StoredEvent[]> =>
      to.append(
        [
          {
            stream: `s-${randomUUID()}`,
            expectedVersion: 0,
            events: Array.from({ length: count }, (_, n) => ({ ...happened(n), type })),
          },
        ],
        metadata,
      );
    const rows = (table: string): Promise<Row[]> =>
      core.query({ texts: [`select position, stream from ${table} order by position`], values: [] });
    const expected = async (): Promise<object[]> =>
      (await store.readAll(0, 100_000)).map(({ position, stream }) => ({ position, stream }));
    const checkpoint = async (name: string): Promise<Checkpoint | undefined> =>
      (await readCheckpoints(core)).find((one) => one.name === name);
    const rebuilt = async (name: string, by = models): Promise<object | undefined> => {
      await by.start(name);
      await eventually(
        async () => (await models.rebuilds()).find((one) => one.name === name)?.status !== 'running',
        20_000,
      );
      return (await models.rebuilds()).find((one) => one.name === name);
    };

    test('is kept from the first event, by as many processes as there are, and is there when it is waited for', async () => {
      await append(3);
      const [one, two] = [follow(), follow(await database.open())];
      for (let i = 0; i < 5; i++) {
        const last = (await append(2)).at(-1)!;
        for (const followers of [one, two]) expect(await followers.reached('hardy', last.position, 5000)).toBe(true);
        expect(await rows('hardy')).toEqual(await expected());
      }
      expect(await one.reached('hardy', (await store.head()) + 1, 50)).toBe(false);
    });

    test('one that cannot take an event stands before it with its error; appends and the other go on; it is not waited for', async () => {
      const followers = follow();
      await append(2);
      const [poison] = await append(1, 'poison');
      const last = (await append(2)).at(-1)!;
      expect(await followers.reached('hardy', last.position, 5000)).toBe(true);
      await eventually(async () => {
        const at = await checkpoint('fussy');
        return at !== undefined && at.failures > 0 && at.position === poison!.position - 1;
      });
      expect((await checkpoint('fussy'))!.error).toContain('cannot digest');
      expect(await rows('fussy')).toEqual((await expected()).slice(0, 2));
      const began = Date.now();
      expect(await followers.reached('fussy', last.position, 20_000)).toBe(false);
      expect(Date.now() - began).toBeLessThan(5000);
      digests = true;
      await eventually(async () => (await rows('fussy')).length === 5);
      expect(await checkpoint('fussy')).toMatchObject({ position: last.position, failures: 0, error: null });
    });

    test('rebuilt: what was bent comes right and what was lived is the same; nobody who keeps it handles an event twice or leaves one out', async () => {
      await append(700);
      const other = await database.open();
      const here = follow();
      follow(other);
      const writing = createEventStore(await database.open());
      let going = true;
      const writer = (async () => {
        while (going) {
          await append(1, 'happened', writing);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      const mostSeen = [0];
      const reader = (async () => {
        while (going) {
          const count = Number((await core.query(sql`select count(*) as n from hardy`))[0]!['n']);
          expect(count).toBeGreaterThanOrEqual(mostSeen.at(-1)!);
          mostSeen.push(count);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      try {
        await here.reached('hardy', await store.head(), 10_000);
        for (let i = 0; i < 3; i++) expect(await rebuilt('hardy')).toMatchObject({ status: 'done', error: null });
      } finally {
        going = false;
        await Promise.all([writer, reader]);
      }
      expect(await here.reached('hardy', await store.head(), 5000)).toBe(true);
      expect(await rows('hardy')).toEqual(await expected());
      await core.execute(sql`update hardy set stream = 'bent' where position = 3`);
      expect(await rebuilt('hardy')).toMatchObject({ status: 'done', processed: (await expected()).length });
      expect(await rows('hardy')).toEqual(await expected());
    }, 60_000);

    test('while a rebuild puts its rows in place nobody handles on: what a reader has seen there never goes away again', async () => {
      await append(5);
      const followers = follow();
      expect(await followers.reached('hardy', await store.head(), 5000)).toBe(true);
      const held = gate();
      const on = hookedCore(await database.open(), async (text) => {
        if (text.startsWith('delete from hardy')) await held.pass();
      });
      const rebuilding = new ReadModels(on, createEventStore(on), both);
      await rebuilding.start('hardy');
      await held.arrived;
      const last = (engine === 'sqlite' ? await store.readAll(0, 10) : await append(2)).at(-1)!;
      // One who waits is kept waiting; on SQLite that is so for every writer.
      expect(await followers.reached('hardy', last.position, 600)).toBe(engine === 'sqlite');
      held.open();
      await eventually(async () => (await models.rebuilds())[0]?.status === 'done');
      expect(await followers.reached('hardy', last.position, 5000)).toBe(true);
      expect(await rows('hardy')).toEqual(await expected());
      await rebuilding.stop();
    });

    test('a parked one that is rebuilt by code that can take the event stands where the rebuild came to, and goes on', async () => {
      const followers = follow();
      await append(2);
      const [poison] = await append(1, 'poison');
      await eventually(async () => {
        const at = await checkpoint('fussy');
        return at !== undefined && at.failures > 0 && at.position === poison!.position - 1;
      });
      expect(await rebuilt('fussy')).toMatchObject({
        status: 'failed',
        error: expect.stringContaining('cannot digest'),
      });
      expect(await rows('fussy')).toEqual((await expected()).slice(0, 2));
      // The other process is of the newer code; the one that is parked waits long before it tries again.
      const fixed = new ReadModels(core, store, [marks('fussy')]);
      expect(await rebuilt('fussy', fixed)).toMatchObject({ status: 'done', error: null });
      expect(await checkpoint('fussy')).toMatchObject({ position: await store.head(), failures: 0, error: null });
      digests = true;
      const last = (await append(2)).at(-1)!;
      await eventually(async () => followers.reached('fussy', last.position, 100), 40_000);
      expect(await rows('fussy')).toEqual(await expected());
    }, 60_000);

    test('one that nobody keeps yet is built by a rebuild as well, and then kept from there', async () => {
      await append(4);
      const head = await store.head();
      expect(await rebuilt('hardy')).toMatchObject({ status: 'done', processed: 4, position: head, target: head });
      expect(await checkpoint('hardy')).toMatchObject({ position: head });
      const last = (await append(1))[0]!;
      expect(await follow().reached('hardy', last.position, 5000)).toBe(true);
      expect(await rows('hardy')).toEqual(await expected());
    });

    // SQLite has one writer at a time: no append is in flight beside another.
    if (engine !== 'sqlite')
      test('what is not settled is not handled: an append in flight holds it up, and is handled in its place', async () => {
        const followers = follow();
        const held = gate();
        const slow = store.append([{ stream: 'slow', expectedVersion: 0, events: [happened()] }], metadata, held.pass);
        await held.arrived;
        const [fast] = await append(1);
        expect(await store.committed()).toBe(fast!.position);
        expect(await followers.reached('hardy', fast!.position, 300)).toBe(false);
        held.open();
        await slow;
        expect(await followers.reached('hardy', fast!.position, 5000)).toBe(true);
        expect(await rows('hardy')).toEqual(await expected());
      });

    test('timers and answers have their turn while it catches up on a long log', async () => {
      for (let i = 0; i < 10; i++) await append(1000);
      let turns = 0;
      const turning = setInterval(() => {
        turns++;
      }, 0);
      const before = turns;
      follow();
      await eventually(async () => (await checkpoint('hardy'))?.position === (await store.head()), 50_000);
      clearInterval(turning);
      // 50 batches each.
      expect(turns - before).toBeGreaterThanOrEqual(25);
    }, 60_000);
  });
}
