import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql, sqlList, type CoreDatabase, type Tx } from '../src/core-database.js';
import { CoreUnavailable, UniqueViolation } from '../src/errors.js';
import type { TestDatabase } from './core-databases.js';

/** What every adapter does alike. */
export function coreDatabaseContract(name: string, create: () => Promise<TestDatabase>): void {
  describe(`core database: ${name}`, () => {
    let database: TestDatabase;
    let core: CoreDatabase;
    let other: CoreDatabase;

    beforeAll(async () => {
      database = await create();
      core = await database.open();
      other = await database.open();
      await core.execute(
        sql`create table things (id integer not null primary key, name varchar(50), size bigint, unique (name))`,
      );
    });
    afterAll(() => database.drop());
    beforeEach(async () => {
      await core.execute(sql`delete from things`);
    });

    const ids = async (): Promise<unknown[]> =>
      (await other.query(sql`select id from things order by id`)).map((row) => row.id);
    const put = (on: CoreDatabase | Tx, id: number, text: string | null = null) =>
      on.execute(sql`insert into things (id, name) values (${id}, ${text})`);

    test('values come back as they went in', async () => {
      const text = `'; drop table things; -- "\\ \u{1F600} \n`;
      await core.execute(sql`insert into things values (${1}, ${text}, ${Number.MAX_SAFE_INTEGER})`);
      await core.execute(sql`insert into things values (${2}, ${null}, ${7n})`);
      expect(await core.query(sql`select * from things order by id limit ${2}`)).toEqual([
        { id: 1, name: text, size: Number.MAX_SAFE_INTEGER },
        { id: 2, name: null, size: 7 },
      ]);
    });

    test('counts what an update matched, not what it changed', async () => {
      await put(core, 1, 'same');
      expect(await core.execute(sql`update things set name = ${'same'} where id in (${sqlList([1, 2])})`)).toBe(1);
      expect(await core.execute(sql`delete from things where id = ${3}`)).toBe(0);
    });

    test("the clock is the database's, in milliseconds, and read after a lock was waited for", async () => {
      const [before, now, after] = [Date.now(), await core.now(), Date.now()];
      // Servers of tests run on this machine.
      expect(now).toBeGreaterThanOrEqual(before - 50);
      expect(now).toBeLessThanOrEqual(after + 50);
      expect(Number.isSafeInteger(now)).toBe(true);
      await core.execute(sql`insert into things values (${1}, ${'a'}, ${0})`);
      let waiting: Promise<number>;
      const freed = await core.transaction(async (tx) => {
        await tx.execute(sql`update things set name = ${'b'} where id = ${1}`);
        waiting = other.execute(sql`update things set size = ${other.clock} where id = ${1}`);
        await new Promise((resolve) => setTimeout(resolve, 300));
        return core.now();
      });
      await waiting!;
      const [row] = await core.query(sql`select size from things`);
      expect(Number(row!.size)).toBeGreaterThanOrEqual(freed - 50);
    });

    test('a counter gives each number once, whoever counts, and nothing where it is not there', async () => {
      await core.execute(sql`insert into things values (${1}, ${'a'}, ${1_700_000_000_000})`);
      const counted = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? core : other).countUp('things', 'size', sql`id = ${1}`)),
      );
      expect(counted.map(Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, i) => 1_700_000_000_001 + i),
      );
      expect(await core.countUp('things', 'size', sql`id = ${2}`)).toBeNull();
    });

    test('a transaction that throws leaves nothing', async () => {
      await expect(
        core.transaction(async (tx) => {
          await put(tx, 1);
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await ids()).toEqual([]);
    });

    test('what is not committed is seen inside the transaction and nowhere else', async () => {
      await core.transaction(async (tx) => {
        await put(tx, 1);
        expect(await tx.query(sql`select id from things`)).toEqual([{ id: 1 }]);
        expect(await core.query(sql`select id from things`)).toEqual([]);
        expect(await ids()).toEqual([]);
      });
      expect(await ids()).toEqual([1]);
    });

    test('a unique key that is taken is a UniqueViolation, with the cause', async () => {
      await put(core, 1, 'a');
      const violation = await put(core, 2, 'a').catch((error: unknown) => error);
      expect(violation).toBeInstanceOf(UniqueViolation);
      expect((violation as UniqueViolation).target).toMatch(/name/);
      expect((violation as UniqueViolation).cause).toMatchObject({ message: expect.any(String) });
      await expect(put(core, 1, 'b')).rejects.toBeInstanceOf(UniqueViolation);
    });

    test('a failure that the work swallows still rolls all of it back, and nothing runs after it', async () => {
      await put(core, 1);
      const after: unknown[] = [];
      await expect(
        core.transaction(async (tx) => {
          await put(tx, 2);
          await put(tx, 1).catch(() => undefined);
          await put(tx, 3).catch((error: unknown) => after.push(error));
        }),
      ).rejects.toBeInstanceOf(UniqueViolation);
      expect(after).toEqual([expect.any(UniqueViolation)]);
      expect(await ids()).toEqual([1]);
    });

    test('a transaction that has ended takes no more statements', async () => {
      let leaked: Tx | undefined;
      await core.transaction(async (tx) => {
        leaked = tx;
      });
      await expect(put(leaked!, 1)).rejects.toThrow('ended');
      expect(await ids()).toEqual([]);
    });

    test('upsert inserts, then replaces the named columns', async () => {
      await core.transaction((tx) => tx.upsert('things', ['id'], { id: 1, name: 'a', size: 1 }));
      await core.transaction((tx) => tx.upsert('things', ['id'], { id: 1, name: 'b' }));
      await core.transaction((tx) => tx.upsert('things', ['id'], { id: 1 }));
      expect(await core.query(sql`select * from things`)).toEqual([{ id: 1, name: 'b', size: 1 }]);
    });

    test('upsert never overwrites another row whose other unique key clashes', async () => {
      await put(core, 1, 'a');
      await expect(core.transaction((tx) => tx.upsert('things', ['id'], { id: 2, name: 'a' }))).rejects.toBeInstanceOf(
        UniqueViolation,
      );
      expect(await ids()).toEqual([1]);
    });

    test('20 transactions that upsert and count the same row lose nothing', async () => {
      await core.execute(sql`insert into things (id, size) values (${1}, ${0})`);
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? core : other).transaction((tx) =>
            tx.execute(sql`update things set size = size + 1 where id = ${1}`),
          ),
        ),
      );
      expect(await core.query(sql`select size from things`)).toEqual([{ size: 20 }]);
    });

    test('transactions that lock in opposite order are both done in the end', async () => {
      await put(core, 1);
      await put(core, 2);
      const both = (first: number, second: number): Promise<void> =>
        core.transaction(async (tx) => {
          for (const id of [first, second]) {
            await tx.execute(sql`update things set size = coalesce(size, 0) + 1 where id = ${id}`);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        });
      await Promise.all([both(1, 2), both(2, 1)]);
      expect(await core.query(sql`select id, size from things order by id`)).toEqual([
        { id: 1, size: 2 },
        { id: 2, size: 2 },
      ]);
    });

    test('ping answers until it is closed, which may be done twice', async () => {
      const closing = await database.open();
      await closing.ping();
      await closing.close();
      await closing.close();
      for (const use of [
        () => closing.ping(),
        () => closing.query(sql`select 1`),
        () => closing.transaction(async () => undefined),
      ]) {
        await expect(use()).rejects.toBeInstanceOf(CoreUnavailable);
      }
    });
  });
}
