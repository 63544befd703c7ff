import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import pg from 'pg';
import { z } from 'zod';
import { freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import type { OpenApi, Operation, Schema } from '../src/docs/openapi.js';
import { refusing } from './refusing.js';
import { service, WAIT, type Reply } from './service.js';

type Service = Awaited<ReturnType<typeof service>>;

let s: Service;
let crm: Fresh;
let shop: Fresh;
let document: OpenApi;
const routes = new Set<string>();
/** `operationId status` of every answer that was checked. */
const seen = new Set<string>();

/** Fastify tells of each instance that is made: so the routes are those of the server that runs. */
function listen(message: unknown): void {
  const { fastify } = message as {
    fastify: { addHook(name: 'onRoute', hook: (route: { method: string | string[]; url: string }) => void): void };
  };
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const m of [method].flat())
      if (m !== 'HEAD' && m !== 'OPTIONS') routes.add(`${m.toLowerCase()} ${url.replace(/:(\w+)/g, '{$1}')}`);
  });
}

beforeAll(async () => {
  subscribe('fastify.initialization', listen);
  s = await service();
  unsubscribe('fastify.initialization', listen);
  [crm, shop] = [await freshPostgres(), await freshSqlite()];
  document = (await s.call('GET', '/openapi.json')).body as unknown as OpenApi;
});
afterAll(async () => {
  await s.stop();
  await crm.drop();
  await shop.drop();
});

function operations(): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Clients must bear new fields; here a field that the document does not name is a mistake. `allOf` joins open ones. */
function closed(schema: Schema): Schema {
  const walk = (part: unknown, open: boolean): unknown => {
    if (Array.isArray(part)) return part.map((p) => walk(p, open));
    if (typeof part !== 'object' || part === null) return part;
    const made = Object.fromEntries(
      Object.entries(part).map(([key, value]) => [key, key === 'example' ? value : walk(value, key === 'allOf')]),
    );
    return 'properties' in part && !('additionalProperties' in part) && !open
      ? { ...made, additionalProperties: false }
      : made;
  };
  return JSON.parse(
    JSON.stringify(walk({ allOf: undefined, ...schema, $defs: document.components.schemas }, false)).replaceAll(
      '#/components/schemas/',
      '#/$defs/',
    ),
  ) as Schema;
}

