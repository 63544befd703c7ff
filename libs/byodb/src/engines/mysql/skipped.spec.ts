import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection as Driver } from 'mysql2/promise';
import { freshDatabase, type Fresh } from './testing/fixture.js';

/**
 * MariaDB answers a look into its catalog without the tables that somebody else's DDL holds, and says so in a warning
 * alone. Such a table is there all the same.
 */
describe('a table that is being changed by somebody else', () => {
  let fresh: Fresh;
  let owner: Driver;
  let reader: Driver;
  let renaming: Promise<unknown>;

  /** The rename holds the first table and waits for the second, which the reader's transaction keeps. */
  beforeAll(async () => {
    fresh = await freshDatabase();
    [owner, reader] = await Promise.all([createConnection(fresh.url), createConnection(fresh.url)]);
    await fresh.admin("create table a_held (id int primary key) comment 'schemasaga some-table'");
    await fresh.admin('create table quiet (id int primary key)');
    await fresh.admin('create table z_read (id int primary key)');
    await reader.query('begin');
    await reader.query('select * from z_read');
    renaming = owner.query('rename table a_held to a_renamed, z_read to z_renamed');
    for (;;) {
      const waiting = await fresh.admin("select 1 from information_schema.processlist where info like 'rename table%'");
      if (waiting.length > 0) break;
      await sleep(20);
    }
    await sleep(200);
  });

  afterAll(async () => {
    await reader.query('rollback');
    await renaming;
    await Promise.all([owner.end(), reader.end()]);
    await fresh.remove();
  });

  const busy = { code: 'lock_timeout', retryable: true, outcome: 'not_applied' };

  it('is not taken for one that is gone', async () => {
    const looked = fresh.connection.exclusively({ tableId: 'held', token: 1, lockTimeoutMs: 1000 }, (session) =>
      session.introspect('a_held'),
    );
    await expect(looked).rejects.toMatchObject(busy);
  });

  it('is not passed over by a look for dependents, not even with another table locked', async () => {
    const looked = fresh.connection.exclusively(
      { tableId: 'quiet', token: 1, lockTimeoutMs: 1000 },
      async (session) => {
        const thaw = await session.freeze!('quiet');
        try {
          return await session.dependents('quiet', null, 'remove');
        } finally {
          await thaw();
        }
      },
    );
    await expect(looked).rejects.toMatchObject(busy);
  });
});
