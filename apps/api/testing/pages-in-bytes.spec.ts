import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start, type Running } from './processes.js';

// Large changes, many of them: no list is answered in one piece that holds everybody up, and following its cursor gives
// all of it, once.

const TABLES = 12;
const MOST_BYTES = 2_500_000;
/** Milliseconds; the machine may be busy, so the best of some tries. */
const MOST_DELAY = 50;
const TRIES = 4;

let dir: string;
let running: Running;
let ids: string[];
let sagaIds: string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'schemasaga-'));
  running = await start({ DATA_DIR: dir }, ['--import', fileURLToPath(new URL('./loop-delay.js', import.meta.url))]);
  const columns = Array.from({ length: 6 }, (_, i) => ({
    name: `c${i}`,
    type: 'text',
    default: String(i).repeat(15_000).slice(0, 15_000),
  }));
  const made = await Promise.all(
    Array.from({ length: TABLES }, async (_, i) => {
      const response = await fetch(`${running.url}/table/create`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'wait=50' },
        body: JSON.stringify({ name: `t${i}`, columns }),
      });
      const text = await response.text();
      expect([response.status, response.status === 200 ? '' : text.slice(0, 500)]).toEqual([200, '']);
      return JSON.parse(text) as { table: { table_id: string }; saga: { saga_id: string } };
    }),
  );
  ids = made.map(({ table }) => table.table_id);
  sagaIds = made.map(({ saga }) => saga.saga_id);
}, 60_000);
afterAll(async () => {
  await running.kill('SIGTERM');
  await rm(dir, { recursive: true, force: true });
});

type Item = Record<string, unknown>;

async function read(path: string): Promise<{ text: string; body: Record<string, unknown> }> {
  const response = await fetch(running.url + path);
  const text = await response.text();
  expect(response.status).toBe(200);
  return { text, body: JSON.parse(text) as Record<string, unknown> };
}

/** Every page, none of them empty while there is more. */
async function all(path: string, member: string): Promise<{ items: Item[]; pages: number; largest: number }> {
  const items: Item[] = [];
  let [pages, largest, cursor] = [0, 0, ''];
  for (;;) {
    const { text, body } = await read(`${path}${path.includes('?') ? '&' : '?'}limit=500${cursor}`);
    const page = body[member] as Item[];
    pages++;
    largest = Math.max(largest, text.length);
    items.push(...page);
    if (body['next_cursor'] === null) return { items, pages, largest };
    expect(page.length).toBeGreaterThan(0);
    cursor = `&cursor=${String(body['next_cursor'])}`;
  }
}

async function tell(what: 'reset' | 'delay'): Promise<number> {
  const told = once(running.child, 'message');
  running.child.send(what);
  return ((await told)[0] as { delay: number }).delay;
}

test.each([
  ['/events', 'events', 'event_id'],
  ['/sagas', 'sagas', 'saga_id'],
  ['/tables', 'tables', 'table_id'],
  ['/commands', 'commands', 'request_id'],
  ['/databases/default/history', 'events', 'step_id'],
])('%s', async (path, member, key) => {
  const { items, pages, largest } = await all(path, member);
  expect(new Set(items.map((item) => item[key])).size).toBe(items.length);
  expect(items.length).toBeGreaterThanOrEqual(TABLES);
  expect(largest).toBeLessThan(MOST_BYTES);
  if (path !== '/commands') expect(pages).toBeGreaterThan(1);
  let best = Infinity;
  for (let i = 0; i < TRIES && best > MOST_DELAY; i++) {
    await tell('reset');
    await read(`${path}?limit=500`);
    best = Math.min(best, await tell('delay'));
  }
  expect(best).toBeLessThan(MOST_DELAY);
});

test('of one table and of one saga', async () => {
  expect((await all(`/tables/${ids[0]!}/history`, 'events')).items).toHaveLength(2);
  const { items } = await all(`/sagas/${sagaIds[0]!}/events`, 'events');
  expect(items.map((item) => item['version'])).toEqual(items.map((_item, i) => i + 1));
});

test('with a filter, and with a limit, pages lead on as well', async () => {
  expect((await all('/events?type=TableCreationRequested', 'events')).items).toHaveLength(TABLES);
  const { body } = await read('/sagas?limit=1');
  expect([(body['sagas'] as Item[]).length, body['next_cursor']]).toEqual([1, expect.any(String)]);
});

test('a replay is told as it is played: it is nowhere held as a whole', async () => {
  const table_id = ids[1]!;
  const post = (path: string, body: object, wait = true): Promise<Response> =>
    fetch(running.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(wait ? { Prefer: 'wait=50' } : {}) },
      body: JSON.stringify(body),
    });
  for (let i = 0; i < 8; i++)
    expect((await post('/table/rename', { table_id, name: `wide_${i}` }, i === 7)).status).toBeLessThan(300);
  await tell('reset');
  const response = await post('/table/replay', { table_id });
  // Built first and sent then, its length would be known.
  expect([response.headers.get('content-type'), response.headers.get('content-length')]).toEqual([
    'application/json; charset=utf-8',
    null,
  ]);
  const told = await response.text();
  expect(told.length).toBeGreaterThan(1_500_000);
  const { timeline, table } = JSON.parse(told) as { timeline: Item[]; table: Item };
  expect([timeline.map((entry) => entry['version']), timeline.at(-1)!['table']]).toEqual([
    Array.from({ length: 18 }, (_, n) => n + 1),
    table,
  ]);
});
