import { afterEach, beforeEach, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createEventStore, type EventStore } from '#event-store';
import { createMigratedDatabase, type TestDatabase } from '../../../../libs/event-store/testing/core-databases.js';
import { eventually, metadata } from '../../../../libs/event-store/testing/hooked-core.js';
import { eventSource } from '../../testing/event-source.js';
import { EventStreams } from './streams.js';

let database: TestDatabase;
let store: EventStore;
let server: FastifyInstance;
let streams: EventStreams;
let port: number;
/** What the streams took from the store and gave back. */
const used = { reads: 0, listeners: 0 };

beforeEach(async () => {
  database = await createMigratedDatabase('sqlite');
  store = createEventStore(await database.open());
  Object.assign(used, { reads: 0, listeners: 0 });
  streams = new EventStreams(
    {
      ...store,
      asStored: { ...store.asStored, pageOfAll: (...of) => (used.reads++, store.asStored.pageOfAll(...of)) },
      onAppended(listener) {
        used.listeners++;
        const forget = store.onAppended(listener);
        return () => {
          used.listeners--;
          forget();
        };
      },
    },
    50,
  );
  server = Fastify();
  server.get('/', (request, reply) => streams.serve(reply, request.id, { after: 0, filter: {} }));
  await server.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = server.server.address() as AddressInfo);
});
afterEach(async () => {
  await streams.stop();
  await server.close();
  await database.drop();
});

const append = (n: number, bytes = 10) =>
  store.append(
    [
      {
        stream: `s-${n}`,
        expectedVersion: 0,
        events: Array.from({ length: 100 }, () => ({
          type: 'x',
          schema_version: 1,
          data: { text: 'x'.repeat(bytes) },
        })),
      },
    ],
    metadata,
  );

test('nothing is read for a client that does not take what it has', async () => {
  // 40 MB in 200 batches: far more than the buffers of two sockets hold.
  for (let n = 0; n < 200; n++) await append(n, 2000);
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  let before = -1;
  // Until it has stopped reading for half a second.
  await eventually(async () => {
    before = used.reads;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return before > 0 && used.reads === before;
  }, 20_000);
  expect(before).toBeLessThan(100);
  let bytes = 0;
  socket
    .on('data', (piece) => {
      bytes += piece.length;
    })
    .resume();
  await eventually(() => bytes > 40_000_000, 20_000);
  socket.destroy();
  await eventually(() => used.listeners === 0);
}, 60_000);

test('a client that goes away frees what it held, also in the middle of a batch it did not take', async () => {
  for (let n = 0; n < 100; n++) await append(n, 2000);
  const idle = await eventSource(`http://127.0.0.1:${port}/`);
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually(() => idle.messages.length === 10_000, 20_000);
  expect(used.listeners).toBe(1);
  idle.close();
  socket.destroy();
  await eventually(() => used.listeners === 0);
}, 30_000);

test('a quiet stream shows that it lives', async () => {
  const idle = await eventSource(`http://127.0.0.1:${port}/`);
  await eventually(() => idle.comments.includes(': still here'));
  await append(1);
  await eventually(() => idle.messages.length === 100);
  idle.close();
});

test('a client that takes nothing does not hold up the end', async () => {
  for (let n = 0; n < 100; n++) await append(n, 2000);
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually(() => used.reads > 0);
  await streams.stop();
  expect(used.listeners).toBe(0);
  socket.destroy();
}, 20_000);
