import { expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freshPostgres, freshRedis, query } from '../../../testing/fixtures.js';
import { start, type Running } from './processes.js';

interface Saga { saga_id: string; status: string; table_id: string; error: { code: string } | null }

async function post(url: string, path: string, body: object): Promise<Record<string, Record<string, string>>> {
  const response = await fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return await response.json() as Record<string, Record<string, string>>;
}

async function settled(url: string): Promise<Saga[]> {
  const until = Date.now() + 30_000;
  for (;;) {
    const { sagas } = await (await fetch(`${url}/sagas?limit=500`)).json() as { sagas: Saga[] };
    if (sagas.every((s) => ['completed', 'compensated', 'rejected'].includes(s.status))) return sagas;
    if (Date.now() > until) throw new Error(`not settled: ${JSON.stringify(sagas.filter((s) => s.status !== 'completed').map((s) => [s.status, s.error]))}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Every known table stands in both databases with the columns that `show` says, or in neither. */
async function agrees(url: string, pgUrl: string, fileUrl: string): Promise<void> {
  const { tables } = await (await fetch(`${url}/tables?limit=500`)).json() as { tables: { name: string; columns: Record<string, object> }[] };
  for (const { name, columns } of tables) {
    const pg = (await query<{ n: string }>(pgUrl, `select column_name as n from information_schema.columns where table_name = '${name}' order by ordinal_position`)).map((r) => r.n).filter((n) => !n.startsWith('_saga_'));
    const file = (await query<{ name: string }>(fileUrl, `select name from pragma_table_info('${name}') order by cid`)).map((r) => r.name).filter((n) => !n.startsWith('_saga_'));
    expect({ name, pg, file }).toEqual({ name, pg: Object.keys(columns), file: Object.keys(columns) });
  }
}

test('killed with SIGKILL again and again, every change ends as all or none', async () => {
  const [pg, dir] = [await freshPostgres(), await mkdtemp(join(tmpdir(), 'schemasaga-'))];
  let running: Running = await start({ DATA_DIR: dir });
  try {
    await post(running.url, '/databases', { name: 'crm', url: pg.url });
    for (let round = 0; round < 8; round++) {
      const made = await Promise.all([0, 1, 2].map(async (i) => post(running.url, '/table/create', { name: `t${round}_${i}`, databases: ['default', 'crm'] })));
      await Promise.all(made.map(async (m) => post(running.url, '/table/column', { table_id: m['table']!['table_id'], columns: [{ name: 'extra', type: 'integer' }, { name: 'name', rename_to: 'label' }] })));
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
  const [pg, core, redis, dir] = [await freshPostgres(), await freshPostgres(), await freshRedis(), await mkdtemp(join(tmpdir(), 'schemasaga-'))];
  const environment = { DATA_DIR: dir, CORE_DATABASE_URL: core.url, REDIS_URL: redis.url };
  const api = await start({ ...environment, ROLE: 'api' });
  const workers = [await start({ ...environment, ROLE: 'worker' }), await start({ ...environment, ROLE: 'worker' })];
  const wipe = new Redis(redis.url);
  try {
    await post(api.url, '/databases', { name: 'crm', url: pg.url });
    for (let round = 0; round < 4; round++) {
      await Promise.all([0, 1, 2, 3].map(async (i) => post(api.url, '/table/create', { name: `t${round}_${i}`, databases: ['default', 'crm'] })));
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
  await expect(start({ DATA_DIR: dir, CREDENTIALS_KEY: 'ab'.repeat(32) })).rejects.toThrow(/encrypted with another key/);
  await rm(dir, { recursive: true, force: true });
});
