import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { lastBlock, readBlocks, seal, startSealer } from '../src/blocks.js';
import { sql, type CoreDatabase } from '../src/core-database.js';
import type { EventStore, StoredEvent } from '../src/event-store.js';
import { createEventStore } from '../src/store.js';
import { holdsHead, verifyLog } from '../src/verify.js';
import { createMigratedDatabase, type EngineName, type TestDatabase } from './core-databases.js';
import { eventually, gate, happened, metadata } from './hooked-core.js';

/** Whoever changes what was recorded is found, and what was changed is named. */
export function trustContract(engine: EngineName): void {
  describe(`trust: ${engine}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let store: EventStore;
    /** Two streams, each event appended by itself: a1 b1 a2 b2 a3 b3. */
    let events: StoredEvent[];

    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
      core = await database.open();
      store = createEventStore(core);
    });
    afterAll(() => database.drop());
    beforeEach(async () => {
      await core.execute(sql`delete from events`);
      await core.execute(sql`delete from blocks`);
      events = [];
      for (let i = 0; i < 3; i++) for (const stream of ['a', 'b']) events.push(...(await append(stream, i)));
    });

    const append = (stream: string, at: number): Promise<StoredEvent[]> =>
      store.append(
        [{ stream, expectedVersion: at, events: [{ ...happened(at), data: { text: 'é \u001f', n: at } }] }],
        metadata,
      );
    const verify = () => verifyLog(core, store);
    const named = ({ position, event_id, stream, version }: StoredEvent) => ({ position, event_id, stream, version });
    /** As somebody with rights on the database would; PostgreSQL gives positions itself unless it is told otherwise. */
    const move = async ({ event_id }: StoredEvent, to: number): Promise<void> => {
      if (engine !== 'postgres')
        return void (await core.execute(sql`update events set position = ${to} where event_id = ${event_id}`));
      const rest = sql`
        stream, version, event_id, type, schema_version, data, correlation_id, causation_id, actor, recorded_at, hash`;
      await core.execute(sql`create table moved as select ${rest} from events where event_id = ${event_id}`);
      await core.execute(sql`delete from events where event_id = ${event_id}`);
      await core.execute(
        sql`insert into events (position, ${rest}) overriding system value
          select cast(${to} as bigint), ${rest} from moved`,
      );
      await core.execute(sql`drop table moved`);
    };

    test('an untouched log is valid, sealed or not, and sealing twice changes nothing', async () => {
      expect(await verify()).toEqual({
        valid: true,
        events: 6,
        head: { position: 0, hash: '' },
        problems: [],
        more: false,
      });
      expect(await seal(core, store)).toBe(6);
      expect(await seal(core, store)).toBe(0);
      await append('a', 3);
      const { head, ...rest } = await verify();
      expect(rest).toEqual({ valid: true, events: 7, problems: [], more: false });
      expect(head).toEqual({ position: events.at(-1)!.position, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
      await seal(core, store);
      const later = await verify();
      expect([later.valid, later.events]).toEqual([true, 7]);
      expect(later.head.hash).not.toBe(head.hash);
      expect([
        await holdsHead(core, head),
        await holdsHead(core, later.head),
        await holdsHead(core, { ...head, hash: later.head.hash }),
      ]).toEqual([true, true, false]);
    });

    describe.each(['sealed', 'not sealed'])('%s', (state) => {
      beforeEach(async () => {
        if (state === 'sealed') await seal(core, store);
      });

      test.each([
        ['data', '{"text":"é \\u001f","n":7}'],
        // One byte that means the same: an escape in capitals.
        ['data', '{"text":"é \\u001F","n":1}'],
        ['data', '{"text":"é'],
        ['type', 'happene_'],
        ['actor', 'testes'],
        ['correlation_id', 'request-2'],
        ['causation_id', 'x'],
        ['recorded_at', '2000-01-01T00:00:00.000Z'],
        ['hash', '0'.repeat(64)],
      ])('a changed %s is found and named: %s', async (column, value) => {
        const event = events[2]!;
        await core.execute({
          texts: [`update events set ${column} = `, ' where event_id = ', ''],
          values: [value, event.event_id],
        });
        const { valid, problems } = await verify();
        expect(valid).toBe(false);
        expect(problems[0]).toMatchObject(named(event));
        // An event that was not touched is suspected only where the link to it was.
        if (column !== 'hash') expect(problems.every(({ event_id }) => event_id === event.event_id)).toBe(true);
      });

      test('an event removed from the middle is found and named', async () => {
        await core.execute(sql`delete from events where event_id = ${events[2]!.event_id}`);
        const { valid, problems } = await verify();
        expect(valid).toBe(false);
        expect(problems).toEqual([
          {
            ...(state === 'sealed' ? named(events[2]!) : { position: null, event_id: null, stream: 'a', version: 2 }),
            what: expect.stringContaining('removed'),
          },
        ]);
      });

      test('two events of one stream that changed places are found and named', async () => {
        await move(events[0]!, 1_000_000);
        await move(events[2]!, events[0]!.position);
        await move(events[0]!, events[2]!.position);
        const { valid, problems } = await verify();
        expect(valid).toBe(false);
        for (const event of [events[0]!, events[2]!])
          expect(problems.map(({ event_id }) => event_id)).toContain(event.event_id);
      });

      test('the contents of two events that changed places are found and named', async () => {
        for (const [one, other] of [
          [events[0]!, events[2]!],
          [events[2]!, events[0]!],
        ] as const) {
          await core.execute(
            sql`update events set data = ${JSON.stringify(other.data)}, recorded_at = ${other.recorded_at}
              where event_id = ${one.event_id}`,
          );
        }
        expect((await verify()).problems.map(({ event_id }) => event_id)).toEqual([
          events[0]!.event_id,
          events[2]!.event_id,
        ]);
      });
    });

    describe('only what was sealed shows', () => {
      let head: { position: number; hash: string };
      beforeEach(async () => {
        await seal(core, store);
        ({ head } = await verify());
      });

      test('two events of different streams that changed places', async () => {
        await move(events[0]!, 1_000_000);
        await move(events[1]!, events[0]!.position);
        await move(events[0]!, events[1]!.position);
        const { problems } = await verify();
        expect(problems.map(({ event_id }) => event_id).sort()).toEqual(
          [events[0]!.event_id, events[1]!.event_id].sort(),
        );
      });

      test('the last event of a stream removed', async () => {
        await core.execute(sql`delete from events where event_id = ${events[4]!.event_id}`);
        expect((await verify()).problems).toEqual([{ ...named(events[4]!), what: 'was removed' }]);
      });

      test('a whole stream removed', async () => {
        await core.execute(sql`delete from events where stream = 'a'`);
        expect((await verify()).problems).toMatchObject([named(events[0]!), named(events[2]!), named(events[4]!)]);
      });

      test('an event changed together with its own hash and all that follow from it', async () => {
        // The forger appends a log of its own elsewhere and copies its hash over.
        const forged = await createEventStore(core, { now: () => new Date(events[4]!.recorded_at) }).append(
          [{ stream: 'elsewhere', expectedVersion: 0, events: [happened('forged')] }],
          metadata,
        );
        await core.execute(
          sql`update events set hash = ${forged[0]!.hash}, data = ${JSON.stringify(forged[0]!.data)}
            where event_id = ${events[4]!.event_id}`,
        );
        expect((await verify()).problems[0]).toMatchObject({ ...named(events[4]!), what: 'is not as it was sealed' });
      });

      test('a block changed, or missing', async () => {
        await append('a', 3);
        await seal(core, store);
        const [first] = await readBlocks(core, 0, 1);
        const bent = first!.manifest.replace(events[0]!.hash, '0'.repeat(64));
        await core.execute(sql`update blocks set manifest = ${bent} where number = 1`);
        expect((await verify()).problems.map(({ what }) => what)).toEqual([
          expect.stringContaining('block 1 '),
          'is not as it was sealed',
        ]);
        await core.execute(sql`delete from blocks where number = 1`);
        expect((await verify()).problems[0]!.what).toContain('block 1 is missing');
      });

      test('a tail cut together with its blocks shows only against a head that was kept', async () => {
        await append('a', 3);
        await seal(core, store);
        const kept = (await verify()).head;
        await core.execute(sql`delete from events where position > ${head.position}`);
        await core.execute(sql`delete from blocks where number = 2`);
        expect(await verify()).toMatchObject({ valid: true, events: 6, head });
        expect([await holdsHead(core, kept), await holdsHead(core, head)]).toEqual([false, true]);
      });

      test('a tail cut while its blocks stay', async () => {
        await core.execute(sql`delete from events where position > ${events[3]!.position}`);
        expect((await verify()).problems).toMatchObject([named(events[4]!), named(events[5]!)]);
      });
    });

    test('a log of several blocks and batches is read through; what is wrong with much of it is told in part', async () => {
      for (let i = 0; i < 5; i++)
        await store.append(
          [{ stream: `long-${i}`, expectedVersion: 0, events: Array.from({ length: 500 }, (_, n) => happened(n)) }],
          metadata,
        );
      expect(await seal(core, store)).toBe(2506);
      expect((await readBlocks(core, 0, 10)).map((block) => block.events)).toEqual([1000, 1000, 506]);
      expect(await verify()).toMatchObject({ valid: true, events: 2506 });
      await core.execute(sql`update events set actor = 'nobody' where stream = 'long-3'`);
      const { valid, problems, more } = await verify();
      expect([valid, problems.length, more]).toEqual([false, 100, true]);
    }, 30_000);

    test('sealers of three processes at once, while others append: one chain, every event in it once; none holds up an append', async () => {
      const sealers = await Promise.all(
        [0, 1, 2].map(async () => {
          const own = await database.open();
          return startSealer(own, createEventStore(own), { everyMs: 5 });
        }),
      );
      const held = gate();
      const slow =
        engine === 'sqlite'
          ? null
          : store.append([{ stream: 'slow', expectedVersion: 0, events: [happened()] }], metadata, held.pass);
      if (slow !== null) await held.arrived;
      for (let i = 3; i < 40; i++) await append('a', i);
      // What comes after an append in flight is not sealed: that one could still slip in between.
      if (slow !== null) expect((await lastBlock(core))?.to_position ?? 0).toBeLessThanOrEqual(events.at(-1)!.position);
      held.open();
      await slow;
      const head = await store.head();
      await eventually(async () => (await lastBlock(core))?.to_position === head);
      await Promise.all(sealers.map((sealer) => sealer.stop()));
      expect(await verify()).toMatchObject({ valid: true, problems: [] });
      const lines = (await readBlocks(core, 0, 1000)).flatMap(({ manifest }) => manifest.split('\n'));
      expect(lines).toHaveLength((await verify()).events);
    }, 30_000);
  });
}
