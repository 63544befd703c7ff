import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createMigratedDatabase, type TestDatabase } from '../../testing/core-databases.js';
import { happened, metadata } from '../../testing/hooked-core.js';
import type { CoreDatabase } from '../core-database.js';
import { sql } from '../core-database.js';
import { CoreUnavailable } from '../errors.js';
import { findBrokenLink } from '../hash.js';
import { createEventStore } from '../store.js';
import { openCoreDatabase } from './open.js';

let database: TestDatabase;
let core: CoreDatabase;
let child: ChildProcess | undefined;

beforeEach(async () => {
  database = await createMigratedDatabase('sqlite');
  core = await database.open();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await database.drop();
});

/** Another process in the middle of an append: it has inserted and not committed. */
async function otherProcessAppending(): Promise<ChildProcess> {
  const driver = createRequire(import.meta.url).resolve('better-sqlite3');
  const insert =
    'insert into events (stream, version, event_id, type, schema_version, data, correlation_id, actor, ' +
    "recorded_at, hash) values ('s', 1, 'x', 't', 1, '{}', 'c', 'a', 'r', 'h')";
  const script = `
    const db = new (require(${JSON.stringify(driver)}))(${JSON.stringify(database.url.slice('sqlite:'.length))});
    db.exec('begin immediate');
    db.exec(${JSON.stringify(insert)});
    console.log('holding');
    setInterval(() => {}, 1000);`;
  child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

const append = (version = 0) =>
  createEventStore(core).append([{ stream: 's', expectedVersion: version, events: [happened()] }], metadata);

test('a lock of another process does not block this one: it goes on answering, reads, and appends once that one was killed', async () => {
  const other = await otherProcessAppending();
  let ticks = 0;
  const ticking = setInterval(() => {
    ticks++;
  }, 5);
  let done = false;
  const appending = append().then((events) => {
    done = true;
    return events;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  clearInterval(ticking);
  expect(done).toBe(false);
  expect(ticks).toBeGreaterThan(50);
  expect(await createEventStore(core).readAll(0, 10)).toEqual([]);
  other.kill('SIGKILL');
  const events = await appending;
  expect(await createEventStore(await database.open()).readAll(0, 10)).toEqual(events);
});

test('a lock that stays is CoreUnavailable after ten seconds, and the next append works', async () => {
  const other = await otherProcessAppending();
  await expect(append()).rejects.toBeInstanceOf(CoreUnavailable);
  other.kill('SIGKILL');
  await append();
}, 20_000);

test('transactions of this process take turns in the order they came', async () => {
  const store = createEventStore(core);
  const appended = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      store.append([{ stream: `s-${i}`, expectedVersion: 0, events: [happened(i)] }], metadata),
    ),
  );
  const events = await store.readAll(0, 100);
  expect(events).toEqual(appended.flat());
  expect(findBrokenLink(events)).toBeNull();
});

/** Commits in the write-ahead log: frames that say how large the file is after them (https://sqlite.org/fileformat.html#walformat). */
function commits(): number {
  const log = readFileSync(`${database.url.slice('sqlite:'.length)}-wal`);
  const [header, frameHeader] = [32, 24];
  const pageSize = log.readUInt32BE(8);
  let count = 0;
  for (let at = header; at + frameHeader <= log.length; at += frameHeader + pageSize)
    if (log.readUInt32BE(at + 4) !== 0) count += 1;
  return count;
}

test('transactions that wait at the same time share a commit; one that fails undoes nothing of the others', async () => {
  const store = createEventStore(core);
  const before = commits();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) =>
      store.append([{ stream: `s-${i}`, expectedVersion: 0, events: [happened(i)] }], metadata, async () => {
        if (i % 10 === 3) throw new Error(`number ${i}`);
      }),
    ),
  );
  const failed = [3, 13, 23, 33, 43];
  expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual(failed);
  expect(outcomes[13]).toMatchObject({ reason: { message: 'number 13' } });
  const recorded = (await store.readAll(0, 100)).map(({ stream }) => stream);
  expect(recorded).toEqual(Array.from({ length: 50 }, (_, i) => `s-${i}`).filter((_, i) => !failed.includes(i)));
  expect(commits() - before).toBeLessThan(25);
});

test('no outcome is known before it is committed', async () => {
  const elsewhere = createEventStore(await database.open());
  const store = createEventStore(core);
  const seen = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      await store.append([{ stream: `s-${i}`, expectedVersion: 0, events: [happened(i)] }], metadata);
      return (await elsewhere.readStream(`s-${i}`)).length;
    }),
  );
  expect(seen).toEqual(Array.from({ length: 20 }, () => 1));
});

test('where the file cannot grow, what is recorded is what was answered', async () => {
  const pages = Number((await core.query(sql`pragma page_count`))[0]!['page_count']);
  await core.transaction((tx) => tx.query({ texts: [`pragma max_page_count = ${pages + 30}`], values: [] }));
  const store = createEventStore(core);
  const sizes = [10, 10, 500_000, 10, 10, 10];
  const outcomes = await Promise.allSettled(
    sizes.map((size, i) =>
      store.append(
        [{ stream: `s-${i}`, expectedVersion: 0, events: [{ ...happened(i), data: { text: 'x'.repeat(size) } }] }],
        metadata,
      ),
    ),
  );
  const recorded = (await store.readAll(0, 100)).map(({ stream }) => stream);
  expect(outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [`s-${i}`] : []))).toEqual(recorded);
  expect(outcomes[2]).toMatchObject({ status: 'rejected', reason: expect.any(CoreUnavailable) });
  expect(recorded.length).toBeGreaterThan(0);
});

test("two processes' connections appending at once both get through", async () => {
  const stores = [createEventStore(core), createEventStore(await database.open())];
  await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      stores[i % 2]!.append([{ stream: `s-${i}`, expectedVersion: 0, events: [happened(i)] }], metadata),
    ),
  );
  expect(await stores[0]!.readAll(0, 1000)).toHaveLength(200);
});

test('a closed database, and a file that cannot be one, are CoreUnavailable', async () => {
  await core.close();
  await expect(core.ping()).rejects.toBeInstanceOf(CoreUnavailable);
  await expect(append()).rejects.toBeInstanceOf(CoreUnavailable);
  await expect(openCoreDatabase('sqlite:/dev/null/core.db')).rejects.toBeInstanceOf(CoreUnavailable);
});
