import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { start, type Running } from './processes.js';

// Processes whose clocks are wrong, or are set while they run, over one core database whose clock is right.

const HOUR_MS = 3_600_000;
const WEEK_S = 7 * 24 * 3600;
const DAY_MS = 24 * HOUR_MS;

interface Saga {
  saga_id: string;
  status: string;
  error: unknown;
  steps: { error: { code: string } | null }[];
}
type Answer = Record<string, Record<string, string>>;

let [dir, running, fresh]: [string, Running[], Fresh[]] = ['', [], []];

beforeEach(async () => {
  [dir, running, fresh] = [await mkdtemp(join(tmpdir(), 'schemasaga-')), [], []];
});
afterEach(async () => {
  await Promise.all(running.map(async (one) => one.kill('SIGKILL')));
  await Promise.all([...fresh.map(async (one) => one.drop()), rm(dir, { recursive: true, force: true })]);
});

async function begin(core: string, shiftMs: number, environment: Record<string, string> = {}): Promise<Running> {
  const one = await start(
    { DATA_DIR: dir, CORE_DATABASE_URL: core, CLOCK_SHIFT_MS: String(shiftMs), LOCK_TIMEOUT_MS: '100', ...environment },
    ['--import', fileURLToPath(new URL('./shifted-clock.js', import.meta.url))],
  );
  running.push(one);
  return one;
}

async function make(one: () => Promise<Fresh>): Promise<Fresh> {
  const made = await one();
  fresh.push(made);
  return made;
}

async function set(one: Running, shiftMs: number): Promise<void> {
  const done = once(one.child, 'message');
  one.child.send({ shift: shiftMs });
  await done;
}

async function post(one: Running, path: string, body: object, wait = true): Promise<Answer> {
  const response = await fetch(one.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(wait ? { Prefer: 'wait=20' } : {}) },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Answer;
}

async function get<T>(one: Running, path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(one.url + path);
  return { status: response.status, body: (await response.json()) as T };
}

const saga = async (one: Running, id: string): Promise<Saga> =>
  (await get<{ saga: Saga }>(one, `/sagas/${id}`)).body.saga;
const sagas = async (one: Running): Promise<Saga[]> =>
  (await get<{ sagas: Saga[] }>(one, '/sagas?limit=500')).body.sagas;

async function until<T>(look: () => Promise<T | null>, mostMs: number): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() - began > mostMs) throw new Error(`still not so after ${mostMs} ms`);
    await sleep(50);
  }
}

const readiness = async (one: Running): Promise<[number, string | undefined]> => {
  const { status, body } = await get<{ code?: string }>(one, '/health/ready');
  return [status, body.code];
};

/** A change that a customer's transaction holds up: `go` lets it go on. */
async function heldUp(
  one: Running,
  customer: Fresh,
  column: string,
  table: string,
): Promise<{ sagaId: string; go(): Promise<void> }> {
  const blocker = new pg.Client({ connectionString: customer.url });
  blocker.on('error', () => undefined);
  await blocker.connect();
  await blocker.query('begin; lock table orders in share mode');
  const asked = await post(one, '/table/column', { table_id: table, column: { name: column, type: 'text' } }, false);
  const sagaId = asked['saga']!['saga_id']!;
  await until(
    async () => ((await saga(one, sagaId)).steps.some((step) => step.error?.code === 'lock_timeout') ? true : null),
    10_000,
  );
  return { sagaId, go: () => blocker.end() };
}

async function ordersOn(one: Running, customer: Fresh): Promise<string> {
  await post(one, '/databases', { name: 'crm', url: customer.url }, false);
  return (await post(one, '/table/create', { name: 'orders', databases: ['crm'] }))['table']!['table_id']!;
}