function problemsOf(schema: Schema, value: unknown): string[] {
  const read = z.fromJSONSchema(closed(schema) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
  return read.success ? [] : read.error.issues.flatMap(told);
}

/** Of a union, what is wrong with the nearest of its parts: the one with the fewest problems. */
function told(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'invalid_union') return [`${issue.path.join('.')}: ${issue.message}`];
  const [nearest = []] = [...issue.errors].sort((a, b) => a.length - b.length);
  return nearest.flatMap((inner) => told({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue));
}

/** Calls, and holds the answer against the document: status, headers, type, body. */
async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const { pathname } = new URL(path, s.app.url);
  const fits = operations().filter(
    (o) => o.method === method.toLowerCase() && new RegExp(`^${o.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  );
  const { operation } = fits.find((o) => o.path === pathname) ?? fits[0]!;
  const response = await fetch(s.app.url + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const at = `${operation.operationId} ${response.status}`;
  const answer = operation.responses[String(response.status)];
  if (answer === undefined) throw new Error(`${at} is not in the document: ${text}`);
  for (const [name, { schema }] of Object.entries(answer.headers ?? {})) {
    const value = response.headers.get(name);
    // These two depend on what the call was: looked at where it is made.
    if (
      value === null &&
      (name === 'Idempotent-Replayed' || (response.status === 200 && (name === 'Location' || name === 'ETag')))
    )
      continue;
    expect({ at, name, problems: problemsOf(schema, schema.type === 'integer' ? Number(value) : value) }).toEqual({
      at,
      name,
      problems: [],
    });
  }
  const [type] = Object.keys(answer.content ?? {});
  expect([at, response.headers.get('content-type')?.split(';')[0]]).toEqual([at, type]);
  const read: unknown = type === undefined || type.startsWith('text/') ? text : JSON.parse(text);
  expect({ at, problems: type === undefined ? [] : problemsOf(answer.content![type]!.schema, read), read }).toEqual({
    at,
    problems: [],
    read,
  });
  seen.add(at);
  return { status: response.status, headers: response.headers, body: read as Reply['body'] };
}

describe('the document itself', () => {
  test('names every route of the running server, and no other', () => {
    expect(
      operations()
        .map((o) => `${o.method} ${o.path}`)
        .sort(),
    ).toEqual([...routes].sort());
    expect(routes.size).toBeGreaterThan(20);
  });

  test('every reference leads somewhere, every name is its own, every path parameter is declared', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((m) => m[1]!);
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of refs)
      expect([ref, document.components.schemas[ref.replace('#/components/schemas/', '')]]).toEqual([
        ref,
        expect.anything(),
      ]);
    const ids = operations().map((o) => o.operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(JSON.stringify(document)).not.toMatch(/"\$(id|schema|defs)":|__shared/);
    for (const { path, method, operation } of operations()) {
      expect(operation.parameters.filter((p) => p.in === 'path').map((p) => `{${p.name}}`)).toEqual(
        path.match(/\{\w+\}/g) ?? [],
      );
      expect(new Set(operation.parameters.map((p) => `${p.in} ${p.name}`)).size).toBe(operation.parameters.length);
      expect(document.tags.map((t) => t.name)).toEqual(expect.arrayContaining(operation.tags));
      expect([path, Object.keys(operation.responses).filter((status) => /^2\d\d$/.test(status)).length > 0]).toEqual([
        path,
        true,
      ]);
      for (const [status, { description }] of Object.entries(operation.responses))
        expect([method, path, status, /^[1-5]\d\d$/.test(status) && description !== '']).toEqual([
          method,
          path,
          status,
          true,
        ]);
      if (method === 'get' || method === 'delete') expect(operation.requestBody).toBeUndefined();
    }
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'schemasaga', version: expect.stringMatching(/^\d/) },
    });
  });

  test('every example of a body is one that the schema takes', () => {
    const bodies = operations().flatMap((o) =>
      o.operation.requestBody === undefined
        ? []
        : [{ id: o.operation.operationId, ...o.operation.requestBody.content['application/json']! }],
    );
    expect(bodies.length).toBeGreaterThan(7);
    for (const { id, schema, example } of bodies) expect([id, problemsOf(schema, example)]).toEqual([id, []]);
  });

  test('the check that the other tests use refuses what the document does not say', () => {
    const problem =
      document.paths['/tables/{id}']!['get']!.responses['404']!.content!['application/problem+json']!.schema;
    const good = {
      type: 'x',
      title: 'x',
      status: 404,
      detail: 'x',
      code: 'table_not_found',
      request_id: '01a6c1d2-5f1e-7b7c-9d53-0c2f6f0a7b11',
    };
    expect(problemsOf(problem, good)).toEqual([]);
    expect(problemsOf(problem, { ...good, code: 'saga_not_found' })).not.toEqual([]);
    expect(problemsOf(problem, { ...good, request_id: 'one' })).not.toEqual([]);
    expect(problemsOf({ $ref: '#/components/schemas/Live' }, { status: 'ok', more: 1 })).not.toEqual([]);
    expect(problemsOf({ $ref: '#/components/schemas/SagaList' }, { sagas: [{}], next_cursor: null })).not.toEqual([]);
  });
});

describe('real answers are as the document says', () => {
  let table: string;

  test('databases', async () => {
    await call('POST', '/databases', { name: 'crm', url: crm.url });
    await call('POST', '/databases', {
      name: 'shop',
      engine: 'sqlite',
      connection: { file: shop.url.slice('sqlite:'.length) },
    });
    await call('POST', '/databases', { name: 'crm', url: crm.url });
    await call('POST', '/databases', { name: 'gone', url: 'postgres://u:p@127.0.0.1:1/x' });
    await call('POST', '/databases', { name: 'crm', colour: 'red' });
    await call('GET', '/databases?limit=1');
    await call('GET', '/databases?limit=0');
    await call('GET', '/databases/crm');
    await call('GET', '/databases/none');
    await call('POST', '/databases/crm/test');
    await call('POST', '/databases/none/test');
    await call('PUT', '/databases/crm', { url: crm.url });
    await call('PUT', '/databases/crm', { url: shop.url });
  });

  test('a command: accepted, waited for, answered again by its key', async () => {
    const made = await call(
      'POST',
      '/table/create',
      {
        name: 'customers',
        databases: ['default', 'crm', 'shop'],
        columns: [
          { name: 'id', type: 'bigint', primary_key: true, generated: true },
          { name: 'price', type: 'decimal', default: 1 },
          { name: 'code', type: 'string' },
        ],
      },
      WAIT,
    );
    expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([
      200,
      `/sagas/${made.body['saga'].saga_id}`,
      '"2"',
    ]);
    table = made.body['table'].table_id as string;
    const key = { 'Idempotency-Key': 'one' };
    expect(
      (await call('POST', '/table/column', { table_id: table, column: { name: 'note', type: 'text' } }, key)).status,
    ).toBe(202);
    const again = await call(
      'POST',
      '/table/column',
      { table_id: table, column: { name: 'note', type: 'text' } },
      { ...key, ...WAIT },
    );
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(
      (await call('POST', '/table/column', { table_id: table, column: { name: 'other', type: 'text' } }, key)).body,
    ).toMatchObject({ code: 'idempotency_key_reused' });
  });

  test('a change: rehearsed, and rejected by what a database has', async () => {
    expect(
      (await call('POST', '/table/column?dry_run=true', { table_id: table, column: { name: 'at', type: 'timestamp' } }))
        .body,
    ).toMatchObject({ plan: { blocked_by: null, steps: [{}, {}, {}] } });
    await query(crm.url, `create view prices as select price from customers`);
    expect(
      (await call('POST', '/table/column?dry_run=true', { table_id: table, column: { name: 'price' } })).body,
    ).toMatchObject({ plan: { blocked_by: { code: 'dependents_exist', database: 'crm' } } });
    expect(
      (await call('POST', '/table/column', { table_id: table, column: { name: 'price' } }, WAIT)).body,
    ).toMatchObject({ code: 'saga_rejected', saga: { error: { code: 'dependents_exist' } } });
    expect((await call('POST', '/table/show', { table_id: table })).body).toMatchObject({
      table: { last_error: { code: 'dependents_exist' } },
    });
    await query(crm.url, 'drop view prices');
  });

  test('indexes', async () => {
    const byCode = { table_id: table, index: { name: 'by_code', columns: ['code'] } };
    expect((await call('POST', '/table/index', byCode)).status).toBe(202);
    const dropped = await call('POST', '/table/index', { table_id: table, index: { name: 'by_code' } }, WAIT);
    expect(dropped.body).toMatchObject({ saga: { kind: 'index.drop', status: 'completed' } });
    const byNone = { table_id: table, index: { name: 'by_none', columns: ['none'] } };
    expect((await call('POST', '/table/index', byNone)).status).toBe(404);
  });

  test('a change that a database refuses when it comes', async () => {
    const relent = await refusing(crm.url, 'ALTER TABLE', 'CREATE TABLE');
    expect((await call('POST', '/table/rename', { table_id: table, name: 'clients' }, WAIT)).body).toMatchObject({
      code: 'saga_compensated',
      saga: { status: 'compensated' },
    });
    expect(
      (await call('POST', '/table/create', { name: 'fails', databases: ['shop', 'crm'] }, WAIT)).body,
    ).toMatchObject({ code: 'saga_compensated' });
    await relent();
  });

  test('what is refused at once', async () => {
    for (const [path, body] of [
      ['/table/column', { table_id: table, column: { name: 'none' } }],
      ['/table/column', { table_id: 'none', column: { name: 'none' } }],
      ['/table/column', { table_id: table, column: { name: 'code', primary_key: true } }],
      ['/table/create', { name: 'customers' }],
      ['/table/create', { name: 'x', databases: ['none'] }],
      ['/table/create', '{'],
      ['/table/create', { name: '' }],
      ['/table/rename', { table_id: table }],
      ['/table/delete', { table_id: 'none' }],
      ['/table/show', { table_id: 'none' }],
      ['/table/show', {}],
    ] as const) {
      expect((await call('POST', path, body)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await call('POST', '/table/delete', { table_id: table }, { 'If-Match': '"1"' })).status).toBe(412);
    expect((await call('POST', '/table/create', 'x', { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await call('POST', '/table/create', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }))).status).toBe(413);
  });

  test('a rename, a drop and a move', async () => {
    await call('DELETE', '/databases/crm');
    expect((await call('POST', '/table/rename', { table_id: table, name: 'clients' })).status).toBe(202);
    expect((await call('POST', '/table/rename', { table_id: table, name: 'buyers' }, WAIT)).status).toBe(200);
    expect((await call('POST', '/table/delete', { table_id: table })).status).toBe(202);
    expect((await call('POST', '/table/delete', { table_id: table }, WAIT)).status).toBe(409);
    const placed = (await call('POST', '/table/create', { name: 'placed' }, WAIT)).body['table'].table_id as string;
    expect((await call('POST', '/table/databases', { table_id: placed, add: ['shop'] })).status).toBe(202);
    expect((await call('POST', '/table/databases', { table_id: placed, remove: ['default'] }, WAIT)).status).toBe(200);
  });

  test('a replay, and what was at earlier times', async () => {
    for (const body of [
      { table_id: table, version: 2 },
      { table_id: table, version: 2, database: 'shop', as: 'copy' },
      { table_id: table, version: 99 },
    ])
      await call('POST', '/table/replay', body);
    await call('POST', '/table/replay', { table_id: table, database: 'shop', version: 2, as: 'copy2' }, WAIT);
    for (const path of ['history?limit=2', 'diff', 'diff?from=2&to=4', 'diff?to=99'])
      await call('GET', `/tables/${table}/${path}`);
    for (const path of ['?version=2', '?version=99', '?database=none']) await call('GET', `/tables/${table}${path}`);
  });

  test('a restore, a purge and a revert', async () => {
    expect((await call('POST', '/table/restore', { table_id: table })).status).toBe(202);
    expect((await call('POST', '/table/restore', { table_id: table }, WAIT)).status).toBe(200);
    for (const name of ['purged_at_once', 'purged_later']) {
      const gone = (await call('POST', '/table/create', { name }, WAIT)).body['table'].table_id as string;
      await call('POST', '/table/delete', { table_id: gone }, WAIT);
      expect((await call('GET', `/tables/${gone}/aside`)).status).toBe(200);
      expect((await call('GET', '/databases/default/aside')).status).toBe(200);
      const purge = await call(
        'POST',
        '/table/purge',
        { table_id: gone, reason: 'not needed' },
        name === 'purged_later' ? {} : WAIT,
      );
      expect(purge.status).toBe(name === 'purged_later' ? 202 : 200);
    }
    expect((await call('POST', '/table/revert', { table_id: table, version: 2 }, WAIT)).status).toBe(200);
    expect((await call('POST', '/table/revert', { table_id: table, version: 2 })).status).toBe(202);
    expect((await call('POST', '/table/delete', { table_id: table }, WAIT)).status).toBe(200);
    const other = await call('POST', '/table/create', { name: 'other', databases: ['shop'] });
    expect(other.status).toBe(202);
    expect((await call('POST', '/table/delete', { table_id: other.body['table'].table_id }, WAIT)).status).toBe(200);
    expect((await call('GET', '/tables?status=failed')).body['tables'].length).toBeGreaterThan(0);
  });

  test('drift, adoption and catching up', async () => {
    for (const name of ['theirs', 'also_theirs', 'third'])
      await query(shop.url, `create table ${name} (id integer not null primary key, odd money_bag)`);
    const own = (await call('POST', '/table/create', { name: 'drifts', databases: ['shop'] }, WAIT)).body['table']
      .table_id as string;
    await query(shop.url, 'alter table drifts add column extra text');
    expect((await call('POST', '/databases/shop/adopt?dry_run=true', { tables: ['theirs'] })).status).toBe(200);
    expect((await call('POST', '/databases/shop/adopt', { tables: ['theirs'] }, WAIT)).body).toMatchObject({
      tables: [{ columns: { odd: { type: 'native' } } }],
    });
    expect((await call('POST', '/databases/shop/adopt', { tables: ['also_theirs', 'third'] })).status).toBe(202);
    for (const body of [{ tables: ['none'] }, { tables: ['theirs'] }, { tables: [] }])
      expect((await call('POST', '/databases/shop/adopt', body)).status).toBeGreaterThanOrEqual(400);
    expect((await call('POST', '/databases/none/adopt', { tables: 'all' })).status).toBe(404);
    expect((await call('POST', '/databases/shop/drift/resolve', { table_id: own, as: 'ignore' }, WAIT)).status).toBe(
      200,
    );
    expect(
      (await call('POST', '/databases/shop/drift/resolve?dry_run=true', { table_id: own, as: 'restore' })).status,
    ).toBe(200);
    expect((await call('POST', '/databases/shop/drift/resolve', { table_id: own, as: 'adopt' })).status).toBe(202);
    for (const body of [
      { table_id: 'none', as: 'adopt' },
      { table_id: own, as: 'forget' },
    ])
      expect((await call('POST', '/databases/shop/drift/resolve', body)).status).toBeGreaterThanOrEqual(400);
    expect((await call('POST', '/databases/shop/catch-up')).status).toBe(202);
    expect((await call('POST', '/databases/shop/catch-up', {}, WAIT)).status).toBe(200);
    expect((await call('POST', '/databases/shop/catch-up?dry_run=true')).body).toMatchObject({ plan: { steps: [] } });
    expect((await call('POST', '/databases/none/catch-up')).status).toBe(404);
  });

  test('reads, and every value that a filter is said to take', async () => {
    const read = await call('GET', `/tables/${table}`);
    expect(read.headers.get('etag')).toBe(`"${read.body['table'].version}"`);
    for (const path of ['history', 'history?limit=3', 'drift'])
      for (const name of ['crm', 'shop', 'none']) await call('GET', `/databases/${name}/${path}`);
    await call('GET', '/tables/none');
    await call('GET', '/tables?limit=1');
    const first = await call('GET', '/sagas?limit=2');
    await call('GET', `/sagas?limit=500&cursor=${first.body['next_cursor']}`);
    for (const path of ['/tables', '/sagas', '/databases']) {
      for (const parameter of document.paths[path]!['get']!.parameters) {
        for (const value of parameter.schema.enum ?? [])
          expect((await call('GET', `${path}?${parameter.name}=${String(value)}`)).status).toBe(200);
      }
      expect((await call('GET', `${path}?unknown=1`)).status).toBe(400);
    }
    for (const path of ['/tables', '/sagas']) {
      await call('GET', `${path}?database=crm`);
      expect((await call('GET', `${path}?database=none`)).status).toBe(404);
      expect((await call('GET', `${path}?status=none`)).status).toBe(400);
    }
    for (const { saga_id } of (await call('GET', '/sagas')).body['sagas'] as { saga_id: string }[]) {
      await call('GET', `/sagas/${saga_id}`);
      await call('GET', `/sagas/${saga_id}/events`);
    }
    for (const path of ['/sagas/none', '/sagas/none/events']) expect((await call('GET', path)).status).toBe(404);
  });

  test('what an operator does', async () => {
    const { saga_id } = (await call('GET', '/sagas?status=completed')).body['sagas'][0] as { saga_id: string };
    for (const word of ['retry', 'abort']) {
      expect((await call('POST', `/sagas/${saga_id}/${word}`, { reason: 'a test' })).status).toBe(409);
      expect((await call('POST', `/sagas/none/${word}`, { reason: 'a test' })).status).toBe(404);
      expect((await call('POST', `/sagas/${saga_id}/${word}`, {})).status).toBe(400);
    }
    // A lock that others hold keeps a saga from ending, so that it can be stopped on its way.
    const { body } = await call('POST', '/table/create', { name: 'held', databases: ['crm'] }, WAIT);
    const other = new pg.Client({ connectionString: crm.url });
    await other.connect();
    await other.query('begin; lock table held');
    const change = await call('POST', '/table/column', {
      table_id: body['table'].table_id,
      column: { name: 'more', type: 'text' },
    });
    expect((await call('POST', `/sagas/${change.body['saga'].saga_id}/abort`, { reason: 'a test' })).status).toBe(200);
    await other.query('commit');
    await other.end();
  });

  test('the log', async () => {
    const { events } = (await call('GET', '/events?limit=3')).body as { events: { event_id: string }[] };
    await call('GET', '/events?after=x');
    await call('GET', `/events/${events[0]!.event_id}/correlation`);
    await call('GET', '/events/none/correlation');
    await call('GET', '/events/verify');
    await call('GET', '/commands?limit=5');
    await call('GET', '/projections');
    await call('POST', '/projections/tables/rebuild');
    await call('POST', '/projections/none/rebuild');
  });

  test('operating, and a database that is forgotten', async () => {
    const free = await freshSqlite();
    await call('POST', '/databases', { name: 'free', url: free.url });
    expect((await call('DELETE', '/databases/free')).status).toBe(204);
    expect((await call('POST', '/databases/free/forget', { lost: true, reason: 'gone' })).status).toBe(404);
    await call('POST', '/databases', { name: 'free', url: free.url });
    await call('POST', '/table/create', { name: 'given_up', databases: ['free'] }, WAIT);
    expect((await call('POST', '/databases/free/forget', { lost: true, reason: 'gone' })).status).toBe(202);
    await free.drop();
    await call('DELETE', '/databases/free');
    for (const path of ['/health/live', '/health/ready', '/metrics', '/openapi.json', '/asyncapi.json', '/docs'])
      expect((await call('GET', path)).status).toBe(200);
  });

  test('no call went unseen', () => {
    const unseen = operations()
      .flatMap(({ operation }) =>
        Object.keys(operation.responses)
          .filter((status) => status.startsWith('2'))
          .map((status) => `${operation.operationId} ${status}`),
      )
      .filter((one) => !seen.has(one));
    // The first two need a saga that is stuck; what they answer is the saga, as abort does. A stream does not end.
    expect(unseen).toEqual(['retrySaga 200', 'resolveSaga 200', 'streamEvents 200']);
  });
});

test('the page stands alone', async () => {
  const page = await (await fetch(`${s.app.url}/docs`)).text();
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(|\bon\w+=|src=/i);
  for (const { path, method, operation } of operations()) {
    expect(page).toContain(`id="${operation.operationId}"`);
    expect(page).toContain(`${method.toUpperCase()} ${path}`);
  }
  const links = [...page.matchAll(/href="([^"]*)"/g)].map((m) => m[1]!);
  for (const link of new Set(links))
    expect([
      link,
      link === '/openapi.json' || link === '/asyncapi.json' || page.includes(`id="${link.slice(1)}"`),
    ]).toEqual([link, true]);
  expect(page.match(/<section/g)!.length).toBe(page.match(/<\/section>/g)!.length);
});
