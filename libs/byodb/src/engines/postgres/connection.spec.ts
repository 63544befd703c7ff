import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect as dial, createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../../engine.js';
import type { LedgerRow, Session } from '../../session.js';
import { DatabaseError } from '../../errors.js';
import type { ServerAddress } from '../../address.js';
import { startPostgres, type Server } from '../../../../../testing/servers.js';
import { freshDatabase, type Fresh } from './testing/fixture.js';
import { postgres } from './index.js';
import { takesOverWhileClockIsSetBack } from '../../../testing/wrong-clock.js';

let fresh: Fresh;
const opened: Connection[] = [];
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.admin.query(
    'drop schema if exists closed, sealed, plain cascade; drop role if exists plain; drop role if exists ' +
      'guest; drop role if exists outsider',
  );
  await fresh.remove();
});
afterEach(async () => {
  for (const connection of opened.splice(0)) await connection.close();
});

function open(change: Partial<ServerAddress> = {}): Connection {
  const connection = postgres.open({ ...fresh.address, ...change });
  opened.push(connection);
  return connection;
}

const on = (
  tableId: string,
  token = 1,
  lockTimeoutMs = 1000,
): { tableId: string; token: number; lockTimeoutMs: number } => ({ tableId, token, lockTimeoutMs });

async function failure(promise: Promise<unknown>): Promise<DatabaseError> {
  const error = await promise.then(
    (value) => new Error(`no failure but ${JSON.stringify(value)}`),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DatabaseError);
  return error as DatabaseError;
}

function gate(): { opened: Promise<void>; open(): void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened: promise, open };
}

describe('the ledger', () => {
  it('is claimed once, by whoever comes first', async () => {
    const other = await freshDatabase();
    await other.admin.query('drop table _saga_ledger, _saga_fences, _saga_identity');
    const many = Array.from({ length: 8 }, () => postgres.open(other.address));
    expect(await many[0]!.identity()).toBeNull();
    const missing = await failure(many[0]!.exclusively(on('t'), async () => 1));
    expect(missing).toMatchObject({ code: 'database_mismatch', retryable: false });
    const ids = await Promise.all(many.map((connection, i) => connection.claim(`id-${i}`)));
    expect(new Set(ids).size).toBe(1);
    expect(await many[3]!.identity()).toBe(ids[0]);
    expect(await many[3]!.claim('late')).toBe(ids[0]);
    expect(await many[3]!.tables()).toEqual([]);
    await other.admin.query('drop table _saga_fences');
    expect(await many[3]!.claim('mended')).toBe(ids[0]);
    for (const connection of many) await connection.close();
    await other.remove();
  });

  it('keeps one row per step and direction, in the transaction of the change', async () => {
    const row: LedgerRow = {
      step_id: 's1',
      direction: 'apply',
      state: 'done',
      fingerprint_before: 'a',
      fingerprint_after: 'b',
      statements: ["select '?' -- $1 \\", 'é'],
      recorded_at: '2026-01-02T03:04:05.678Z',
    };
    await fresh.connection.exclusively(on('l'), async (session) => {
      await session.writeLedger({ ...row, state: 'nothing', fingerprint_after: null, statements: [] });
      await session.writeLedger(row);
      await session.writeLedger({ ...row, direction: 'compensate', state: 'not_applied', fingerprint_after: null });
    });
    expect(await fresh.connection.look((session) => session.readLedger('s1'))).toEqual([
      row,
      { ...row, direction: 'compensate', state: 'not_applied', fingerprint_after: null },
    ]);
    await failure(
      fresh.connection.exclusively(on('l'), async (session) => {
        await session.run('create table made (a int)');
        await session.writeLedger({ ...row, step_id: 's2' });
        await session.run('select 1/0');
      }),
    );
    expect(
      await fresh.connection.look(async (session) => [
        await session.readLedger('s2'),
        await session.introspect('made'),
      ]),
    ).toEqual([[], null]);
  });

  it('needs the right to create tables', async () => {
    await fresh.admin.query(
      "drop role if exists guest; create role guest login password 'guest?secret'; create schema closed; " +
        'grant usage on schema closed to guest',
    );
    const guest = open({ user: 'guest', password: 'guest?secret', schema: 'closed' });
    expect(await guest.identity()).toBeNull();
    expect(await failure(guest.claim('x'))).toMatchObject({
      code: 'permission_denied',
      retryable: false,
      details: { sqlstate: '42501' },
    });
    await fresh.admin.query('create table closed.theirs (a int)');
    expect(
      await guest.look(async (session) => [
        await session.lacksRight('create', null),
        await session.lacksRight('alter', 'theirs'),
        await session.lacksRight('alter', 'none'),
      ]),
    ).toEqual([
      'user guest may not create tables in schema closed',
      'table theirs belongs to postgres, and user guest is not a member of that role',
      null,
    ]);
    expect(
      await fresh.connection.look(async (session) => [
        await session.lacksRight('create', null),
        await session.lacksRight('alter', '_saga_ledger'),
      ]),
    ).toEqual([null, null]);
  });
});

