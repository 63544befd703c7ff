import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Connection, Exclusive } from '../../engine.js';
import type { LedgerRow, Session } from '../../session.js';
import { completeColumn } from '../../schema/column-input.js';
import { sqlite } from './index.js';

let dir: string;
let file: string;
let opened: Connection[];

function open(path = file): Connection {
  const connection = sqlite.open({ engine: 'sqlite', file: path });
  opened.push(connection);
  return connection;
}
const on = (token: number, lockTimeoutMs = 300, tableId = 't'): Exclusive => ({ tableId, token, lockTimeoutMs });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sqlite-connection-'));
  file = join(dir, 'a.db');
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((connection) => connection.close()));
  rmSync(dir, { recursive: true });
});

describe('claim', () => {
  test('makes the file and the ledger; the first id wins, also among many at once', async () => {
    expect(existsSync(file)).toBe(false);
    const ids = await Promise.all(Array.from({ length: 8 }, (_, i) => open().claim(`id-${i}`)));
    expect(new Set(ids).size).toBe(1);
    expect(await open().identity()).toBe(ids[0]);
    expect(await open().claim('later')).toBe(ids[0]);
    expect(await open().tables()).toEqual([]);
    expect(await open().info()).toEqual({ version: expect.stringMatching(/^3\.\d+\.\d+$/) });
    const db = new Database(file);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    db.close();
  });

  test('nowhere, no database, not ours', async () => {
    await expect(open(join(dir, 'no', 'a.db')).claim('x')).rejects.toMatchObject({
      code: 'database_unreachable',
      retryable: true,
      outcome: 'not_applied',
    });
    await expect(open().info()).rejects.toMatchObject({
      code: 'database_unreachable',
      retryable: true,
      outcome: 'not_applied',
    });
    await expect(open().identity()).rejects.toMatchObject({ code: 'database_unreachable' });
    await expect(open().exclusively(on(1), async () => 1)).rejects.toMatchObject({ code: 'database_unreachable' });
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, 'no database, but long enough to look at: '.repeat(100));
    await expect(open().info()).rejects.toMatchObject({
      code: 'database_unreachable',
      details: { code: 'SQLITE_NOTADB' },
    });
    rmSync(file);
    const db = new Database(file);
    db.exec('create table t (a)');
    db.close();
    expect(await open().identity()).toBeNull();
    await expect(open().exclusively(on(1), async () => 1)).rejects.toMatchObject({
      code: 'database_mismatch',
      retryable: false,
    });
    await expect(open().look((s) => s.readLedger('x'))).rejects.toMatchObject({ code: 'database_mismatch' });
  });
});