describe.each([
  ['postgres', freshPostgres],
  ['mysql', freshMysql],
] as const)('a core database on %s', (_engine, freshCore) => {
  test('a worker whose clock is eight days ahead destroys nothing, says so, and takes no work until it is right', async () => {
    const [core, customer] = [await make(freshCore), await make(freshPostgres)];
    const right = await begin(core.url, 0, { RETENTION_SECONDS: String(WEEK_S) });
    const table = await ordersOn(right, customer);
    await query(customer.url, 'insert into orders default values');
    expect((await post(right, '/table/delete', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
    await right.kill('SIGTERM');

    const ahead = await begin(core.url, 8 * DAY_MS, { RETENTION_SECONDS: String(WEEK_S) });
    expect(await readiness(ahead)).toEqual([503, 'clock_off']);
    // It accepts, but does not begin.
    const asked = await post(ahead, '/table/create', { name: 'other', databases: ['crm'] }, false);
    await sleep(3000);
    expect((await sagas(ahead)).map(({ status }) => status).sort()).toEqual(['completed', 'completed', 'pending']);
    // What it recorded stands at the core database's time.
    const {
      body: { events },
    } = await get<{ events: { recorded_at: string }[] }>(ahead, '/events?limit=100');
    expect(events.filter((event) => Date.parse(event.recorded_at) > Date.now() + 60_000)).toEqual([]);

    await set(ahead, 0);
    await until(
      async () => ((await saga(ahead, asked['saga']!['saga_id']!)).status === 'completed' ? true : null),
      10_000,
    );
    expect(await readiness(ahead)).toEqual([200, undefined]);
    expect((await post(ahead, '/table/restore', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
    expect(await query(customer.url, 'select 1 as found from orders')).toHaveLength(1);
  }, 60_000);

  test('a worker that is right next to one that is ahead does the work', async () => {
    const core = await make(freshCore);
    const ahead = await begin(core.url, HOUR_MS);
    await begin(core.url, 0, { ROLE: 'worker' });
    expect((await post(ahead, '/table/create', { name: 'orders' }))['saga']).toMatchObject({ status: 'completed' });
  }, 60_000);

  test('a clock that is set ahead, then back, leaves no lease, no token and no wait behind', async () => {
    const [core, customer] = [await make(freshCore), await make(freshPostgres)];
    const one = await begin(core.url, 0);
    const table = await ordersOn(one, customer);
    // Ahead by less than what would keep it from work, and far ahead while it works.
    await set(one, 4000);
    const held = await heldUp(one, customer, 'first', table);
    await set(one, HOUR_MS);
    await sleep(1000);
    await one.kill('SIGKILL');
    await held.go();
    const again = await begin(core.url, 0);
    await until(async () => ((await saga(again, held.sagaId)).status === 'completed' ? true : null), 20_000);
    await set(again, -4500);
    expect(
      (await post(again, '/table/column', { table_id: table, column: { name: 'second', type: 'text' } }))['saga'],
    ).toMatchObject({ status: 'completed' });
    expect(JSON.stringify((await get(again, '/events?limit=500')).body)).not.toContain('stale_token');
  }, 60_000);
});

describe('a core database in a file', () => {
  test('killed while the clock was an hour ahead, and started with a clock that is right: its saga goes on at once', async () => {
    const [core, customer] = [await make(freshSqlite), await make(freshPostgres)];
    const ahead = await begin(core.url, HOUR_MS);
    const table = await ordersOn(ahead, customer);
    const held = await heldUp(ahead, customer, 'first', table);
    await ahead.kill('SIGKILL');
    const [{ still }] = (await query<{ still: number }>(
      core.url,
      `select max(expires_at) - ${Date.now()} as still from leases`,
    )) as [{ still: number }];
    expect(still).toBeGreaterThan(HOUR_MS / 2);
    await held.go();
    const again = await begin(core.url, 0);
    const began = performance.now();
    await until(async () => ((await saga(again, held.sagaId)).status === 'completed' ? true : null), 20_000);
    expect(performance.now() - began).toBeLessThan(5000);
  }, 60_000);

  test('the clock set back by an hour: no stale token, and changes complete', async () => {
    const [core, customer] = [await make(freshSqlite), await make(freshPostgres)];
    const one = await begin(core.url, 0);
    const table = await ordersOn(one, customer);
    await set(one, -HOUR_MS);
    expect(
      (await post(one, '/table/column', { table_id: table, column: { name: 'second', type: 'text' } }))['saga'],
    ).toMatchObject({ status: 'completed' });
    // A change of the whole database, and then with an earlier clock the first one of a table in it: each has a lease
    // of its own.
    await query(customer.url, 'create table theirs (id integer primary key)');
    const adopted = await post(one, '/databases/crm/adopt', { tables: ['theirs'] });
    expect(adopted['saga']).toMatchObject({ status: 'completed' });
    await set(one, -2 * HOUR_MS);
    expect(
      (
        await post(one, '/table/column', {
          table_id: adopted['table']!['table_id']!,
          column: { name: 'ours', type: 'text' },
        })
      )['saga'],
    ).toMatchObject({ status: 'completed' });
    await one.kill('SIGKILL');
    const again = await begin(core.url, -3 * HOUR_MS);
    expect(
      (await post(again, '/table/column', { table_id: table, column: { name: 'third', type: 'text' } }))['saga'],
    ).toMatchObject({ status: 'completed' });
    expect(JSON.stringify((await get(again, '/events?limit=500')).body)).not.toContain('stale_token');
  }, 60_000);

  test('the clock set ahead by eight days while it runs destroys nothing, and back again holds nobody up', async () => {
    const [core, customer] = [await make(freshSqlite), await make(freshPostgres)];
    const one = await begin(core.url, 0, { RETENTION_SECONDS: String(WEEK_S) });
    const table = await ordersOn(one, customer);
    expect((await post(one, '/table/delete', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
    await set(one, 8 * DAY_MS);
    await sleep(3000);
    expect((await sagas(one)).map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect((await post(one, '/table/restore', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
    expect((await post(one, '/table/delete', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
    await set(one, 0);
    await sleep(2000);
    expect((await sagas(one)).map(({ status }) => status)).toEqual(Array(4).fill('completed'));
    expect((await post(one, '/table/restore', { table_id: table }))['saga']).toMatchObject({ status: 'completed' });
  }, 60_000);
});