describe('exclusively', () => {
  it('lets one worker at a time at a table, and others at other tables', async () => {
    const workers = Array.from({ length: 4 }, () => open());
    let inside = 0;
    let most = 0;
    await Promise.all(
      workers.flatMap((worker) =>
        [1, 2].map((_) =>
          worker.exclusively(on('one', 1, 10_000), async (session) => {
            most = Math.max(most, (inside += 1));
            await session.query('select pg_sleep(0.02)');
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

  it('gives out as many slots as allowed, over all processes and per schema', async () => {
    const [one, two, three] = [open(), open(), open()];
    const over = gate();
    const had = [gate(), gate()];
    const holders = [one, two].map((connection, i) =>
      connection!.exclusively({ ...on(`slot-${i}`), slots: 2 }, async () => {
        had[i]!.open();
        await over.opened;
      }),
    );
    await Promise.all(had.map((g) => g.opened));
    expect(await failure(three!.exclusively({ ...on('slot-3'), slots: 2 }, async () => undefined))).toMatchObject({
      code: 'lock_timeout',
      retryable: true,
      outcome: 'not_applied',
      details: { slots: 2 },
    });
    expect(await one!.exclusively({ ...on('slot-3'), slots: 3 }, async () => 'third')).toBe('third');
    expect(await one!.exclusively(on('slot-3'), async () => 'unlimited')).toBe('unlimited');
    over.open();
    await Promise.all(holders);
    expect(await three!.exclusively({ ...on('slot-3'), slots: 1 }, async () => 'free')).toBe('free');
  });

  it('frees the slot of a worker that stalled, when its successor ends it', async () => {
    const [had, over] = [gate(), gate()];
    const stalled = failure(
      open().exclusively({ ...on('slot-stall', 1), slots: 1 }, async (session) => {
        had.open();
        await over.opened;
        await session.run('select 1');
      }),
    );
    await had.opened;
    expect(await open().exclusively({ ...on('slot-stall', 2), slots: 1 }, async () => 'successor')).toBe('successor');
    over.open();
    expect(await stalled).toMatchObject({ code: 'database_unreachable' });
  });

  it(
    'ends a worker that stalled with the lock as soon, though the clock is set back meanwhile',
    () => takesOverWhileClockIsSetBack(open, on),
    60_000,
  );

  it('refuses a token that is behind, also when it comes between', async () => {
    await open().exclusively(on('fenced', 5), async () => undefined);
    expect(await failure(open().exclusively(on('fenced', 4), async () => undefined))).toMatchObject({
      code: 'stale_token',
      retryable: true,
    });
    await open().exclusively(on('fenced', 5), async () => undefined);
    await open().exclusively(on('other', 1), async () => undefined);
    expect((await fresh.admin.query("select token from _saga_fences where table_id = 'fenced'")).rows).toEqual([
      { token: '5' },
    ]);
  });

  it('ends a worker that stalled with the lock, when its lease is over', async () => {
    const [had, over] = [gate(), gate()];
    const stalled = failure(
      open().exclusively(on('stall', 1), async (session) => {
        await session.run('create table halfway (a int)');
        had.open();
        await over.opened;
        await session.run('create table never (a int)');
      }),
    );
    await had.opened;
    const started = Date.now();
    const found = await open().exclusively(on('stall', 2, 3000), (session) => session.occupant('halfway'));
    expect(found).toBeNull();
    expect(Date.now() - started).toBeLessThan(2500);
    over.open();
    expect(await stalled).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    expect((await fresh.admin.query("select to_regclass('halfway') as a, to_regclass('never') as b")).rows).toEqual([
      { a: null, b: null },
    ]);
  });

  it('a stale worker never ends its successor', async () => {
    const [had, over] = [gate(), gate()];
    const successor = open().exclusively(on('succession', 7), async () => {
      had.open();
      await over.opened;
      return 'done';
    });
    await had.opened;
    expect(await failure(open().exclusively(on('succession', 6), async () => undefined))).toMatchObject({
      code: 'stale_token',
    });
    over.open();
    expect(await successor).toBe('done');
  });

  it("waits no longer than it may for others' locks", async () => {
    await fresh.admin.query('create table busy (a int)');
    await fresh.admin.query('begin; lock table busy in access share mode');
    const started = Date.now();
    const error = await failure(
      open().exclusively(on('busy', 1, 300), (session) => session.run('alter table busy add b int')),
    );
    expect(error).toMatchObject({
      code: 'lock_timeout',
      retryable: true,
      outcome: 'not_applied',
      details: { sqlstate: '55P03' },
    });
    expect(Date.now() - started).toBeLessThan(1500);
    await fresh.admin.query('rollback');
    // An error in between does not commit what came before, even when the caller goes on.
    const swallowed = await failure(
      open().exclusively(on('busy'), async (session) => {
        await session.run('create table lost_one (a int)');
        await session.run('select nonsense').catch(() => undefined);
      }),
    );
    expect(swallowed).toMatchObject({ code: 'database_error', outcome: 'not_applied' });
    expect((await fresh.admin.query("select to_regclass('lost_one') as a")).rows).toEqual([{ a: null }]);
  });

  it('leaves nothing of a transaction on the connection', async () => {
    // Of this connection alone: workers that stalled in tests before may still be there.
    const own = new Set<unknown>();
    const seen = async (session: Session): Promise<void> => {
      own.add((await session.query('select pg_backend_pid() as pid'))[0]!['pid']);
    };
    const connection = open();
    const settings = async (): Promise<unknown> =>
      (
        await connection.look(async (session) => {
          await seen(session);
          return session.query(
            "select current_setting('lock_timeout') as l, current_setting('search_path') as s, " +
              "current_setting('TimeZone') as t, (select count(*)::int from pg_locks where locktype = 'advisory' " +
              'and pid = pg_backend_pid()) as a',
          );
        })
      )[0];
    expect(await settings()).toEqual({ l: '5s', s: 'public, pg_temp', t: 'UTC', a: 0 });
    await connection.exclusively(on('clean', 1, 123), seen);
    await failure(
      connection.exclusively(on('clean', 1, 123), async (session) => {
        await seen(session);
        await session.run('select 1/0');
      }),
    );
    await failure(
      connection.exclusively(on('clean', 1, 123), async (session) => {
        await seen(session);
        await session.run("set local timezone = 'Asia/Tokyo'");
        throw new DatabaseError('drift_detected', 'x');
      }),
    );
    expect(await settings()).toEqual({ l: '5s', s: 'public, pg_temp', t: 'UTC', a: 0 });
    const kept: Session[] = [];
    await connection.look(async (session) => {
      kept.push(session);
    });
    expect(await failure(kept[0]!.query('select 1'))).toMatchObject({ code: 'database_error' });
    expect(await failure(connection.look((session) => session.run('create table x (a int)')))).toMatchObject({
      code: 'database_unreachable',
      details: { sqlstate: '25006' },
    });
    expect(
      (
        await fresh.admin.query(
          "select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%' and pid = any ($1)",
          [[...own]],
        )
      ).rows,
    ).toEqual([{ n: 0 }]);
  });

  it('works for a user who is no superuser, ending stalled sessions included', async () => {
    await fresh.admin.query(
      "drop role if exists plain; create role plain login password 'plain'; create schema plain authorization plain",
    );
    const [one, two] = [
      open({ user: 'plain', password: 'plain', schema: 'plain' }),
      open({ user: 'plain', password: 'plain', schema: 'plain' }),
    ];
    await one.claim('database-3');
    const [had, over] = [gate(), gate()];
    const stalled = failure(
      one.exclusively(on('p', 1), async (session) => {
        had.open();
        await over.opened;
        await session.run('select 1');
      }),
    );
    await had.opened;
    await two.exclusively(on('p', 2, 3000), async (session) => {
      await session.run('create table mine (id int primary key, t text)');
      expect((await session.introspect('mine'))!.primaryKey).toEqual(['id']);
      expect(await session.dependents('mine', 'id')).toEqual([]);
      expect([await session.lacksRight('create', null), await session.lacksRight('alter', 'mine')]).toEqual([
        null,
        null,
      ]);
    });
    over.open();
    expect(await stalled).toMatchObject({ outcome: 'unknown' });
    // Another user's session cannot be ended: then it is waited for, no longer than allowed.
    await fresh.admin.query("begin; select pg_advisory_xact_lock(hashtextextended('schemasaga/plain/p', 0))");
    expect(await failure(two.exclusively(on('p', 3, 700), async () => undefined))).toMatchObject({
      code: 'lock_timeout',
      retryable: true,
    });
    await fresh.admin.query('rollback');
    // Rows that a policy hides would be left out of looks and copies: an error instead.
    await fresh.admin.query(
      'create table plain.hidden (id int); alter table plain.hidden enable row level security; grant ' +
        'select on plain.hidden to plain',
    );
    expect(await failure(two.look((session) => session.query('select * from hidden')))).toMatchObject({
      code: 'permission_denied',
    });
  });

  it('needs one round trip to begin, one to look at a table and one to commit', async () => {
    const proxy = await startProxy(fresh.address.port);
    const through = open({ port: proxy.port });
    await fresh.admin.query('create table trips (id int primary key)');
    await through.exclusively(on('trips'), async () => undefined);
    const before = proxy.sent();
    await through.exclusively(on('trips'), async (session) => {
      await session.introspect('trips');
    });
    expect(proxy.sent() - before).toBeLessThanOrEqual(4); // the protocol with parameters may come in two pieces
    await through.close();
    proxy.close();
  });

  it('makes nothing in a schema that may not be used', async () => {
    await fresh.admin.query(
      "drop role if exists outsider; create role outsider login password 'outsider'; create schema sealed",
    );
    const outsider = open({ user: 'outsider', password: 'outsider', schema: 'sealed' });
    expect(await outsider.tables()).toEqual([]);
    expect(await failure(outsider.claim('x'))).toMatchObject({ details: { sqlstate: '3F000' } });
  });

  it("does not take our own mistakes for the database's", async () => {
    await expect(
      open().exclusively(on('bug'), async () => {
        throw new TypeError('ours');
      }),
    ).rejects.toBeInstanceOf(TypeError);
  });

  it('keeps two schemas of one database apart', async () => {
    await fresh.admin.query(
      'create schema "second"; create table "second".only_there (id int); create table only_here (id int); ' +
        'create table "second".now (a int)',
    );
    const second = open({ schema: 'second' });
    await second.claim('database-2');
    expect([await second.identity(), await fresh.connection.identity()]).toEqual(['database-2', 'database-1']);
    expect(await second.tables()).toEqual(['now', 'only_there']);
    expect(await fresh.connection.tables()).toContain('only_here');
    expect(await fresh.connection.look((session) => session.introspect('only_there'))).toBeNull();
    const [a, b] = [gate(), gate()];
    const first = fresh.connection.exclusively(on('same', 1), async () => {
      a.open();
      await b.opened;
    });
    await a.opened;
    await second.exclusively(on('same', 9), async (session) => {
      await session.run('create table mine (a int)');
    });
    b.open();
    await first;
    expect(
      (await fresh.admin.query("select to_regclass('second.mine')::text as a, to_regclass('public.mine') as b")).rows,
    ).toEqual([{ a: 'second.mine', b: null }]);
    const none = open({ schema: 'not_there' });
    expect(await none.tables()).toEqual([]);
    expect(await failure(none.claim('x'))).toMatchObject({ code: 'database_error', details: { sqlstate: '3F000' } });
  });
});

describe('connections', () => {
  it('that cannot be made say so, without the password', async () => {
    for (const change of [{ port: 1 }, { host: 'nowhere.invalid' }, { host: 'localhost', port: 1 }]) {
      const error = await failure(open(change).info());
      expect(error).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'not_applied' });
      expect(error.message).not.toBe('');
    }
    const wrong = await failure(open({ password: 'wr0ng-secret' }).info());
    expect(wrong).toMatchObject({ code: 'permission_denied', retryable: false, details: { sqlstate: '28P01' } });
    for (const error of [wrong, await failure(open({ user: 'wr0ng-secret', password: 'wr0ng-secret' }).info())])
      expect(`${error.message} ${error.stack} ${String(error.cause)} ${JSON.stringify(error)}`).not.toContain(
        'wr0ng-secret',
      );
    expect(await failure(open({ database: 'no_such' }).info())).toMatchObject({
      code: 'database_error',
      details: { sqlstate: '3D000' },
    });
    expect(await failure(open({ tls: true }).info())).toMatchObject({ code: 'database_unreachable' });
  });

  it("never send our own environment's password", async () => {
    process.env['PGPASSWORD'] = fresh.address.password;
    try {
      expect(await failure(open({ password: '' }).info())).toMatchObject({
        code: 'permission_denied',
        outcome: 'not_applied',
        details: { sqlstate: '28P01' },
      });
    } finally {
      delete process.env['PGPASSWORD'];
    }
  });

  it('give up on a server that does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      silent.once('listening', resolve);
    });
    const started = Date.now();
    expect(await failure(open({ port: (silent.address() as AddressInfo).port }).info())).toMatchObject({
      code: 'database_unreachable',
      outcome: 'not_applied',
    });
    expect(Date.now() - started).toBeLessThan(8000);
    silent.close();
  }, 20_000);

  it('lost in a statement or at the commit: unknown; the next one works', async () => {
    const connection = open();
    const pid = async (): Promise<number> =>
      Number(
        (
          await fresh.admin.query(
            "select pid from pg_stat_activity where application_name = 'schemasaga' and datname = " +
              "current_database() and state = 'active' and query like '%pg_sleep%'",
          )
        ).rows[0]?.pid ?? 0,
      );
    const sleeping = failure(connection.exclusively(on('lost'), (session) => session.run('select pg_sleep(30)')));
    while ((await pid()) === 0) await sleep(20);
    await fresh.admin.query('select pg_terminate_backend($1)', [await pid()]);
    expect(await sleeping).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    expect(await connection.look((session) => session.query('select 1 as one'))).toEqual([{ one: 1 }]);

    const proxy = await startProxy(fresh.address.port);
    const through = open({ port: proxy.port });
    await through.info();
    const committed = failure(
      through.exclusively(on('lost'), async (session) => {
        await session.run('create table survived (a int)');
        proxy.deafen(); // the commit arrives, its answer does not
        setTimeout(() => proxy.cut(), 300);
      }),
    );
    expect(await committed).toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    expect((await fresh.admin.query("select to_regclass('survived')::text as a")).rows).toEqual([{ a: 'survived' }]);
    proxy.hear();
    expect(await through.look((session) => session.occupant('survived'))).toBe('table');
    proxy.close();
  });

  it('idle ones that the server ends harm nobody, and the pool comes back after a restart', async () => {
    const server: Server = await startPostgres();
    const other = await freshDatabase({ url: server.url, drop: () => server.remove() });
    await other.connection.look(async () => undefined);
    await server.kill();
    await sleep(200);
    expect(await failure(other.connection.info())).toMatchObject({ code: 'database_unreachable', retryable: true });
    await server.restart();
    expect(await other.connection.identity()).toBe('database-1');
    await server.restart();
    expect(await other.connection.claim('x')).toBe('database-1');
    await other.remove();
  }, 60_000);

  it('once closed do nothing more, but end what they began', async () => {
    const connection = open();
    const begun = gate();
    const work = connection.exclusively(on('closing'), async (session) => {
      begun.open();
      await session.run('select pg_sleep(0.3); create table ended_well (a int)');
    });
    await begun.opened;
    await connection.close();
    await work;
    expect((await fresh.admin.query("select to_regclass('ended_well')::text as a")).rows).toEqual([
      { a: 'ended_well' },
    ]);
    await connection.close();
    await connection.close();
    expect(await failure(connection.info())).toMatchObject({ code: 'database_unreachable', retryable: true });
  });

  it('wait for each other when all are in use', async () => {
    const connection = open();
    await Promise.all(
      Array.from({ length: 20 }, () => connection.look((session) => session.query('select pg_sleep(0.02)'))),
    );
    expect(
      Number(
        (
          await fresh.admin.query(
            "select count(*) as n from pg_stat_activity where application_name = 'schemasaga' and datname = " +
              'current_database()',
          )
        ).rows[0].n,
      ),
    ).toBeLessThanOrEqual(10);
  });
});

describe('errors', () => {
  it('are classed once', async () => {
    await fresh.admin.query(
      "create table cls (a int, b text unique, c varchar(5)); insert into cls values (1, 'x', 'abc'), " +
        "(null, 'y', 'abcd'); create view cls_view as select a from cls; create table pk (id int primary " +
        'key); create table fk (id int references pk (id))',
    );
    const cases: [string, string, string][] = [
      ['alter table cls alter a set not null', 'rows_conflict', '23502'],
      ["insert into cls (b) values ('x')", 'rows_conflict', '23505'],
      ['alter table cls add check (a > 5)', 'rows_conflict', '23514'],
      ['insert into fk values (1)', 'rows_conflict', '23503'],
      ['alter table cls alter b type int using b::int', 'lossy_conversion', '22P02'],
      ['alter table cls alter c type varchar(3)', 'lossy_conversion', '22001'],
      ['alter table cls drop column a', 'dependents_exist', '2BP01'],
      ['alter table cls alter a type bigint', 'dependents_exist', '0A000'],
      ['drop table pk', 'dependents_exist', '2BP01'],
      ['select nonsense', 'database_error', '42703'],
      ['selec', 'database_error', '42601'],
      ['create table cls (a int)', 'database_error', '42P07'],
    ];
    for (const [sql, code, sqlstate] of cases) {
      const error = await failure(fresh.connection.exclusively(on('cls'), (session) => session.run(sql)));
      expect([sql, error.code, error.details['sqlstate'], error.retryable, error.outcome]).toEqual([
        sql,
        code,
        sqlstate,
        false,
        'not_applied',
      ]);
      expect(error.message).not.toBe('');
    }
  });
});

interface Proxy {
  port: number;
  sent(): number;
  deafen(): void;
  hear(): void;
  cut(): void;
  close(): void;
}

/**
 * Unlike the one of testing/fixtures it can lose the answers alone, so that a COMMIT arrives and nobody hears of it.
 */
async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let deaf = false;
  let pieces = 0;
  const server: NetServer = createServer((client) => {
    const upstream = dial(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      pieces += 1;
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (!deaf) client.write(data);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => pieces,
    deafen: () => {
      deaf = true;
    },
    hear: () => {
      deaf = false;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
