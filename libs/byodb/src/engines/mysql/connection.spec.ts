import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import mysql2 from 'mysql2/promise';
import { setTimeout as sleep } from 'node:timers/promises';
import { tcpProxy } from '../../../../../testing/fixtures.js';
import type { Exclusive } from '../../engine.js';
import type { LedgerRow } from '../../session.js';
import { failure, freshDatabase, gate, openGates, type Fresh } from './testing/fixture.js';
import { takesOverWhileClockIsSetBack } from '../../../testing/wrong-clock.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterEach(openGates);
afterAll(async () => {
  await fresh.admin('drop user if exists guest, ledger_user');
  await fresh.remove();
});

const on = (tableId: string, token = 1, lockTimeoutMs = 1000, slots?: number): Exclusive => ({
  tableId,
  token,
  lockTimeoutMs,
  ...(slots === undefined ? {} : { slots }),
});

/** The server's number of the session that runs such a statement now. */
async function running(like: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    const [row] = await fresh.admin(
      'select id as id from information_schema.processlist where db = database() and id <> connection_id() ' +
        'and info like ?',
      [like],
    );
    if (row !== undefined) return Number(row['id']);
    await sleep(20);
  }
  throw new Error(`nobody runs ${like}`);
}

describe('the ledger', () => {
  it('is claimed once, by whoever comes first, and mended', async () => {
    const other = await freshDatabase();
    await other.admin('drop table _saga_ledger, _saga_fences, _saga_identity');
    const many = Array.from({ length: 6 }, () => other.open());
    expect(await many[0]!.identity()).toBeNull();
    expect(await failure(many[0]!.exclusively(on('t'), async () => 1))).toMatchObject({
      code: 'database_mismatch',
      retryable: false,
    });
    const ids = await Promise.all(many.map((connection, i) => connection.claim(`id-${i}`)));
    expect(new Set(ids).size).toBe(1);
    expect(await many[3]!.identity()).toBe(ids[0]);
    expect(await many[3]!.tables()).toEqual([]);
    await other.admin('drop table _saga_fences');
    expect(await many[3]!.claim('mended')).toBe(ids[0]);
    expect(await many[3]!.exclusively(on('t'), async () => 1)).toBe(1);
    await other.remove();
  });

  it('serves a user who may not create tables, once it is there', async () => {
    const { database } = fresh.address;
    await fresh.admin("create or replace user guest identified by 'g', ledger_user identified by 'l'");
    await fresh.admin(`grant select, insert, update on \`${database}\`.* to ledger_user`);
    const user = fresh.open({ user: 'ledger_user', password: 'l' });
    expect(await user.claim('other')).toBe('database-1');
    expect(await user.exclusively(on('ledger-user'), async (session) => session.query('select 1 as one'))).toEqual([
      { one: 1 },
    ]);
    await fresh.admin(`create database ${database}_empty`);
    await fresh.admin(`grant select on ${database}_empty.* to guest`);
    expect(
      await failure(fresh.open({ user: 'guest', password: 'g', database: `${database}_empty` }).claim('x')),
    ).toMatchObject({ code: 'permission_denied', retryable: false });
    await fresh.admin(`drop database ${database}_empty`);
    expect(await failure(fresh.open({ user: 'guest', password: 'wrong' }).info())).toMatchObject({
      code: 'permission_denied',
      outcome: 'not_applied',
    });
  });

  it('keeps one row per step and direction', async () => {
    const row: LedgerRow = {
      step_id: 's1',
      direction: 'apply',
      state: 'done',
      fingerprint_before: 'a',
      fingerprint_after: 'b',
      statements: ["select '?' -- \\", 'é😀'],
      recorded_at: '2026-01-02T03:04:05.678Z',
    };
    await fresh.connection.exclusively(on('l'), async (session) => {
      await session.writeLedger({ ...row, state: 'intended', fingerprint_after: null, statements: [] });
      await session.writeLedger(row);
      await session.writeLedger({ ...row, direction: 'compensate', state: 'not_applied', fingerprint_after: null });
    });
    expect(await fresh.connection.look((session) => session.readLedger('s1'))).toEqual([
      row,
      { ...row, direction: 'compensate', state: 'not_applied', fingerprint_after: null },
    ]);
  });
});

