import { expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { freshPostgres, freshRedis, query, tcpProxy } from '../../../testing/fixtures.js';
import { start, type Running } from './processes.js';

interface Saga {
  saga_id: string;
  status: string;
  table_id: string;
  error: { code: string } | null;
}

async function post(url: string, path: string, body: object): Promise<Record<string, Record<string, string>>> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, Record<string, string>>;
}

async function settled(url: string): Promise<Saga[]> {
  const until = Date.now() + 30_000;
  for (;;) {
    const { sagas } = (await (await fetch(`${url}/sagas?limit=500`)).json()) as { sagas: Saga[] };
    if (sagas.every((s) => ['completed', 'compensated', 'rejected'].includes(s.status))) return sagas;
    if (Date.now() > until)
      throw new Error(
        `not settled: ${JSON.stringify(sagas.filter((s) => s.status !== 'completed').map((s) => [s.status, s.error]))}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Every known table stands in both databases with the columns that `show` says, or in neither. */
async function agrees(url: string, pgUrl: string, fileUrl: string): Promise<void> {
  const { tables } = (await (await fetch(`${url}/tables?limit=500`)).json()) as {
    tables: { name: string; columns: Record<string, object> }[];
  };
  for (const { name, columns } of tables) {
    const pg = (
      await query<{ n: string }>(
        pgUrl,
        `select column_name as n from information_schema.columns where table_name = '${name}' order by ` +
          'ordinal_position',
      )
    )
      .map((r) => r.n)
      .filter((n) => !n.startsWith('_saga_'));
    const file = (await query<{ name: string }>(fileUrl, `select name from pragma_table_info('${name}') order by cid`))
      .map((r) => r.name)
      .filter((n) => !n.startsWith('_saga_'));
    expect({ name, pg, file }).toEqual({ name, pg: Object.keys(columns), file: Object.keys(columns) });
  }
}

test('killed with SIGKILL again and again, every change ends as all or none', async () => {
  const [pg, dir] = [await freshPostgres(), await mkdtemp(join(tmpdir(), 'schemasaga-'))];
  let running: Running = await start({ DATA_DIR: dir });
  try {
    await post(running.url, '/databases', { name: 'crm', url: pg.url });
    for (let round = 0; round < 8; round++) {
      const made = await Promise.all(
        [0, 1, 2].map(async (i) =>
          post(running.url, '/table/create', { name: `t${round}_${i}`, databases: ['default', 'crm'] }),
        ),
      );
      await Promise.all(
        made.map(async (m) =>
          post(running.url, '/table/column', {
            table_id: m['table']!['table_id'],
            columns: [
              { name: 'extra', type: 'integer' },
              { name: 'name', rename_to: 'label' },
            ],
          }),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, round * 9));
      await running.kill('SIGKILL');
      running = await start({ DATA_DIR: dir });
    }
    const sagas = await settled(running.url);
    expect(sagas.map((s) => s.status)).toEqual(Array.from({ length: 48 }, () => 'completed'));
    await agrees(running.url, pg.url, `sqlite:${join(dir, 'byodb.db')}`);
  } finally {
    await running.kill('SIGTERM');
    await pg.drop();
    await rm(dir, { recursive: true, force: true });
  }
}, 120_000);

test('on BullMQ: workers killed and Redis wiped, nothing is lost and nothing runs twice', async () => {
  const [pg, core, redis, dir] = [
    await freshPostgres(),
    await freshPostgres(),
    await freshRedis(),
    await mkdtemp(join(tmpdir(), 'schemasaga-')),
  ];
  const environment = { DATA_DIR: dir, CORE_DATABASE_URL: core.url, REDIS_URL: redis.url };
  const api = await start({ ...environment, ROLE: 'api' });
  const workers = [await start({ ...environment, ROLE: 'worker' }), await start({ ...environment, ROLE: 'worker' })];
  const wipe = new Redis(redis.url);
  try {
    await post(api.url, '/databases', { name: 'crm', url: pg.url });
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        [0, 1, 2, 3].map(async (i) =>
          post(api.url, '/table/create', { name: `t${round}_${i}`, databases: ['default', 'crm'] }),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      await workers[round % 2]!.kill('SIGKILL');
      await wipe.flushdb();
      workers[round % 2] = await start({ ...environment, ROLE: 'worker' });
    }
    const sagas = await settled(api.url);
    expect(sagas.map((s) => s.status)).toEqual(Array.from({ length: 16 }, () => 'completed'));
    await agrees(api.url, pg.url, `sqlite:${join(dir, 'byodb.db')}`);
  } finally {
    await Promise.all([api, ...workers].map(async (one) => one.kill('SIGTERM')));
    wipe.disconnect();
    await Promise.all([pg.drop(), core.drop(), redis.drop(), rm(dir, { recursive: true, force: true })]);
  }
}, 120_000);

test('a wrong credentials key is refused at start, with a clear message', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'schemasaga-'));
  const first = await start({ DATA_DIR: dir });
  await first.kill('SIGTERM');
  await expect(start({ DATA_DIR: dir, CREDENTIALS_KEY: 'ab'.repeat(32) })).rejects.toThrow(
    /encrypted with another key/,
  );
  await rm(dir, { recursive: true, force: true });
});

test('the core database goes and comes back: requests get 503 with Retry-After meanwhile, and sagas go on afterwards', async () => {
  const [core, customer, dir] = [
    await freshPostgres(),
    await freshPostgres(),
    await mkdtemp(join(tmpdir(), 'schemasaga-')),
  ];
  const proxy = await tcpProxy(Number(new URL(core.url).port));
  const running = await start({ DATA_DIR: dir, CORE_DATABASE_URL: proxy.url(core.url), LOCK_TIMEOUT_MS: '100' });
  const blocker = new pg.Client({ connectionString: customer.url });
  try {
    await post(running.url, '/databases', { name: 'crm', url: customer.url });
    const made = await post(running.url, '/table/create', { name: 'orders', databases: ['default', 'crm'] });
    await settled(running.url);
    // A change that is half done when the core database goes.
    await blocker.connect();
    await blocker.query('begin; lock table orders in share mode');
    await post(running.url, '/table/column', {
      table_id: made['table']!['table_id'],
      column: { name: 'extra', type: 'text' },
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    proxy.refuse();
    proxy.cut();
    for (const [method, path, body] of [
      ['GET', '/tables', undefined],
      ['POST', '/table/create', '{"name": "other"}'],
      ['GET', '/health/ready', undefined],
    ] as const) {
      const refused = await fetch(running.url + path, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/json' } }),
      });
      expect([
        path,
        refused.status,
        refused.headers.get('retry-after'),
        ((await refused.json()) as { code: string }).code,
      ]).toEqual([path, 503, '1', 'core_database_unavailable']);
    }
    await blocker.end();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await proxy.resume();
    expect((await settled(running.url)).map((s) => s.status)).toEqual(['completed', 'completed']);
    await agrees(running.url, customer.url, `sqlite:${join(dir, 'byodb.db')}`);
  } finally {
    await running.kill('SIGKILL');
    await proxy.close();
    await Promise.all([core.drop(), customer.drop(), rm(dir, { recursive: true, force: true })]);
  }
}, 60_000);

test('SIGTERM hands a change over within the drain time, and another process goes on with it', async () => {
  const [core, customer, dir] = [
    await freshPostgres(),
    await freshPostgres(),
    await mkdtemp(join(tmpdir(), 'schemasaga-')),
  ];
  const environment = { DATA_DIR: dir, CORE_DATABASE_URL: core.url, LOCK_TIMEOUT_MS: '100', DRAIN_SECONDS: '5' };
  const [first, second] = [await start(environment), await start({ ...environment, ROLE: 'api' })];
  const blocker = new pg.Client({ connectionString: customer.url });
  let third: Running | null = null;
  try {
    await post(first.url, '/databases', { name: 'crm', url: customer.url });
    const made = await post(first.url, '/table/create', { name: 'orders', databases: ['default', 'crm'] });
    await settled(first.url);
    await blocker.connect();
    await blocker.query('begin; lock table orders in share mode');
    await post(second.url, '/table/column', {
      table_id: made['table']!['table_id'],
      column: { name: 'extra', type: 'text' },
    });
    await new Promise((resolve) => setTimeout(resolve, 400));
    const began = Date.now();
    await first.kill('SIGTERM');
    expect(Date.now() - began).toBeLessThan(5000);
    expect(first.child.exitCode).toBe(0);
    await blocker.end();
    third = await start({ ...environment, ROLE: 'worker' });
    expect((await settled(second.url)).map((s) => s.status)).toEqual(['completed', 'completed']);
  } finally {
    await Promise.all([first, second, third].map(async (one) => one?.kill('SIGKILL')));
    await Promise.all([core.drop(), customer.drop(), rm(dir, { recursive: true, force: true })]);
  }
}, 60_000);