describe('exclusively', () => {
  let connection: Connection;
  beforeEach(async () => {
    connection = open();
    await connection.claim('one');
  });

  test('commits what it did with the ledger, or nothing', async () => {
    const row: LedgerRow = {
      step_id: 's',
      direction: 'apply',
      state: 'done',
      fingerprint_before: 'a',
      fingerprint_after: null,
      statements: ['x ? \' "'],
      recorded_at: '2024-01-01T00:00:00.000Z',
    };
    await connection.exclusively(on(1), async (session) => {
      await session.run('create table t (a)');
      await session.writeLedger(row);
      await session.writeLedger({ ...row, fingerprint_after: 'b' });
    });
    expect(await connection.look((s) => s.readLedger('s'))).toEqual([{ ...row, fingerprint_after: 'b' }]);
    let kept: Session | null = null;
    await expect(
      connection.exclusively(on(2), async (session) => {
        kept = session;
        await session.run('drop table t');
        await session.writeLedger({ ...row, step_id: 'other' });
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(await connection.tables()).toEqual(['t']);
    expect(await connection.look((s) => s.readLedger('other'))).toEqual([]);
    await expect(kept!.run('create table late (a)')).rejects.toMatchObject({ message: 'the session is over' });
    // The fence of what was rolled back too: it was only seen in there.
    await connection.exclusively(on(1), async () => undefined);
  });

  test('a look writes nothing and does not wait for a change under way', async () => {
    await expect(connection.look((s) => s.run('create table x (a)'))).rejects.toMatchObject({
      code: 'permission_denied',
    });
    await connection.exclusively(on(1), async (session) => {
      await session.run('create table t (a)');
      expect(await connection.tables()).toEqual([]);
    });
    expect(await connection.tables()).toEqual(['t']);
  });

  test('one at a time over many pools', async () => {
    await connection.exclusively(on(0), (s) => s.run('create table n (v integer)'));
    await connection.exclusively(on(0), (s) => s.run('insert into n values (0)'));
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const mine = open();
        for (let i = 0; i < 5; i++) {
          await mine.exclusively(on(1, 20_000), async (session) => {
            most = Math.max(most, ++inside);
            const [row] = await session.query('select v from n');
            await sleep(2);
            await session.run(`update n set v = ${Number(row!['v']) + 1}`);
            inside--;
          });
        }
      }),
    );
    expect(most).toBe(1);
    expect(await connection.look((s) => s.query('select v from n'))).toEqual([{ v: 30 }]);
  });

  test('a lower token than one seen is refused', async () => {
    await connection.exclusively(on(7), async () => undefined);
    await connection.exclusively(on(7), async () => undefined);
    await expect(connection.exclusively(on(6), async () => undefined)).rejects.toMatchObject({
      code: 'stale_token',
      retryable: true,
    });
    await connection.exclusively(on(1, 300, 'other'), async () => undefined);
    await connection.exclusively(on(8), async () => undefined);
  });

  test('waits for a foreign lock only so long, and goes on when it is freed', async () => {
    const foreign = new Database(file);
    foreign.exec('begin immediate');
    const start = Date.now();
    await expect(connection.exclusively(on(1, 400), async () => undefined)).rejects.toMatchObject({
      code: 'lock_timeout',
      retryable: true,
      outcome: 'not_applied',
    });
    expect(Date.now() - start).toBeGreaterThanOrEqual(380);
    expect(Date.now() - start).toBeLessThan(1500);
    expect(await connection.tables()).toEqual([]);
    const waiting = connection.exclusively(on(1, 5000), async () => 'had it');
    await sleep(100);
    foreign.exec('commit');
    foreign.close();
    expect(await waiting).toBe('had it');
  });

  test('waits no longer for a lock because the clock is set back meanwhile', async () => {
    const foreign = new Database(file);
    foreign.exec('begin immediate');
    const [now, began] = [Date.now, performance.now()];
    try {
      const waiting = expect(connection.exclusively(on(1, 400), async () => undefined)).rejects.toMatchObject({
        code: 'lock_timeout',
      });
      await sleep(100);
      Date.now = () => now() - 20_000;
      await waiting;
      expect(performance.now() - began).toBeLessThan(5000);
    } finally {
      Date.now = now;
      foreign.close();
    }
  }, 60_000);

  test.each([
    ['the same pool', true],
    ['another pool', false],
  ])('a stalled session of %s is ended by a successor, and cannot act any more', async (_, same) => {
    await connection.exclusively(on(1), (s) => s.run('create table t (a)'));
    let wake = (): void => undefined;
    const stall = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const stalled = connection.exclusively(on(5), async (session) => {
      await session.run("insert into t values ('stalled')");
      await stall;
      await session.run("insert into t values ('woken')");
    });
    const outcome = expect(stalled).rejects.toMatchObject({ code: 'stale_token', outcome: 'not_applied' });
    await sleep(50);
    const other = same ? connection : open();
    await expect(other.exclusively(on(4), async () => undefined)).rejects.toMatchObject({ code: 'lock_timeout' });
    await expect(other.exclusively(on(9, 300, 'another table'), async () => undefined)).rejects.toMatchObject({
      code: 'lock_timeout',
    });
    await other.exclusively(on(5), (s) => s.run("insert into t values ('successor')"));
    const next = other.exclusively(on(6, 2000), async (s) => {
      wake();
      await sleep(50);
      await s.run("insert into t values ('next')");
    });
    await outcome;
    await next;
    expect(await connection.look((s) => s.query('select a from t'))).toEqual([{ a: 'successor' }, { a: 'next' }]);
    await connection.exclusively(on(6), async () => undefined);
  });

  test('a lock of a killed process is free at once', async () => {
    const child = spawn(
      process.execPath,
      [
        '-e',
        `const D=require('better-sqlite3');const d=new D(${JSON.stringify(file)});d.exec('begin immediate; ` +
          `create table half (a)');console.log('held');setInterval(()=>{},1e6)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], cwd: process.cwd() },
    );
    await once(child.stdout, 'data');
    await expect(connection.exclusively(on(1, 100), async () => undefined)).rejects.toMatchObject({
      code: 'lock_timeout',
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await connection.exclusively(on(1), async () => undefined);
    expect(await connection.tables()).toEqual([]);
  });

  test('no state leaks into the next session', async () => {
    await expect(
      connection.exclusively(on(1), async (session) => {
        await session.run('pragma legacy_alter_table = on');
        await session.run('select nonsense');
      }),
    ).rejects.toMatchObject({ code: 'database_error', details: { code: 'SQLITE_ERROR' } });
    await connection.exclusively(on(1), async (session) => {
      expect(await session.query('pragma legacy_alter_table')).toEqual([{ legacy_alter_table: 0 }]);
      expect(await session.query('pragma query_only')).toEqual([{ query_only: 0 }]);
    });
  });

  test('a dead worker: unknown, and a fresh one next time', async () => {
    await connection.exclusively(on(1), async (s) => {
      await s.run('create table t (a)');
    });
    const worker = (): { terminate(): Promise<number> } =>
      (connection as unknown as { writer: { worker: { terminate(): Promise<number> } } }).writer.worker;
    const crashed = connection.exclusively(on(1), async (session) => {
      await session.run('insert into t values (1)');
      const long = session.query(
        'with recursive c(x) as (select 1 union all select x + 1 from c limit 3000000) select count(*) from ' +
          "c where _saga_lost(x, 'bigint', 'integer')",
      );
      void worker().terminate();
      await long;
    });
    await expect(crashed).rejects.toMatchObject({ code: 'database_unreachable', retryable: true, outcome: 'unknown' });
    await connection.exclusively(on(1), (s) => s.run('insert into t values (2)'));
    expect(await connection.look((s) => s.query('select a from t'))).toEqual([{ a: 2 }]);
  });

  test('a file that goes missing is unreachable; another in its place is another database', async () => {
    await connection.tables();
    renameSync(file, `${file}.away`);
    for (const suffix of ['-wal', '-shm'])
      if (existsSync(file + suffix)) renameSync(file + suffix, `${file}.away${suffix}`);
    await expect(connection.tables()).rejects.toMatchObject({ code: 'database_unreachable', retryable: true });
    await expect(connection.exclusively(on(1), async () => undefined)).rejects.toMatchObject({
      code: 'database_unreachable',
    });
    const other = new Database(file);
    other.exec('create table other (a)');
    other.close();
    expect(await connection.tables()).toEqual(['other']);
    expect(await connection.identity()).toBeNull();
    rmSync(file);
    for (const suffix of ['-wal', '-shm']) {
      rmSync(file + suffix, { force: true });
      if (existsSync(`${file}.away${suffix}`)) renameSync(`${file}.away${suffix}`, file + suffix);
    }
    renameSync(`${file}.away`, file);
    expect(await connection.identity()).toBe('one');
  });

  test('broken foreign keys that were there stay; new ones stop the commit', async () => {
    const { ddl } = sqlite;
    await connection.exclusively(on(1), async (s) => {
      for (const sql of [
        'create table p (id text primary key)',
        'create table c (p text references p(id))',
        "insert into p values ('1'), ('A')",
        "insert into c values ('1'), ('missing')",
      ])
        await s.run(sql);
    });
    const rename = connection.exclusively(on(1), async (s) => {
      for (const sql of ddl.renameTable((await s.introspect('p'))!, 'q').statements) await s.run(sql);
    });
    await rename;
    await expect(
      connection.exclusively(on(1), async (s) => {
        for (const sql of ddl.dropTable((await s.introspect('q'))!).statements) await s.run(sql);
      }),
    ).rejects.toMatchObject({ code: 'rows_conflict' });
    expect(await connection.tables()).toEqual(['c', 'q']);
  });
});

test('a rebuild of 200 000 rows leaves the main thread free', async () => {
  const { ddl } = sqlite;
  const connection = open();
  await connection.claim('one');
  const columns = [
    completeColumn({ name: 'id', type: 'integer', primary_key: true, generated: true }).column,
    completeColumn({ name: 'c', type: 'integer' }).column,
  ];
  await connection.exclusively(on(1, 5000), async (s) => {
    for (const sql of ddl.createTable('t', columns, 'id', (c) => c).statements) await s.run(sql);
    await s.run(
      'insert into t (c) with recursive n(x) as (select 1 union all select x + 1 from n limit 200000) select x from n',
    );
  });
  let longest = 0;
  let last = Date.now();
  let ticks = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, Date.now() - last);
    last = Date.now();
    ticks++;
  }, 10);
  const start = Date.now();
  last = start;
  await connection.exclusively(on(1, 5000), async (s) => {
    const live = (await s.introspect('t'))!;
    expect(
      await s.query(
        'select count(*) as n from t where ' +
          `${ddl.lost(columns[1]!, completeColumn({ name: 'c', type: 'text' }).column, '"c"')}`,
      ),
    ).toEqual([{ n: 0 }]);
    for (const sql of ddl.alterColumn(live, 'c', completeColumn({ name: 'c', type: 'text' }).column, 'u').statements)
      await s.run(sql);
  });
  clearInterval(timer);
  expect(longest).toBeLessThan(150);
  expect(ticks).toBeGreaterThan((Date.now() - start) / 10 / 4);
});

test('a process with an open connection that is idle ends by itself', async () => {
  const connection = open();
  await connection.claim('one');
  const path = join(process.cwd(), 'libs/byodb/src/engines/sqlite/worker/worker.js');
  const script = `import { Worker } from 'node:worker_threads';
    const w = new Worker(${JSON.stringify(path)}, { workerData: { file: ${JSON.stringify(file)}, idleMs: 1000 } });
    w.on('message', (m) => { console.log(JSON.stringify(m)); w.unref(); });
    w.postMessage({ id: 1, op: 'enter', mode: 'look' });`;
  writeFileSync(join(dir, 'idle.mjs'), script);
  const { stdout } = await promisify(execFile)(process.execPath, [join(dir, 'idle.mjs')], { timeout: 20_000 });
  expect(JSON.parse(stdout)).toEqual({ id: 1, rows: [] });
});

test('the worker itself rolls back a transaction whose caller says nothing more', async () => {
  await open().claim('one');
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(new URL('./worker/worker.js', import.meta.url), { workerData: { file, idleMs: 100 } });
  const call = async (op: string, sql = ''): Promise<{ error?: { code: string } }> => {
    worker.postMessage({ id: 1, op, mode: 'work', sql });
    return ((await once(worker, 'message')) as [{ error?: { code: string } }])[0];
  };
  await call('enter');
  await call('run', 'begin immediate');
  await call('run', 'create table half (a)');
  await sleep(300);
  expect((await call('run', 'create table late (a)')).error?.code).toBe('SAGA_EXPIRED');
  expect((await call('run', 'commit')).error?.code).toBe('SAGA_EXPIRED');
  await open().exclusively(on(1), async () => undefined);
  expect(await open().tables()).toEqual([]);
  await call('close');
});

test('a closed connection refuses', async () => {
  const connection = open();
  await connection.claim('one');
  const running = connection.exclusively(on(1), async (s) => {
    await sleep(100);
    await s.run('create table t (a)');
  });
  await sleep(20);
  await connection.close();
  await running;
  await expect(connection.tables()).rejects.toMatchObject({ code: 'database_unreachable' });
  expect(await open().tables()).toEqual(['t']);
  expect(statSync(file).size).toBeGreaterThan(0);
});