describe('exclusively', () => {
  it('lets one worker at a time at a table, and others at other tables', async () => {
    const workers = Array.from({ length: 3 }, () => fresh.open());
    let inside = 0;
    let most = 0;
    await Promise.all(
      workers.flatMap((worker) =>
        [1, 2].map(() =>
          worker.exclusively(on('one', 1, 10_000), async (session) => {
            most = Math.max(most, (inside += 1));
            await session.query('select sleep(0.02)');
            inside -= 1;
          }),
        ),
      ),
    );
    expect(most).toBe(1);
    const [a, b] = [gate(), gate()];
    const first = workers[0]!.exclusively(on('left'), async () => {
      a.open();
      await b.opened;
    });
    await a.opened;
    await workers[1]!.exclusively(on('right'), async () => b.open());
    await first;
  });

  it(
    'ends a worker that stalled with the lock as soon, though the clock is set back meanwhile',
    () => takesOverWhileClockIsSetBack(() => fresh.open(), on),
    60_000,
  );

  it('refuses a token that is behind', async () => {
    await fresh.open().exclusively(on('fenced', 5), async () => undefined);
    expect(await failure(fresh.open().exclusively(on('fenced', 4), async () => undefined))).toMatchObject({
      code: 'stale_token',
      retryable: true,
      details: { seen: 5 },
    });
    await fresh.open().exclusively(on('fenced', 5), async () => undefined);
    await fresh.open().exclusively(on('other', 1), async () => undefined);
  });

  it('refuses a worker whose successor has come and gone between its look at the fence and its lock', async () => {
    const holder = gate();
    const had = gate();
    // Token 1 has seen the fence, and waits for the lock that another of its own lease still holds.
    const first = fresh.open().exclusively(on('between', 1, 10_000), async () => {
      had.open();
      await holder.opened;
    });
    await had.opened;
    const stalled = failure(
      fresh.open().exclusively(on('between', 1, 10_000), async () => {
        throw new Error('acted');
      }),
    );
    await sleep(150);
    await fresh.admin("update _saga_fences set token = 2 where table_id = 'between'");
    holder.open();
    await first;
    expect(await stalled).toMatchObject({ code: 'stale_token' });
  });

  it('never ends the session of a worker whose token is higher', async () => {
    const [had, over] = [gate(), gate()];
    const second = fresh.open();
    const blocker = await mysql2.createConnection(fresh.url);
    const stalled = fresh.open();
    await stalled.exclusively(on('newer', 1), async () => undefined);
    const newer = second.exclusively(on('newer', 1, 10_000), async (session) => {
      had.open();
      await over.opened;
      return session.query('select 1 as one');
    });
    await had.opened;
    // The older one passed its first look at the fence; by the time it would end the holder, the fence is raised.
    const older = failure(stalled.exclusively(on('newer', 1, 4000), async () => undefined));
    await sleep(150);
    await blocker.query("update _saga_fences set token = 2 where table_id = 'newer'");
    expect(await older).toMatchObject({ code: 'stale_token' });
    over.open();
    expect(await newer).toEqual([{ one: 1 }]);
    await blocker.end();
  });

  it('ends the session of a worker that stalled with the lock, when its lease is over', async () => {
    const [had, over] = [gate(), gate()];
    const connection = fresh.open();
    const stalled = failure(
      connection.exclusively(on('stall', 1), async (session) => {
        had.open();
        await over.opened;
        await session.run('create table never (a int)');
      }),
    );
    await had.opened;
    await fresh.open().exclusively(on('stall', 2), async (session) => {
      await session.run('create table successor (a int)');
    });
    over.open();
    expect(await stalled).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    expect((await fresh.connection.tables()).filter((t) => ['never', 'successor'].includes(t))).toEqual(['successor']);
    expect(await failure(connection.exclusively(on('stall', 1), async () => undefined))).toMatchObject({
      code: 'stale_token',
    });
    expect(await connection.exclusively(on('stall', 2), async () => 'again')).toBe('again');
  });

  it('ends a statement under way, which takes no effect afterwards', async () => {
    await fresh.admin('create table slow (a int not null)');
    await fresh.admin('insert into slow select seq from seq_1_to_20');
    const stalled = failure(
      fresh
        .open()
        .exclusively(on('slow', 1), (session) =>
          session.run('create table slow_copy as select a, sleep(1) as s from slow'),
        ),
    );
    await running('create table slow_copy%');
    const seen = await fresh.open().exclusively(on('slow', 2), (session) => session.introspect('slow_copy'));
    expect(seen).toBeNull();
    expect(await stalled).toMatchObject({ code: 'database_unreachable', outcome: 'unknown' });
    await sleep(300);
    expect(await fresh.connection.tables()).not.toContain('slow_copy');
  });

  it('says lock_timeout when the holder cannot be ended', async () => {
    const [had, over] = [gate(), gate()];
    const first = fresh.open().exclusively(on('theirs', 1), async () => {
      had.open();
      await over.opened;
    });
    await had.opened;
    // ledger_user may not end root's session
    expect(
      await failure(
        fresh.open({ user: 'ledger_user', password: 'l' }).exclusively(on('theirs', 2), async () => undefined),
      ),
    ).toMatchObject({ code: 'lock_timeout', retryable: true });
    over.open();
    await first;
  });

  it('waits for a reader no longer than the timeout, and nobody waits longer behind it', async () => {
    await fresh.admin('create table busy (a int primary key)');
    const reader = await mysql2.createConnection(fresh.url);
    await reader.query('start transaction');
    await reader.query('select * from busy');
    const started = Date.now();
    const altering = failure(
      fresh.open().exclusively(on('busy', 1, 1000), (session) => session.run('alter table busy add column b int')),
    );
    await running('alter table busy%');
    await fresh.admin('select count(*) from busy'); // waits behind the ALTER, until that gives up
    expect(Date.now() - started).toBeLessThan(4000);
    expect(await altering).toMatchObject({ code: 'lock_timeout', retryable: true, outcome: 'not_applied' });
    expect(Date.now() - started).toBeGreaterThan(900);
    await reader.query('commit');
    await reader.end();
    await fresh.connection.exclusively(on('busy', 1), (session) => session.run('alter table busy add column b int'));
  });

  it('gives every use of a session its own timeouts', async () => {
    const connection = fresh.open();
    const waits = 'select @@lock_wait_timeout as l, @@innodb_lock_wait_timeout as i, connection_id() as id';
    const long = await connection.exclusively(on('waits', 1, 29_500), (session) => session.query(waits));
    const look = await connection.look((session) => session.query(waits));
    const short = await connection.exclusively(on('waits', 1, 200), (session) => session.query(waits));
    expect([long, look, short].map(([row]) => [Number(row!['l']), Number(row!['i'])])).toEqual([
      [30, 30],
      [5, 5],
      [1, 1],
    ]);
    expect(look[0]!['id']).toBe(long[0]!['id']); // or it would show nothing
  });

  it('frees the lock whatever happens, and keeps what failed first', async () => {
    const connection = fresh.open();
    await expect(
      connection.exclusively(on('thrown'), async () => {
        throw new Error('first');
      }),
    ).rejects.toThrow('first');
    expect(await failure(connection.exclusively(on('thrown'), (session) => session.run('selec')))).toMatchObject({
      code: 'database_error',
    });
    expect(await fresh.open().exclusively(on('thrown'), async () => 'free')).toBe('free');
    const lost = await failure(
      connection.exclusively(on('thrown'), async (session) => {
        await session.query('do release_all_locks()');
      }),
    );
    expect(lost).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
  });
});

