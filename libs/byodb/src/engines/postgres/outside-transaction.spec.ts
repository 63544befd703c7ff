import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerAddress } from '../../address.js';
import type { Connection, Exclusive } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { postgres } from './index.js';
import { freshDatabase, type Fresh } from './testing/fixture.js';
import { startPooler } from '../../../../../testing/pooler.js';

let fresh: Fresh;
const opened: Connection[] = [];
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});
afterEach(async () => {
  // One that failed would leave its workers waiting, and the pools could not be closed.
  for (const letGo of gates.splice(0)) letGo();
  for (const connection of opened.splice(0)) await connection.close();
});

function open(change: Partial<ServerAddress> = {}): Connection {
  const connection = postgres.open({ ...fresh.address, ...change });
  opened.push(connection);
  return connection;
}

const inside = (tableId: string, token = 1, lockTimeoutMs = 1000): Exclusive => ({ tableId, token, lockTimeoutMs });
const outside = (tableId: string, token = 1, lockTimeoutMs = 1000): Exclusive => ({
  ...inside(tableId, token, lockTimeoutMs),
  outsideTransaction: true,
});

async function failure(promise: Promise<unknown>): Promise<DatabaseError> {
  const error = await promise.then(
    (value) => new Error(`no failure but ${JSON.stringify(value)}`),
    (e: unknown) => e,
  );
  if (!(error instanceof DatabaseError)) throw error;
  return error;
}

const gates: (() => void)[] = [];

function gate(): { opened: Promise<void>; open(): void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  gates.push(open);
  return { opened: promise, open };
}

/** Locks that anybody of ours has in this database. */
async function locks(): Promise<number> {
  const { rows } = await fresh.admin.query<{ n: number }>(
    "select count(*)::int as n from pg_locks l where l.locktype = 'advisory' " +
      'and l.database = (select oid from pg_database where datname = current_database())',
  );
  return rows[0]!.n;
}

