import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  createEventStore,
  openCoreDatabase,
  sql,
  sqlName,
  type CoreDatabase,
  type EventStore,
  type StoredEvent,
} from '#event-store';
import { createMigratedDatabase } from '../../../libs/event-store/testing/core-databases.js';
import { eventually, gate, happened, metadata } from '../../../libs/event-store/testing/hooked-core.js';
import { appliedSteps } from '#tables';
import { keptBehind, keptInline } from '../src/read-models.js';
import { freshMysql, freshPostgres, freshSqlite, query, tcpProxy, type Fresh } from '../../../testing/fixtures.js';
import { eventSource } from './event-source.js';
import { verifyOffline } from './processes.js';
import { service, WAIT } from './service.js';

type Service = Awaited<ReturnType<typeof service>>;
const fresh = { sqlite: freshSqlite, postgres: freshPostgres, mysql: freshMysql };

describe.each(['sqlite', 'postgres', 'mysql'] as const)('the log, core on %s', (engine) => {
  let place: Fresh;
  let s: Service;
  let core: CoreDatabase;
  /** As another process would append. */
  let store: EventStore;

  beforeAll(async () => {
    place = await fresh[engine]();
    s = await service({ CORE_DATABASE_URL: place.url, DRIFT_CHECK_SECONDS: '0' });
    core = await openCoreDatabase(place.url);
    store = createEventStore(core);
  });
  afterAll(async () => {
    await s.stop();
    await core.close();
    await place.drop();
  });

  const create = async (headers: Record<string, string> = WAIT): Promise<{ table_id: string; saga_id: string }> => {
    const { status, body } = await s.call(
      'POST',
      '/table/create',
      { name: `t_${randomUUID().replaceAll('-', '')}` },
      headers,
    );
    expect([200, 202]).toContain(status);
    return { table_id: body['table'].table_id as string, saga_id: body['saga'].saga_id as string };
  };
  const page = async (query: string): Promise<{ events: StoredEvent[]; next_cursor: string | null }> =>
    (await s.call('GET', `/events?${query}`)).body as never;

  test('is read page by page, oldest first, with the whole envelope', async () => {
    await create();
    await create();
    const all: StoredEvent[] = [];
    for (let after = '0'; ;) {
      const { events, next_cursor } = await page(`after=${after}&limit=3`);
      all.push(...events);
      if (next_cursor === null) break;
      expect(events).toHaveLength(3);
      expect(next_cursor).toBe(String(events[2]!.position));
      after = next_cursor;
    }
    expect(all).toEqual(await store.readAll(0, 10_000));
    expect(all[0]).toEqual({
      event_id: expect.any(String),
      position: expect.any(Number),
      stream: expect.stringMatching(/^database-/),
      version: 1,
      type: 'DatabaseRegistered',
      schema_version: 1,
      data: expect.any(Object),
      metadata: { correlation_id: expect.any(String), causation_id: null, actor: expect.any(String) },
      recorded_at: expect.any(String),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await page(`cursor=${all[1]!.position}&limit=1`)).events).toEqual([all[2]]);
    expect(await page(`after=${all.at(-1)!.position}`)).toEqual({ events: [], next_cursor: null });
  });

  test('is filtered by stream, type and correlation', async () => {
    const { table_id, saga_id } = await create();
    const of = await page(`stream=table-${table_id}`);
    expect(of.events.map(({ version }) => version)).toEqual([1, 2]);
    const { correlation_id } = of.events[0]!.metadata;
    const together = await page(`correlation_id=${correlation_id}&limit=500`);
    expect(new Set(together.events.map(({ stream }) => stream))).toEqual(
      new Set([`table-${table_id}`, `saga-${saga_id}`]),
    );
    expect((await page(`type=SagaCompleted&correlation_id=${correlation_id}`)).events).toEqual(
      together.events.filter(({ type }) => type === 'SagaCompleted'),
    );
    expect((await page('stream=none')).events).toEqual([]);
  });

  test.each([
    'limit=0',
    'limit=501',
    'limit=x',
    'after=-1',
    'after=x',
    'type=',
    'type=%00',
    'stream=%C3%A9',
    'stream=a&stream=b',
    'after=1&cursor=1',
    'offset=3',
  ])('?%s is refused', async (query) => {
    const { status, body } = await s.call('GET', `/events?${query}`);
    expect([status, body['code']]).toEqual([400, 'validation_failed']);
    if (/^(limit|after=1&)/.test(query)) return;
    expect((await s.call('GET', `/events/stream?${query}`)).status).toBe(400);
  });

  test('live: 8 writers in two processes; a fast and a slow client, one that starts over and one that filters miss nothing and see nothing twice', async () => {
    const start = await store.head();
    const other = createEventStore(core);
    const url = `${s.app.url}/events/stream?after=${start}`;
    const slow = await eventSource(url, {}, () => new Promise((resolve) => setTimeout(resolve, Math.random() * 20)));
    const fast = await eventSource(url);
    const wanted = `wanted-${randomUUID()}`;
    const filtering = await eventSource(`${url}&stream=${wanted}`);
    let restarting = await eventSource(url);
    const before: number[] = [];
    const written: StoredEvent[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async (_, w) => {
        for (let i = 0; i < 15; i++) {
          const stream = w === 0 ? wanted : `s-${randomUUID()}`;
          written.push(
            ...(await (w % 2 ? store : other).append(
              [{ stream, expectedVersion: w === 0 ? i : 0, events: [happened(i)] }],
              metadata,
            )),
          );
          if (w === 1 && i % 5 === 4) {
            restarting.close();
            before.push(...restarting.messages.map(({ id }) => id));
            restarting = await eventSource(url, before.length === 0 ? {} : { 'Last-Event-ID': String(before.at(-1)) });
          }
        }
      }),
    );
    await eventually(
      () =>
        [slow, fast].every(({ messages }) => messages.length >= 120) &&
        before.length + restarting.messages.length >= 120 &&
        filtering.messages.length >= 15,
      20_000,
    );
    written.sort((a, b) => a.position - b.position);
    for (const { messages } of [slow, fast]) {
      expect(messages.map(({ data }) => data)).toEqual(written);
      expect(messages.map(({ id, event }) => ({ id, event }))).toEqual(
        written.map(({ position, type }) => ({ id: position, event: type })),
      );
    }
    expect([...before, ...restarting.messages.map(({ id }) => id)]).toEqual(written.map(({ position }) => position));
    expect(filtering.messages.map(({ data }) => data)).toEqual(written.filter(({ stream }) => stream === wanted));
    for (const one of [slow, fast, filtering, restarting]) one.close();
  }, 60_000);

  test('a saga is followed until it ends; after that there is nothing to come back for', async () => {
    const { saga_id } = await create({});
    const live = await eventSource(`${s.app.url}/sagas/${saga_id}/events`);
    await live.ended;
    const { events } = (await s.call('GET', `/sagas/${saga_id}/events`)).body as { events: StoredEvent[] };
    expect(live.messages.map(({ data }) => data)).toEqual(events);
    expect(live.messages.at(-1)!.event).toBe('SagaCompleted');
    const late = await eventSource(`${s.app.url}/sagas/${saga_id}/events`, {
      'Last-Event-ID': String(events[2]!.position),
    });
    await late.ended;
    expect(late.messages.map(({ data }) => data)).toEqual(events.slice(3));
    expect(
      (await eventSource(`${s.app.url}/sagas/${saga_id}/events`, { 'Last-Event-ID': String(events.at(-1)!.position) }))
        .status,
    ).toBe(204);
    expect((await eventSource(`${s.app.url}/sagas/${randomUUID()}/events`)).status).toBe(404);
    expect((await eventSource(`${s.app.url}/sagas/${saga_id}/events`, { 'Last-Event-ID': 'x' })).status).toBe(400);
  });

  test('what caused what is a tree that holds every event of the request once, from the request to the last step', async () => {
    const { table_id, saga_id } = await create();
    const { events } = await page(`stream=table-${table_id}`);
    const { status, body } = await s.call('GET', `/events/${events[1]!.event_id}/correlation`);
    expect(status).toBe(200);
    expect(body['correlation_id']).toBe(events[0]!.metadata.correlation_id);
    type Node = StoredEvent & { caused: Node[] };
    const walk = (nodes: Node[]): Node[] => nodes.flatMap((node) => [node, ...walk(node.caused)]);
    const tree = body['events'] as Node[];
    // One root: what the request itself recorded.
    expect(tree.map(({ type }) => type)).toEqual(['TableCreationRequested']);
    const all = walk(tree)
      .map(
        ({ caused, ...event }) => (expect(caused.every(({ position }) => position > event.position)).toBe(true), event),
      )
      .sort((a, b) => a.position - b.position);
    expect(all).toEqual((await page(`correlation_id=${body['correlation_id']}&limit=500`)).events);
    expect(all.some(({ stream, type }) => stream === `saga-${saga_id}` && type === 'SagaCompleted')).toBe(true);
    for (const unknown of [randomUUID(), 'x', '%00']) {
      const missing = await s.call('GET', `/events/${unknown}/correlation`);
      expect([missing.status, missing.body['code']]).toEqual([404, 'not_found']);
    }
  });

  test('every command is listed, newest first, refused ones with the reason, without secrets; reads and dry runs are not', async () => {
    const { saga_id, table_id } = await create();
    const name = `c_${randomUUID().replaceAll('-', '')}`;
    await s.call('POST', '/table/create', { name: 'integer; DROP TABLE accounts; --' });
    await s.call('POST', '/table/create', '{"name": ');
    await s.call('POST', '/databases', { name: 'broken', url: 'postgres://me:hunter2@127.0.0.1:1/x' });
    await s.call('POST', '/table/delete', { table_id: randomUUID() });
    await s.call('POST', '/table/create?dry_run=true', { name });
    await s.call('POST', '/table/show', { table_id });
    await s.call('POST', '/nowhere', {});
    const done = await s.call('POST', '/table/create', { name });
    const { body } = await s.call('GET', '/commands?limit=6');
    expect(body['commands']).toMatchObject([
      {
        method: 'POST',
        path: '/table/create',
        body: { name },
        outcome: 'accepted',
        status: 202,
        code: null,
        actor: 'anonymous',
        saga_id: done.body['saga'].saga_id,
        request_id: done.headers.get('x-request-id'),
      },
      { path: '/table/delete', outcome: 'refused', status: 404, code: 'table_not_found' },
      {
        path: '/databases',
        outcome: 'refused',
        status: 422,
        code: 'database_unreachable',
        body: { name: 'broken', url: 'postgres://[left out]@127.0.0.1:1/x' },
      },
      { path: '/table/create', outcome: 'refused', status: 400, code: 'invalid_json', body: null },
      {
        path: '/table/create',
        outcome: 'refused',
        status: 400,
        code: 'validation_failed',
        body: { name: 'integer; DROP TABLE accounts; --' },
      },
      { path: '/table/create', outcome: 'accepted', status: 200, saga_id },
    ]);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(Object.keys(body['commands'][0])).toEqual([
      'request_id',
      'received_at',
      'actor',
      'method',
      'path',
      'body',
      'outcome',
      'status',
      'code',
      'saga_id',
      'duration_ms',
    ]);
    const next = await s.call('GET', `/commands?limit=1&cursor=${body['commands'][1].request_id as string}`);
    expect(next.body['commands']).toEqual([body['commands'][2]]);
    expect((await s.call('GET', `/commands?saga_id=${saga_id}`)).body['commands']).toEqual([body['commands'][5]]);
    // Whether the request is known in the log by the same id.
    const [requested] = (await page(`correlation_id=${body['commands'][0].request_id as string}&limit=1`)).events;
    expect(requested!.type).toBe('TableCreationRequested');
    expect((await s.call('GET', '/commands?cursor=1')).status).toBe(400);
  });

  /** Something of everything that read models keep, in a database of its own beside. */
  async function mixedRun(other: Fresh): Promise<void> {
    await s.call('POST', '/databases', { name: 'second', url: other.url });
    await s.call('POST', '/databases', { name: 'third', url: `${other.url}3` });
    expect((await s.call('DELETE', '/databases/third')).status).toBe(204);
    const made = await s.call(
      'POST',
      '/table/create',
      { name: `mixed_${engine}`, databases: ['default', 'second'] },
      WAIT,
    );
    const table_id = made.body['table'].table_id as string;
    await query(other.url, `drop table mixed_${engine}`);
    const undone = await s.call('POST', '/table/column', { table_id, column: { name: 'email', type: 'string' } }, WAIT);
    expect(undone.status).toBe(422);
    const { table_id: gone } = await create();
    await s.call('POST', '/table/column', { table_id: gone, column: { name: 'email', type: 'string' } }, WAIT);
    await s.call('POST', '/table/rename', { table_id: gone, name: `renamed_${engine}` }, WAIT);
    await s.call('POST', '/table/delete', { table_id: gone }, WAIT);
    await s.call('POST', '/table/restore', { table_id: gone }, WAIT);
    await s.call('POST', '/table/revert', { table_id: gone, version: 2 }, WAIT);
  }

  /** The tables of all read models, each in the order of its key. */
  const KEYS = {
    customer_databases: 'database_id',
    credentials: 'database_id',
    tables: 'table_id',
    table_databases: 'database_id, table_id',
    table_names: 'database_id, name_key',
    purges_due: 'table_id',
    sagas: 'saga_id',
    saga_targets: 'target_id, saga_id',
    applied_steps: 'position',
    saga_plans: 'saga_id',
    table_snapshots: 'table_id, version',
  };
  /** What all of them hold. */
  const kept = async (): Promise<string> =>
    JSON.stringify(
      await Promise.all(
        Object.entries(KEYS).map(([name, key]) =>
          core.query({ texts: [`select * from ${name} order by ${key}`], values: [] }),
        ),
      ),
    );
  const listed = async (): Promise<Record<string, { status: string; lag: number }>> =>
    Object.fromEntries(
      ((await s.call('GET', '/projections')).body['projections'] as { name: string }[]).map((one) => [one.name, one]),
    ) as never;

  test('every read model rebuilt after a mixed run is byte by byte what was lived, and its progress is listed', async () => {
    const names = ['databases', 'tables', 'sagas', 'applied_steps', 'table_snapshots'];
    const models = [...keptInline, ...keptBehind(store)];
    expect(names).toEqual(models.map(({ projection }) => projection.name));
    expect(Object.keys(KEYS).sort()).toEqual(
      models.flatMap(({ tables, beside = [] }) => [...new Set([...tables, ...beside])]).sort(),
    );
    const other = await freshSqlite();
    await mixedRun(other);
    await eventually(async () => Object.values(await listed()).every(({ lag }) => lag === 0));
    const lived = await kept();
    for (const name of names) {
      const begun = await s.call('POST', `/projections/${name}/rebuild`);
      expect([begun.status, begun.body]).toEqual([
        202,
        expect.objectContaining({ projection: expect.objectContaining({ name }) }),
      ]);
    }
    await eventually(async () => Object.values(await listed()).every(({ status }) => status === 'live'), 20_000);
    const head = await store.head();
    const events = (await store.readAll(0, 10_000)).length;
    for (const name of names) {
      expect((await listed())[name]).toEqual({
        name,
        kept: name.includes('_') ? 'behind' : 'inline',
        position: head,
        head,
        lag: 0,
        processed: events,
        status: 'live',
        error: null,
        rebuild: {
          status: 'done',
          position: head,
          target: head,
          processed: events,
          error: null,
          started_at: expect.any(String),
          updated_at: expect.any(String),
        },
      });
    }
    expect(await kept()).toBe(lived);
    for (const name of ['blocks', 'nothing'])
      expect((await s.call('POST', `/projections/${name}/rebuild`)).body['code']).toBe('not_found');
    await other.drop();
  }, 60_000);

  const applied = async (query = ''): Promise<{ saga_id: string; operation: string; direction: string }[]> =>
    (await s.call('GET', `/databases/default/history?limit=500${query}`)).body['events'] as never;

  test("who has seen a saga end sees in its database's history what it did, also while an append in flight holds up what is behind the log", async () => {
    for (let i = 0; i < 5; i++) {
      const { saga_id, table_id } = await create();
      expect((await applied()).at(-1)).toMatchObject({ saga_id, operation: 'create_table', direction: 'apply' });
      expect((await s.call('POST', '/table/show', { table_id, database: 'default' })).body['table']).toMatchObject({
        exists: true,
        version: 2,
      });
    }
    if (engine === 'sqlite') return;
    const held = gate();
    const slow = store.append(
      [{ stream: `s-${randomUUID()}`, expectedVersion: 0, events: [happened()] }],
      metadata,
      held.pass,
    );
    await held.arrived;
    const { saga_id } = await create();
    expect((await applied()).at(-1)).toMatchObject({ saga_id, operation: 'create_table' });
    held.open();
    await slow;
  }, 30_000);

  test('an event that one read model cannot take parks that one alone, and nothing is missing in the answers', async () => {
    const before = await applied();
    const [poison] = await store.append(
      [
        {
          stream: `saga-${randomUUID()}`,
          expectedVersion: 0,
          events: [{ type: 'SagaRequested', schema_version: 1, data: {} }],
        },
      ],
      metadata,
    );
    const { saga_id, table_id } = await create();
    await s.call('POST', '/table/delete', { table_id }, WAIT);
    const listed = async (): Promise<Record<string, object>> =>
      Object.fromEntries(
        ((await s.call('GET', '/projections')).body['projections'] as { name: string }[]).map((one) => [one.name, one]),
      );
    // Once it has come to stand right before it, alone.
    await eventually(
      async () =>
        ((await listed())['applied_steps'] as { error: string | null }).error?.includes(poison!.event_id) === true,
    );
    await eventually(async () => ((await listed())['table_snapshots'] as { lag: number }).lag === 0);
    const { applied_steps, table_snapshots, tables } = await listed();
    expect(applied_steps).toMatchObject({
      kept: 'behind',
      status: 'parked',
      position: poison!.position - 1,
      error: expect.stringContaining(`${poison!.event_id} at position ${poison!.position}`),
    });
    expect((applied_steps as unknown as { error: string }).error).not.toContain('\n');
    expect((applied_steps as { lag: number }).lag).toBeGreaterThan(3);
    for (const one of [table_snapshots, tables]) expect(one).toMatchObject({ status: 'live', error: null, lag: 0 });
    const after = await applied();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length)).toMatchObject([
      { saga_id, operation: 'create_table' },
      { operation: 'drop_table' },
    ]);
    expect((await s.call('POST', '/table/show', { table_id, database: 'default' })).body['table']).toMatchObject({
      exists: false,
    });
    const first = (await s.call('GET', '/databases/default/history?limit=1')).body;
    expect([first['events'], await applied(`&cursor=${first['next_cursor'] as string}`)]).toEqual([
      after.slice(0, 1),
      after.slice(1),
    ]);
  }, 60_000);

  test('the rows of what was applied are the same in whatever batches they come, with sagas still open', async () => {
    const events = await store.readAll(0, 10_000);
    const own = await createMigratedDatabase('sqlite');
    const there = await own.open();
    const made = async (upTo: number, size: number): Promise<string> => {
      for (const table of appliedSteps.tables) await there.execute(sql`delete from ${sqlName(table)}`);
      for (let at = 0; at < upTo; at += size)
        await there.transaction((tx) => appliedSteps.projection.apply(tx, events.slice(at, Math.min(upTo, at + size))));
      return JSON.stringify([
        await there.query(sql`select * from applied_steps order by position`),
        await there.query(sql`select * from saga_plans order by saga_id`),
      ]);
    };
    const taken = events.findIndex(({ type, data }) => type === 'SagaRequested' && Object.keys(data).length === 0);
    const lengths = [
      taken === -1 ? events.length : taken,
      ...events
        .flatMap(({ type }, i) => (type === 'StepApplied' && (taken === -1 || i < taken) ? [i] : []))
        .slice(0, 8),
    ];
    for (const upTo of lengths) {
      const whole = await made(upTo, upTo);
      for (const size of [1, 3, 17]) expect(await made(upTo, size)).toBe(whole);
    }
    await own.drop();
  }, 60_000);

  test('the log is verified: valid as it is; an event changed by one byte, one removed and two swapped are named', async () => {
    const verified = async (query = ''): Promise<Record<string, unknown>> => {
      const { status, body } = await s.call('GET', `/events/verify${query}`);
      expect(status).toBe(200);
      return body;
    };
    const stream = `s-${randomUUID()}`;
    const [one, two, three] = (await store.append(
      [{ stream, expectedVersion: 0, events: [1, 2, 3].map(happened) }],
      metadata,
    )) as [StoredEvent, StoredEvent, StoredEvent];
    await eventually(async () => ((await verified())['head'] as { position: number }).position >= three.position);
    const sound = await verified();
    expect(sound).toEqual({
      valid: true,
      events: (await store.readAll(0, 10_000)).length,
      head: { position: await store.head(), hash: expect.any(String) },
    });
    const { position, hash } = sound['head'] as { position: number; hash: string };
    expect((await verified(`?head=${position}:${hash}`))['valid']).toBe(true);
    expect(await verified(`?head=${position}:${'0'.repeat(64)}`)).toMatchObject({
      valid: false,
      problems: [{ position, what: expect.stringContaining('cut off') }],
    });
    expect((await s.call('GET', '/events/verify?head=x')).status).toBe(400);

    await core.execute(sql`update events set data = '{"n":9}' where event_id = ${two.event_id}`);
    expect(await verified()).toMatchObject({
      valid: false,
      problems: [{ position: two.position, event_id: two.event_id, stream, version: 2, what: expect.any(String) }],
    });
    const cli = await verifyOffline(place.url);
    expect([cli.code, cli.stdout]).toEqual([1, expect.stringContaining(two.event_id)]);
    await core.execute(sql`update events set data = '{"n":2}' where event_id = ${two.event_id}`);
    const whole = await verifyOffline(place.url, '--head', `${position}:${hash}`);
    expect([whole.code, whole.stdout]).toEqual([
      0,
      expect.stringMatching(/^valid: \d+ events\nhead: \d+:[0-9a-f]{64}\n$/),
    ]);
    expect((await verifyOffline(place.url, '--head', `${position}:${'0'.repeat(64)}`)).code).toBe(1);
    expect((await verifyOffline(place.url, '--head', 'x')).code).toBe(2);

    await core.execute(sql`update events set data = '{"n":3}' where event_id = ${one.event_id}`);
    await core.execute(sql`update events set data = '{"n":1}' where event_id = ${three.event_id}`);
    expect((await verified())['problems']).toMatchObject([{ event_id: one.event_id }, { event_id: three.event_id }]);
    await core.execute(sql`update events set data = '{"n":1}' where event_id = ${one.event_id}`);
    await core.execute(sql`delete from events where event_id = ${three.event_id}`);
    expect(await verified()).toMatchObject({
      valid: false,
      problems: [{ position: three.position, event_id: three.event_id, stream, version: 3, what: 'was removed' }],
    });
  }, 60_000);
});

