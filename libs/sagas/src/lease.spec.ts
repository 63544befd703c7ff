import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreUnavailable, migrate, openCoreDatabase, sql, type CoreDatabase, type Sql } from '#event-store';
import { createMigratedDatabase, engineNames, type TestDatabase } from '../../event-store/testing/core-databases.js';
import { freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { Leases } from './lease.js';

const TTL_MS = 300;
const HOUR_MS = 3_600_000;
let fresh: Fresh;
let core: CoreDatabase;
let [refusing, errors]: [RegExp | null, unknown[]] = [null, []];

beforeEach(async () => {
  fresh = await freshSqlite();
  core = await openCoreDatabase(fresh.url);
  await migrate(core);
  [refusing, errors] = [null, []];
});
afterEach(async () => {
  await core.close();
  await fresh.drop();
});

/** The core database as a process sees it that is cut off while it says one kind of thing. */
function cutOffFrom(core: CoreDatabase): CoreDatabase {
  return new Proxy(core, {
    get(target, key) {
      if (key === 'execute')
        return async (statement: Sql) => {
          if (refusing?.test(statement.texts.join('?'))) throw new CoreUnavailable('cut off');
          return core.execute(statement);
        };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

test('a lease whose release was not heard runs out, though its process goes on holding others', async () => {
  const [ours, theirs] = [
    new Leases(cutOffFrom(core), 'ours', TTL_MS, (error) => errors.push(error)),
    new Leases(core, 'theirs', TTL_MS, (error) => errors.push(error)),
  ];
  await ours.acquire('kept');
  await ours.acquire('let go');
  refusing = /expires_at = 0/;
  await expect(ours.release('let go')).rejects.toMatchObject({ code: 'core_database_unavailable' });
  refusing = null;
  expect(await theirs.acquire('let go')).toBeNull();
  await sleep(2 * TTL_MS);
  expect(await theirs.acquire('let go')).not.toBeNull();
  expect(await theirs.acquire('kept')).toBeNull();
  await Promise.all([ours.release('kept'), theirs.release('let go')]);
  expect(errors).toEqual([]);
});

for (const engine of engineNames) {
  describe(`on ${engine}`, () => {
    let [database, first, second]: [TestDatabase, CoreDatabase, CoreDatabase] = [null!, null!, null!];
    beforeAll(async () => {
      database = await createMigratedDatabase(engine);
      [first, second] = [await database.open(), await database.open()];
    });
    afterAll(() => database.drop());

    const leases = (on: CoreDatabase, owner: string): Leases =>
      new Leases(on, owner, TTL_MS, (error) => errors.push(error));
    const lie = async (subject: string, byMs: number): Promise<void> => {
      await first.execute(sql`update leases set expires_at = ${first.clock} + ${byMs} where subject = ${subject}`);
    };

    test('a lease lasts as long as the core database says, whatever the clocks of processes say', async () => {
      const now = Date.now;
      const [ahead, behind] = [leases(first, 'ahead'), leases(second, 'behind')];
      try {
        if (engine !== 'sqlite') Date.now = () => now() + HOUR_MS;
        const token = await ahead.acquire('s');
        expect(token).not.toBeNull();
        if (engine !== 'sqlite') Date.now = () => now() - HOUR_MS;
        expect(await behind.acquire('s')).toBeNull();
        const [row] = await first.query(
          sql`select expires_at - ${first.clock} as still from leases where subject = ${'s'}`,
        );
        expect(Number(row!['still'])).toBeGreaterThan(0);
        expect(Number(row!['still'])).toBeLessThanOrEqual(TTL_MS);
        // Renewed, and prolonged by an append, by the same clock.
        await first.transaction((tx) => ahead.check(tx, 's', token!));
        await sleep(TTL_MS);
        expect(await behind.acquire('s')).toBeNull();
        await ahead.release('s');
        expect(await behind.acquire('s')).not.toBeNull();
        await behind.release('s');
      } finally {
        Date.now = now;
      }
    });

    test('a lease that lies further in the future than it can last is as good as over', async () => {
      const [gone, next] = [leases(cutOffFrom(first), 'gone'), leases(second, 'next')];
      await gone.acquire('t');
      refusing = /update leases/;
      await lie('t', HOUR_MS);
      expect(await next.acquire('t')).not.toBeNull();
      // And its new holder is left alone.
      expect(await leases(first, 'third').acquire('t')).toBeNull();
      await next.release('t');
      refusing = null;
      await gone.release('t');
      errors = [];
    });

    test('tokens are counted over all subjects, whatever the clocks of processes say', async () => {
      const now = Date.now;
      const given: number[] = [];
      try {
        for (const [i, shift] of [0, HOUR_MS, -HOUR_MS, 0, -8 * 24 * HOUR_MS].entries()) {
          Date.now = () => now() + shift;
          const holder = leases(i % 2 === 0 ? first : second, `holder ${i}`);
          const subject = i % 2 === 0 ? 'the database' : 'a table in it';
          given.push((await holder.acquire(subject))!);
          await holder.release(subject);
        }
      } finally {
        Date.now = now;
      }
      expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
      expect(given.at(-1)! - given[0]!).toBeLessThan(100);
    });

    test('two that take different subjects at once never get one token', async () => {
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          leases(i % 2 === 0 ? first : second, `at once ${i}`).acquire(`at once ${i}`),
        ),
      );
      expect(new Set(all).size).toBe(20);
      expect(all).not.toContain(null);
    });

    test('counting begins above every token of the former kind, and goes on above one that was met', async () => {
      await first.execute(sql`delete from leases`);
      const future = Date.now() + HOUR_MS;
      await first.execute(
        sql`insert into leases (subject, owner, token, expires_at) values (${'old'}, ${'x'}, ${future}, ${0})`,
      );
      const holder = leases(second, 'counts');
      const begun = (await holder.acquire('new'))!;
      expect(begun).toBeGreaterThan(future);
      await holder.release('new');
      // A process of a former version takes one, by its clock.
      await first.execute(sql`update leases set token = ${future + HOUR_MS} where subject = ${'new'}`);
      expect(await holder.acquire('new')).toBeNull();
      expect(await holder.acquire('new')).toBeGreaterThan(future + HOUR_MS);
      await holder.exceed(future + 3 * HOUR_MS);
      await holder.exceed(5);
      expect(await holder.acquire('another')).toBe(future + 3 * HOUR_MS + 1);
      await Promise.all(['new', 'another'].map((subject) => holder.release(subject)));
    });

    test('who waits for the lock on a lease that is being prolonged does not take it', async () => {
      const [holder, other] = [leases(first, 'holder'), leases(second, 'other')];
      const token = (await holder.acquire('u'))!;
      let waiting: Promise<number | null>;
      await first.transaction(async (tx) => {
        await holder.check(tx, 'u', token);
        waiting = other.acquire('u');
        await sleep(2 * TTL_MS);
        await holder.check(tx, 'u', token);
      });
      expect(await waiting!).toBeNull();
      await holder.release('u');
    });
  });
}