describe('outside a transaction', () => {
  it('runs what cannot stand in one, and each statement for itself', async () => {
    await fresh.admin.query('create table built (a int); insert into built select n from generate_series(1, 9) n');
    const build = 'create index concurrently built_a on built (a)';
    expect(await failure(open().exclusively(inside('built'), (session) => session.run(build)))).toMatchObject({
      details: { sqlstate: '25001' },
    });
    await open().exclusively(outside('built'), (session) => session.run(build));
    const failed = await failure(
      open().exclusively(outside('built'), async (session) => {
        await session.run('create table stays (a int)');
        await session.run('select 1/0');
      }),
    );
    expect(failed).toMatchObject({ details: { sqlstate: '22012' } });
    const found = "select to_regclass('built_a') is not null as built, to_regclass('stays') is not null as stays";
    expect((await fresh.admin.query(found)).rows).toEqual([{ built: true, stays: true }]);
  });

  it('shuts out, and is shut out by, who works in one and who does not', async () => {
    let [within, most] = [0, 0];
    const workers = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? inside : outside)('both', 1, 20_000));
    await Promise.all(
      workers.map((on) =>
        open().exclusively(on, async (session) => {
          most = Math.max(most, (within += 1));
          await session.query('select pg_sleep(0.02)');
          within -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    for (const [holds, comes] of [
      [inside, outside],
      [outside, inside],
      [outside, outside],
    ] as const) {
      const [had, over] = [gate(), gate()];
      const name = `${holds === inside ? 'in' : 'out'}-${comes === inside ? 'in' : 'out'}`;
      const holder = open().exclusively(holds(name, 5), async () => {
        had.open();
        await over.opened;
        return 'done';
      });
      await had.opened;
      expect(await failure(open().exclusively(comes(name, 4), async () => undefined))).toMatchObject({
        code: 'stale_token',
      });
      over.open();
      expect(await holder).toBe('done');
    }
  });

  it('raises the fence at once, and refuses a token that is behind', async () => {
    await open().exclusively(outside('fenced', 5), async (session) => {
      await session.query('select 1');
      const { rows } = await fresh.admin.query("select token from _saga_fences where table_id = 'fenced'");
      expect(rows).toEqual([{ token: '5' }]);
    });
    for (const on of [inside('fenced', 4), outside('fenced', 4)])
      expect(await failure(open().exclusively(on, async () => undefined))).toMatchObject({
        code: 'stale_token',
        retryable: true,
      });
    expect(await open().exclusively(outside('fenced', 5), async () => 'again')).toBe('again');
  });

  it('refuses one whose token fell behind while it waited', async () => {
    const [had, over] = [gate(), gate()];
    const holder = open().exclusively(inside('overtaken', 1), async () => {
      had.open();
      await over.opened;
    });
    await had.opened;
    const waits = failure(open().exclusively(outside('overtaken', 2, 10_000), async () => 'too late'));
    await sleep(150);
    await fresh.admin.query("update _saga_fences set token = 3 where table_id = 'overtaken'");
    over.open();
    await holder;
    expect(await waits).toMatchObject({ code: 'stale_token' });
  });

  it('is ended by a successor when it stalls, be it between statements or in one', async () => {
    for (const stalls of ['stalled', 'sleeping'] as const) {
      const [had, over] = [gate(), gate()];
      const stalled = failure(
        open().exclusively(outside(stalls, 1), async (session) => {
          await session.run(`create table ${stalls}_kept (a int)`);
          had.open();
          if (stalls === 'sleeping') await session.run('select pg_sleep(60)');
          await over.opened;
          await session.run(`create table ${stalls}_never (a int)`);
        }),
      );
      await had.opened;
      const started = Date.now();
      const next = stalls === 'stalled' ? inside : outside;
      expect(await open().exclusively(next(stalls, 2, 3000), async () => 'successor')).toBe('successor');
      expect(Date.now() - started).toBeLessThan(2500);
      over.open();
      expect(await stalled).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
      const found = `select to_regclass('${stalls}_kept') is not null as kept, to_regclass('${stalls}_never') as never`;
      expect((await fresh.admin.query(found)).rows).toEqual([{ kept: true, never: null }]);
    }
  });

  it('takes one of the slots, and gives it back at its end', async () => {
    const [had, over] = [gate(), gate()];
    const holder = open().exclusively({ ...outside('slot-1'), slots: 1 }, async () => {
      had.open();
      await over.opened;
    });
    await had.opened;
    for (const on of [inside('slot-2'), outside('slot-2')])
      expect(await failure(open().exclusively({ ...on, slots: 1 }, async () => undefined))).toMatchObject({
        code: 'lock_timeout',
        retryable: true,
        details: { slots: 1 },
      });
    over.open();
    await holder;
    // At once, though the server may not have seen yet that the session is over.
    const [builder, next] = [open(), open()];
    for (let round = 0; round < 20; round++) {
      await next.look(async () => undefined);
      const built = builder.exclusively({ ...outside('slot-3'), slots: 1 }, (session) =>
        session.query(round % 2 === 0 ? 'select 1' : 'select 1/0'),
      );
      await built.catch(() => undefined);
      expect(await next.exclusively({ ...inside('slot-4'), slots: 1 }, async () => round)).toBe(round);
    }
  });

  it('has all settings as in a transaction, and leaves none of them, and no lock, to whoever comes next', async () => {
    await fresh.admin.query(
      `alter role current_user in database "${fresh.address.database}" set default_transaction_read_only = on;
      alter role current_user in database "${fresh.address.database}" set default_transaction_isolation = serializable;
      alter role current_user in database "${fresh.address.database}" set standard_conforming_strings = off`,
    );
    try {
      const connection = open();
      const settings = `
        select name, setting
        from pg_settings
        where name in ('search_path', 'lock_timeout', 'statement_timeout', 'TimeZone', 'DateStyle', 'IntervalStyle',
          'extra_float_digits', 'bytea_output', 'standard_conforming_strings', 'quote_all_identifiers',
          'client_min_messages', 'row_security', 'transaction_isolation', 'transaction_read_only')
        order by name`;
      const there = await connection.exclusively(inside('settings'), (session) => session.query(settings));
      const [here, pid] = await connection.exclusively(outside('settings'), async (session) => [
        await session.query(settings),
        (await session.query('select pg_backend_pid() as pid'))[0]!['pid'],
      ]);
      expect(here).toEqual(there);
      expect(there).toHaveLength(14);
      const idle = "select setting from pg_settings where name = 'idle_session_timeout'";
      expect(await connection.exclusively(outside('settings'), (session) => session.query(idle))).toEqual([
        { setting: '60000' },
      ]);
      const next = await connection.look((session) => session.query('select pg_backend_pid() as pid'));
      expect(next[0]!['pid']).not.toBe(pid);
      expect(await locks()).toBe(0);
    } finally {
      await fresh.admin.query(`alter role current_user in database "${fresh.address.database}" reset all`);
    }
  });

  it('knows the schema that it is to work in', async () => {
    await fresh.admin.query('create schema "Other one"');
    const other = open({ schema: 'Other one' });
    await other.claim('database-2');
    await other.exclusively(outside('schema'), async (session) => {
      await session.run('create table only_there (id int primary key)');
      expect((await session.introspect('only_there'))!.primaryKey).toEqual(['id']);
    });
    expect(await fresh.connection.look((session) => session.introspect('only_there'))).toBeNull();
  });

  it('says when there is no ledger, and passes on what is no error of the database', async () => {
    const other = await freshDatabase();
    await other.admin.query('drop table _saga_fences');
    expect(await failure(other.connection.exclusively(outside('x'), async () => 1))).toMatchObject({
      code: 'database_mismatch',
      retryable: false,
    });
    await other.remove();
    const bug = open().exclusively(outside('bug'), async () => {
      throw new TypeError('ours');
    });
    await expect(bug).rejects.toBeInstanceOf(TypeError);
    expect(await locks()).toBe(0);
  });

  it('is refused behind a pooler that gives each transaction another session, and leaves nothing there', async () => {
    const pooler = await startPooler(fresh.address.port, 'transaction');
    const through = open({ port: pooler.port });
    expect(await through.exclusively(inside('pooled'), async () => 'in a transaction')).toBe('in a transaction');
    const settings = "select current_setting('search_path') as path, current_setting('lock_timeout') as wait";
    const before = await through.look((session) => session.query('show default_transaction_read_only'));
    expect(await failure(through.exclusively(outside('pooled'), async () => 'alone?'))).toMatchObject({
      code: 'unsupported_change',
      retryable: false,
      outcome: 'not_applied',
    });
    expect(await through.look((session) => session.query('show default_transaction_read_only'))).toEqual(before);
    expect(await through.look((session) => session.query(settings))).toEqual([{ path: 'public, pg_temp', wait: '5s' }]);
    expect(await locks()).toBe(0);
    await through.close();
    pooler.close();
  });

  it('works behind one that gives each client a session', async () => {
    const pooler = await startPooler(fresh.address.port, 'session');
    const through = open({ port: pooler.port });
    expect(await through.exclusively(outside('pooled', 2), async () => 'alone')).toBe('alone');
    await through.close();
    pooler.close();
  });
});