test('open streams do not keep the service from stopping, and end in good order', async () => {
  const s = await service();
  const idle = await eventSource(`${s.app.url}/events/stream`);
  const stuck = await fetch(`${s.app.url}/events/stream`);
  await eventually(() => idle.messages.length > 0);
  const began = Date.now();
  await s.stop();
  await idle.ended;
  await stuck.body?.cancel().catch(() => undefined);
  expect(Date.now() - began).toBeLessThan(3000);
});

test('commands are remembered for the retention time; while the core database is away they wait, and harm no answer', async () => {
  const place = await freshPostgres();
  const proxy = await tcpProxy(Number(new URL(place.url).port));
  const s = await service({ CORE_DATABASE_URL: proxy.url(place.url), COMMANDS_RETENTION_SECONDS: '3' });
  const core = await openCoreDatabase(place.url);
  const listed = async (): Promise<unknown[]> =>
    (await core.query(sql`select code from commands order by request_id`)).map((row) => row['code']);
  try {
    proxy.refuse();
    proxy.cut();
    const refused = await s.call('POST', '/table/create', { name: 'a' });
    expect([refused.status, refused.body['code']]).toEqual([503, 'core_database_unavailable']);
    expect((await s.call('POST', '/table/create', {})).status).toBe(400);
    await proxy.resume();
    await eventually(async () => (await listed()).length === 2);
    expect(await listed()).toEqual(['core_database_unavailable', 'validation_failed']);
    await eventually(async () => (await listed()).length === 0);
  } finally {
    await s.stop();
    await core.close();
    await proxy.close();
    await place.drop();
  }
}, 30_000);
