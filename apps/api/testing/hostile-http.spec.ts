import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { request as ask } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { service, WAIT, type Reply, type Service } from './service.js';

// What browsers, proxies and ill-meaning clients send; each gets a problem that says why, and nothing is changed by it.

let s: Service;
let port: number;
let id: string;
beforeAll(async () => {
  s = await service({ REQUEST_TIMEOUT_SECONDS: '1' });
  port = Number(new URL(s.app.url).port);
  id = (await s.call('POST', '/table/create', { name: 'customers' }, WAIT)).body['table'].table_id as string;
});
afterAll(async () => {
  await s.stop();
});

/** As `fetch` would not: with any `Host` and any header. */
function raw(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = ask({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response
        .on('data', (chunk: Buffer) => {
          text += chunk.toString();
        })
        .on('end', () => {
          resolve({
            status: response.statusCode!,
            headers: new Headers(response.headers as Record<string, string>),
            body: text === '' ? {} : (JSON.parse(text) as Reply['body']),
          });
        });
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function socket(text: string): Promise<{ socket: Socket; heard: () => string; closed: Promise<unknown> }> {
  const one = connect(port, '127.0.0.1');
  let heard = '';
  one
    .on('data', (data) => {
      heard += data.toString();
    })
    .on('error', () => undefined);
  const closed = new Promise((resolve) => {
    one.once('close', resolve);
  });
  await once(one, 'connect');
  one.write(text);
  return { socket: one, heard: () => heard, closed };
}

const json = { 'Content-Type': 'application/json' };

describe('a page of another site', () => {
  test.each([
    ['POST', '/databases/default/catch-up', { Origin: 'https://evil.example' }],
    ['POST', '/projections/tables/rebuild', { Origin: 'http://127.0.0.1:1' }],
    ['POST', '/projections/tables/rebuild', { Origin: 'null' }],
    ['POST', '/databases/default/catch-up', { 'Sec-Fetch-Site': 'cross-site' }],
    ['POST', '/databases/default/catch-up', { 'Sec-Fetch-Site': 'same-site', Origin: 'http://localhost:1' }],
    ['DELETE', '/databases/default', { Origin: 'https://evil.example' }],
  ])('%s %s with %j is refused', async (method, path, headers) => {
    expect(await raw(method, path, headers as Record<string, string>)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });
  test('our own page, and what is no browser, may', async () => {
    for (const headers of [{}, { Origin: s.app.url, 'Sec-Fetch-Site': 'same-origin' }, { Origin: s.app.url }] as Record<
      string,
      string
    >[]) {
      expect(
        (await raw('POST', '/projections/tables/rebuild', { Host: new URL(s.app.url).host, ...headers })).status,
      ).toBe(202);
    }
  });
  test.each([
    'evil.example',
    `evil.example:80`,
    '127.0.0.1.evil.example',
    '0.0.0.0',
    '10.0.0.1',
    '[::2]',
    'localhost.evil',
  ])('under the name %s reads and changes nothing', async (host) => {
    expect(await raw('GET', '/tables', { Host: host })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await raw('POST', '/table/delete', { Host: host, ...json }, JSON.stringify({ table_id: id }))).toMatchObject(
      { status: 403 },
    );
  });
  test.each(['localhost', 'LOCALHOST:1234', '127.0.0.1', '127.1.2.3:80', '[::1]:80', '[::1]'])(
    'this machine under the name %s is served',
    async (host) => {
      expect((await raw('GET', '/tables', { Host: host })).status).toBe(200);
    },
  );
});

test('a service that listens for others looks at the name only when it was told its names', async () => {
  for (const [allowed, expected] of [
    ['', 200],
    ['changes.example.org, other', 403],
  ] as const) {
    const other = await service({ HOST: '0.0.0.0', ALLOWED_HOSTS: allowed });
    const own = port;
    port = Number(new URL(other.app.url).port);
    try {
      expect((await raw('GET', '/tables', { Host: 'evil.example' })).status).toBe(expected);
      expect((await raw('GET', '/tables', { Host: 'changes.example.org:8443' })).status).toBe(200);
      expect((await raw('GET', '/health/ready', { Host: '10.1.2.3' })).status).toBe(200);
    } finally {
      port = own;
      await other.stop();
    }
  }
});

describe('a body', () => {
  test('of 5 MB is answered so that fetch reads it, twenty times of twenty', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(5_000_000) });
    const seen: unknown[] = [];
    // On a busy machine so large a body takes longer than the second that the others are given.
    const patient = await service();
    for (let i = 0; i < 20; i++) {
      const { status, body: problem } = await patient.call('POST', '/table/create', body);
      seen.push([status, problem['code']]);
    }
    await patient.stop();
    expect(seen).toEqual(Array.from({ length: 20 }, () => [413, 'payload_too_large']));
  }, 30_000);
  test('as large as that, in pieces and without a length, on another path and of another type, is answered too', async () => {
    const pieces = (): ReadableStream =>
      new ReadableStream({
        start(to) {
          for (let i = 0; i < 50; i++) to.enqueue(Buffer.alloc(100_000, 32));
          to.close();
        },
      });
    const send = async (path: string, type: string): Promise<number> =>
      (
        await fetch(s.app.url + path, {
          method: 'POST',
          headers: { 'Content-Type': type },
          body: pieces(),
          duplex: 'half',
        } as RequestInit)
      ).status;
    expect([
      await send('/table/create', 'application/json'),
      await send('/nowhere', 'application/json'),
      await send('/table/create', 'text/plain'),
    ]).toEqual([413, 404, 415]);
  });
  test('that is announced first is asked for, or refused before it is sent', async () => {
    const head = (length: number): string =>
      `POST /table/show HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: ` +
      `100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const large = await socket(head(5_000_000));
    await large.closed;
    expect(large.heard()).toMatch(/^HTTP\/1.1 413 /);
    const body = JSON.stringify({ table_id: id });
    const small = await socket(head(body.length));
    await once(small.socket, 'data');
    expect(small.heard()).toMatch(/^HTTP\/1.1 100 Continue/);
    small.socket.write(body);
    await once(small.socket, 'data');
    expect(small.heard()).toMatch(/HTTP\/1.1 200 OK/);
    small.socket.destroy();
  });
  test.each<[Record<string, string>, string | Buffer]>([
    [{ ...json, 'Content-Encoding': 'gzip' }, gzipSync('{"name": "zipped"}')],
    [{ ...json, 'Content-Encoding': 'gzip' }, '{"name": "not_zipped"}'],
    [{ 'Content-Type': 'application/json; charset=utf-16' }, '{"name": "wide"}'],
    [{ 'Content-Type': 'application/json; charset="latin1"' }, '{"name": "latin"}'],
    [{ 'Content-Type': 'text/plain' }, '{"name": "plain"}'],
    [{}, '{"name": "untold"}'],
  ])('with %j is of no type that is taken, and is told what to send', async (headers, body) => {
    const answer = await raw('POST', '/table/create', headers, body);
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
    expect(answer.body['detail']).toMatch(/Content-Type: application\/json|Content-Encoding/);
  });
  test('in UTF-8 is taken whatever its header says of that, and one that is no UTF-8 is not', async () => {
    for (const type of [
      'application/json; charset=UTF-8',
      'application/json;charset=utf8',
      'application/json; charset="utf-8"',
    ]) {
      expect(
        (
          await raw(
            'POST',
            '/table/show',
            { 'Content-Type': type, 'Content-Encoding': 'identity' },
            JSON.stringify({ table_id: id }),
          )
        ).status,
      ).toBe(200);
    }
    expect(
      await raw('POST', '/table/show', json, Buffer.from('7b227461626c655f6964223a22ff227d', 'hex')),
    ).toMatchObject({ status: 400, body: { code: 'invalid_json' } });
  });
  test('or a head that stops half-way is given up after a while, and said so', async () => {
    const half = await socket(
      'POST /table/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ' +
        '100\r\n\r\n{"na',
    );
    const head = await socket('POST /table/create HTTP/1.1\r\nHost: loc');
    const began = Date.now();
    await Promise.all([half.closed, head.closed]);
    expect(Date.now() - began).toBeLessThan(5000);
    expect([half.heard(), head.heard()]).toEqual([
      expect.stringMatching(/^HTTP\/1.1 408 [^]*problem\+json/),
      expect.stringMatching(/^HTTP\/1.1 408 /),
    ]);
  });
  test('that stops half-way does not hold up a stop', async () => {
    const other = await service({ REQUEST_TIMEOUT_SECONDS: '60' });
    const own = port;
    port = Number(new URL(other.app.url).port);
    await Promise.all([
      socket(
        'POST /table/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ' +
          '100\r\n\r\n{"na',
      ),
      socket('GET /tab'),
      socket(''),
    ]);
    port = own;
    const began = Date.now();
    await other.stop();
    expect(Date.now() - began).toBeLessThan(3000);
  });
});

describe('codes', () => {
  test.each(['nonsense', '"a"', '"1", "2"', 'W/', '"1', '""'])('If-Match: %s is a 400', async (tag) => {
    expect(await s.call('POST', '/table/rename', { table_id: id, name: 'z' }, { 'If-Match': tag })).toMatchObject(
      tag === '"1'
        ? { status: 412 }
        : { status: 400, body: { code: 'validation_failed', errors: [{ path: 'If-Match' }] } },
    );
  });
  test.each([
    ['PUT', '/tables', 'GET, HEAD'],
    ['DELETE', '/table/create', 'POST'],
    ['GET', '/table/create', 'POST'],
    ['POST', '/tables/abc', 'GET, HEAD'],
    ['PATCH', '/databases/default', 'DELETE, GET, HEAD, PUT'],
    ['POST', '/health/live', 'GET, HEAD'],
    ['OPTIONS', '/sagas', 'GET, HEAD'],
    ['GET', '/sagas/abc/retry/', 'POST'],
  ])('%s %s is a 405 that says what is allowed', async (method, path, allow) => {
    const answer = await raw(method, path);
    expect([answer.status, answer.body['code'], answer.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      allow,
    ]);
  });
  test('a slash at the end says nothing', async () => {
    for (const path of ['/tables/', `/tables/${id}/`, '/databases/default/', '/health/live/'])
      expect([path, (await s.call('GET', path)).status]).toEqual([path, 200]);
    expect((await s.call('POST', '/table/show/', { table_id: id })).status).toBe(200);
  });
  test('a step that a saga does not have is not found', async () => {
    const sagaId = (await s.call('POST', '/table/rename', { table_id: id, name: 'clients' }, WAIT)).body['saga']
      .saga_id as string;
    expect(
      await s.call('POST', `/sagas/${sagaId}/resolve`, { step_id: 'nope', as: 'skipped', reason: 'x' }),
    ).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
  test('a hundred problems are told, not a hundred thousand', async () => {
    const many = Object.fromEntries(Array.from({ length: 8000 }, (_, i) => [`k${i}`, 1]));
    const answer = await s.call('POST', '/table/create', many);
    expect([answer.status, answer.body['errors'].length, JSON.stringify(answer.body).length < 20_000]).toEqual([
      400,
      100,
      true,
    ]);
    const columns = await s.call('POST', '/table/create', {
      name: 'wide',
      columns: Array.from({ length: 500 }, () => ({ name: '1', type: 'x', a: 1 })),
    });
    expect([columns.status, columns.body['errors'].length]).toEqual([400, 100]);
  });
});

test("readiness without Redis is the queue's matter, not the core database's", async () => {
  const other = await service({ REDIS_URL: 'redis://127.0.0.1:1', LOG_LEVEL: 'silent' });
  try {
    expect(await other.call('GET', '/health/ready')).toMatchObject({
      status: 503,
      body: { code: 'queue_unavailable' },
    });
  } finally {
    await other.stop();
  }
});