describe('slots', () => {
  it('are counted over all processes, per database, and given back', async () => {
    const [one, two, three] = [fresh.open(), fresh.open(), fresh.open()];
    const over = gate();
    const had = [gate(), gate()];
    const holders = [one, two].map((connection, i) =>
      connection!.exclusively(on(`slot-${i}`, 1, 1000, 2), async () => {
        had[i]!.open();
        await over.opened;
      }),
    );
    await Promise.all(had.map((g) => g.opened));
    expect(await failure(three!.exclusively(on('slot-3', 1, 1000, 2), async () => undefined))).toMatchObject({
      code: 'lock_timeout',
      retryable: true,
      outcome: 'not_applied',
      details: { slots: 2 },
    });
    // The table's lock was given back with the refusal; a third slot is there where three are allowed, none is needed
    // without a limit.
    expect(await one!.exclusively(on('slot-3', 1, 1000, 3), async () => 'third')).toBe('third');
    expect(await one!.exclusively(on('slot-3', 1), async () => 'unlimited')).toBe('unlimited');
    const other = await freshDatabase();
    expect(await other.connection.exclusively(on('slot-3', 1, 1000, 1), async () => 'elsewhere')).toBe('elsewhere');
    await other.remove();
    over.open();
    await Promise.all(holders);
    expect(await three!.exclusively(on('slot-3', 1, 1000, 1), async () => 'free')).toBe('free');
  });

  it('of a worker that stalled are free when its successor has ended it', async () => {
    const [had, over] = [gate(), gate()];
    const stalled = failure(
      fresh.open().exclusively(on('slot-stall', 1, 1000, 1), async (session) => {
        had.open();
        await over.opened;
        await session.run('do 1');
      }),
    );
    await had.opened;
    expect(await fresh.open().exclusively(on('slot-stall', 2, 1000, 1), async () => 'successor')).toBe('successor');
    over.open();
    expect(await stalled).toMatchObject({ outcome: 'unknown' });
  });
});

