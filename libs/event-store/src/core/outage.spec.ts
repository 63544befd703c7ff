import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, query, type Fresh } from '../../../../testing/fixtures.js';
import { openCoreDatabase } from './open.js';
import { sql, type CoreDatabase } from '../core-database.js';

const unavailable = { code: 'core_database_unavailable' };

describe("PostgreSQL: what is the server's and not the statement's is an outage", () => {
  let fresh: Fresh;
  beforeAll(async () => {
    fresh = await freshPostgres();
  });
  afterAll(async () => fresh.drop());
  const under = async (setting: string, work: (core: CoreDatabase) => Promise<void>): Promise<void> => {
    await query(fresh.url, `alter database ${new URL(fresh.url).pathname.slice(1)} set ${setting}`);
    const core = await openCoreDatabase(fresh.url);
    try {
      await work(core);
    } finally {
      await core.close();
    }
  };
  test('cancelled for its time, and read-only', async () => {
    await under("statement_timeout = '100ms'", async (core) => {
      await expect(core.query(sql`select pg_sleep(5)`)).rejects.toMatchObject(unavailable);
    });
    await under('default_transaction_read_only = on', async (core) => {
      await expect(core.execute(sql`create table x (id int)`)).rejects.toMatchObject(unavailable);
    });
  });
  test('a login that is gone', async () => {
    const url = new URL(fresh.url);
    url.username = 'nobody_here';
    const core = await openCoreDatabase(url.href);
    await expect(core.ping()).rejects.toMatchObject(unavailable);
    await core.close();
  });
  test('a wrong statement is none', async () => {
    const core = await openCoreDatabase(fresh.url);
    await expect(core.query(sql`select * from no_such_table`)).rejects.not.toMatchObject(unavailable);
    await core.close();
  });
});

test('MySQL: a statement that was killed is an outage, a wrong one is none', async () => {
  const fresh = await freshMysql();
  const core = await openCoreDatabase(fresh.url);
  const slow = core.query(
    sql`select count(*) as n from information_schema.columns a,
      information_schema.columns b, information_schema.columns c`,
  );
  const killing = (async () => {
    for (
      const until = Date.now() + 10_000;
      Date.now() < until;
      await new Promise((resolve) => setTimeout(resolve, 50))
    ) {
      const [found] = await query<{ id: number }>(
        fresh.url,
        "select id as id from information_schema.processlist where db = database() and info like 'select " +
          "count(*) as n from information_schema.columns a%'",
      );
      if (found !== undefined) return query(fresh.url, `kill query ${found.id}`);
    }
    return [];
  })();
  await expect(slow).rejects.toMatchObject(unavailable);
  await killing;
  await expect(core.query(sql`select * from no_such_table`)).rejects.not.toMatchObject(unavailable);
  await core.close();
  await fresh.drop();
});
