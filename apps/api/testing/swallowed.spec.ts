import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshMysql, freshPostgres, tcpProxy, type Fresh, type Proxy } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

// Databases behind a network that swallows everything: they are taken for away, and nobody else waits for them.

const DEADLINE_SECONDS = 7;
let s: Service;
let servers: Fresh[];
let proxies: Proxy[];
beforeAll(async () => {
  s = await service({ CHANGE_DEADLINE_SECONDS: String(DEADLINE_SECONDS), LOG_LEVEL: 'fatal' });
  servers = [await freshPostgres(), await freshMysql()];
  proxies = await Promise.all(servers.map(({ url }) => tcpProxy(Number(new URL(url).port))));
  for (const [i, name] of ['hole_pg', 'hole_my'].entries())
    expect((await s.call('POST', '/databases', { name, url: proxies[i]!.url(servers[i]!.url) })).status).toBe(201);
  for (const [i, name] of ['good_pg', 'good_my'].entries()) {
    const fresh = await (i === 0 ? freshPostgres() : freshMysql());
    servers.push(fresh);
    expect((await s.call('POST', '/databases', { name, url: fresh.url })).status).toBe(201);
  }
  // Known once, from before: what is answered later says how old it is.
  expect((await s.call('GET', '/databases/hole_pg')).body['database']).toMatchObject({
    reachable: true,
    checked_at: expect.any(String),
  });
});
afterAll(async () => {
  await s.stop();
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await Promise.all(servers.map((fresh) => fresh.drop()));
});

async function took(work: () => Promise<Reply>): Promise<{ ms: number; answer: Reply }> {
  const began = Date.now();
  const answer = await work();
  return { ms: Date.now() - began, answer };
}

test("sixty changes there hold up neither others' changes, nor lists, nor their own deadline", async () => {
  for (const proxy of proxies) {
    proxy.hold();
    proxy.cut();
  }
  const began = Date.now();
  const lost = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const databases = i % 3 === 2 ? ['hole_pg', 'good_pg'] : [i % 3 === 0 ? 'hole_pg' : 'hole_my'];
      const { status, body } = await s.call('POST', '/table/create', { name: `lost_${i}`, databases });
      expect(status).toBe(202);
      return body['saga'].saga_id as string;
    }),
  );
  for (let round = 0; round < 4; round++) {
    for (const database of ['default', 'good_pg', 'good_my']) {
      const { ms, answer } = await took(() =>
        s.call('POST', '/table/create', { name: `good_${database}_${round}`, databases: [database] }, WAIT),
      );
      expect([database, answer.status, ms < 6000 || ms]).toEqual([database, 200, true]);
    }
    const list = await took(() => s.call('GET', '/databases'));
    expect([list.answer.status, list.ms < 3000 || list.ms]).toEqual([200, true]);
    const of = (name: string): Record<string, unknown> =>
      (list.answer.body['databases'] as { name: string }[]).find((one) => one.name === name)! as Record<
        string,
        unknown
      >;
    expect([of('good_pg')['reachable'], of('good_my')['reachable'], of('default')['reachable']]).toEqual([
      true,
      true,
      true,
    ]);
    await sleep(500);
  }
  const away = (await s.call('GET', '/databases/hole_pg')).body['database'];
  expect(away).toMatchObject({
    reachable: false,
    error: { code: 'database_unreachable' },
    checked_at: expect.any(String),
  });
  await sleep(Math.max(0, began + (DEADLINE_SECONDS + 4) * 1000 - Date.now()));
  const ends = await Promise.all(
    lost.map(
      async (id) =>
        (await s.call('GET', `/sagas/${id}`)).body['saga'] as {
          status: string;
          error: { code: string } | null;
          requested_at: string;
          finished_at: string;
        },
    ),
  );
  expect(ends.map(({ status, error }) => [status, error?.code])).toEqual(
    lost.map(() => ['rejected', 'deadline_exceeded']),
  );
  const late = ends.map(
    (saga) => (Date.parse(saga.finished_at) - Date.parse(saga.requested_at)) / 1000 - DEADLINE_SECONDS,
  );
  expect(Math.max(...late)).toBeLessThan(4);
}, 60_000);

test('a change there waits, and is done as soon as the network is back', async () => {
  const sent = await s.call('POST', '/table/create', { name: 'patient', databases: ['hole_pg'] });
  await sleep(1000);
  for (const proxy of proxies) await proxy.resume();
  for (let i = 0; i < 400; i++) {
    const { saga } = (await s.call('GET', `/sagas/${sent.body['saga'].saga_id as string}`)).body;
    if (saga.status === 'completed') return;
    expect(saga.status).toMatch(/pending|running/);
    await sleep(25);
  }
  throw new Error('it never ended');
}, 20_000);

test('neither what is registered there, nor a hung look, nor who waits for its end holds up a stop', async () => {
  const sockets = new Set<Socket>();
  const hole: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  const port = await new Promise<number>((resolve) => {
    hole.listen(0, '127.0.0.1', () => {
      resolve((hole.address() as { port: number }).port);
    });
  });
  const other = await service({ LOG_LEVEL: 'silent' });
  try {
    const asked = ['postgres', 'mysql'].map((scheme) =>
      other.call('POST', '/databases', { name: scheme, url: `${scheme}://u:p@127.0.0.1:${port}/x` }).catch(() => null),
    );
    await sleep(300);
    const { ms } = await took(async () => {
      await other.stop();
      return { status: 0, headers: new Headers(), body: {} };
    });
    expect(ms).toBeLessThan(8000);
    await Promise.all(asked);
  } finally {
    for (const socket of sockets) socket.destroy();
    hole.close();
  }
}, 30_000);