describe('connections', () => {
  it('lost in a statement: unknown; the session is thrown away and the next one works', async () => {
    const proxy = await tcpProxy(fresh.address.port);
    const through = fresh.open({ port: proxy.port });
    const sleeping = failure(
      through.exclusively(on('lost'), (session) => session.run('create table lost_one as select sleep(1) as a')),
    );
    await running('create table lost_one%');
    proxy.cut();
    expect(await sleeping).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    expect(await through.look((session) => session.query('select 1 as one'))).toEqual([{ one: 1 }]);
    proxy.cut();
    proxy.refuse();
    await sleep(100);
    expect(await failure(through.info())).toMatchObject({
      code: 'database_unreachable',
      retryable: true,
      outcome: 'not_applied',
    });
    await proxy.close();
  });

  it('killed while idle or in a statement never come back from the pool', async () => {
    const connection = fresh.open();
    const id = async (): Promise<number> =>
      Number((await connection.look((session) => session.query('select connection_id() as id')))[0]!['id']);
    const first = await id();
    expect(await id()).toBe(first);
    await fresh.admin(`kill ${first}`);
    await sleep(100);
    const second = await id();
    expect(second).not.toBe(first);
    const sleeping = failure(connection.look((session) => session.run('select sleep(30) as nobody')));
    await fresh.admin(`kill query ${await running('select sleep(30) as nobody%')}`);
    expect(await sleeping).toMatchObject({ outcome: 'unknown' });
    expect(await id()).not.toBe(second);
  });

  it('once closed do nothing more', async () => {
    const connection = fresh.open();
    await connection.info();
    await connection.close();
    await connection.close();
    expect(await failure(connection.info())).toMatchObject({ code: 'database_unreachable', retryable: true });
  });
});
