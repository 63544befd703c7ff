import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  CoreClock,
  createEventStore,
  Followers,
  type CoreDatabase,
  type EventStore,
  type StoredEvent,
} from '#event-store';
import { createMigratedDatabase, type TestDatabase } from '../../../libs/event-store/testing/core-databases.js';
import { metadata } from '../../../libs/event-store/testing/hooked-core.js';
import { InProcessQueue, Orchestrator } from '#sagas';
import { playForward, tableChangeSaga, tableStreams, type Moment } from '#tables';
import { longTable } from '../../../libs/tables/testing/long-table.js';
import { AppliedSteps } from '../src/databases/applied-steps.js';
import { Candidates } from '../src/databases/candidates.js';
import { Databases } from '../src/databases/databases.js';
import { OwnFiles } from '../src/databases/own-files.js';
import { Vault } from '../src/databases/vault.js';
import type { CommandContext } from '../src/http/input.js';
import { keptBehind, keptInline } from '../src/read-models.js';
import { CommandHandler } from '../src/tables/command-handler.js';
import { TableCommands } from '../src/tables/tables.commands.js';
import { TableQueries } from '../src/tables/tables.queries.js';
import { tableView } from '../src/tables/view.js';

const LENGTH = 10_000;
const id = randomUUID();
let database: TestDatabase;
let core: CoreDatabase;
let followers: Followers;
let history: TableQueries;
let tables: TableCommands;
let moments: Moment[];
/** Events read since the last call. */
let read = 0;
const taken = (): number => {
  const now = read;
  read = 0;
  return now;
};

/** A store of which it is known how many events of streams are read. */
function countingStore(): EventStore {
  let clock = Date.parse('2026-01-01T00:00:00.000Z');
  const plain = createEventStore(core, {
    projections: keptInline.map(({ projection }) => projection),
    now: () => new Date(clock++),
  });
  return {
    ...plain,
    readStream: async (...of) => {
      const events = await plain.readStream(...of);
      read += events.length;
      return events;
    },
  };
}

/** The long table, and what it was after each of its events. */
async function writeLongTable(store: EventStore): Promise<Moment[]> {
  let state = 5;
  const events = longTable(
    id,
    LENGTH,
    () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648,
  );
  const written: StoredEvent[] = [];
  for (let at = 0; at < LENGTH; at += 50)
    written.push(
      ...(await store.append(
        [{ stream: tableStreams.name(id), expectedVersion: at, events: events.slice(at, at + 50) }],
        metadata,
      )),
    );
  return playForward(id, written);
}

beforeAll(async () => {
  database = await createMigratedDatabase('sqlite');
  core = await database.open();
  const store = countingStore();
  moments = await writeLongTable(store);
  followers = new Followers(core, store, keptBehind(store));
  followers.start();
  for (const name of ['applied_steps', 'table_snapshots'])
    expect(await followers.reached(name, await store.committed(), 60_000)).toBe(true);

  const databases = new Databases(core, Vault.of('0'.repeat(64)), new Candidates('core', new OwnFiles('', '')));
  const limits = { maxRewriteRows: 1 };
  const definition = tableChangeSaga({
    store,
    core,
    connect: (one) => databases.connect(one),
    limits,
    retentionSeconds: 1,
    lockTimeoutMs: 10,
    slots: 1,
  });
  const told = await CoreClock.open(core, () => undefined);
  // Not started: what is asked for here stays pending.
  const queue = new InProcessQueue(1);
  const orchestrator = new Orchestrator({
    store,
    core,
    clock: told,
    queue,
    definition,
    log: () => undefined,
  });
  const commands = new CommandHandler({
    core,
    clock: told,
    store,
    databases,
    orchestrator,
    queue,
    deadlineSeconds: 60,
    retentionSeconds: 60,
    limits,
  });
  history = new TableQueries(core, store, new AppliedSteps(core, store, followers));
  tables = new TableCommands(core, store, commands, databases, history);
  taken();
}, 120_000);
afterAll(async () => {
  await followers.stop();
  await database.drop();
});

const view = (version: number): unknown => JSON.parse(JSON.stringify(tableView(moments[version - 1]!.table)));
const table = (body: object): unknown => JSON.parse(JSON.stringify((body as { table: object }).table));

test.each([1, 2, 100, 101, 4999, 9900, 9999, LENGTH])(
  'show at version %i, and at its time, reads no more of it than of a short one',
  async (version) => {
    expect(table((await history.show(id, { version })).body)).toEqual(view(version));
    expect(taken()).toBeLessThan(100);
    const at = moments[version - 1]!.event.recorded_at;
    expect(table((await history.show(id, { at })).body)).toEqual(
      view(moments.findLastIndex((moment) => moment.event.recorded_at <= at) + 1),
    );
    expect(taken()).toBeLessThanOrEqual(200);
  },
);

test('the difference of two versions reads what the two take', async () => {
  const { added, removed, renamed, name } = (await history.diff(id, { from: 3001, to: 9000 })) as Record<
    string,
    { name: string }[]
  >;
  const [from, to] = [moments[3000]!, moments[8999]!];
  expect(name).toEqual(from.table.name === to.table.name ? null : { from: from.table.name, to: to.table.name });
  expect(to.table.columns).toHaveLength(from.table.columns.length + added!.length - removed!.length);
  expect(renamed).toBeDefined();
  expect(taken()).toBeLessThan(200);
});

test('a replay reads up to the version that it ends with, and gives every one on the way', async () => {
  const told = (await history.replay(id, { version: 250 })).body as AsyncIterable<string>;
  let text = '';
  for await (const part of told) text += part;
  const body = JSON.parse(text) as { timeline: { version: number; table: object }[]; table: object };
  expect(body.timeline.map((one) => one.version)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  expect(body.timeline.map((one) => one.table)).toEqual(Array.from({ length: 250 }, (_, i) => view(i + 1)));
  expect(taken()).toBeLessThanOrEqual(250 + 100);
});

test('a revert is decided from its two versions, and its saga judged from the last', async () => {
  const context: CommandContext = {
    metadata: { ...metadata, correlation_id: randomUUID() },
    waitMs: 0,
    dryRun: false,
    ifMatch: null,
    idempotency: null,
  };
  // A version from which nothing was purged since: the stream's own reverts go back at most 60 events.
  const version =
    [...moments.keys()]
      .reverse()
      .find(
        (i) =>
          moments[i]!.table.exists &&
          moments[i]!.lineage !== moments.at(-1)!.lineage &&
          Object.values(moments[i]!.lineage).every(
            (mark) =>
              Object.values(moments.at(-1)!.lineage).includes(mark) || moments.at(-1)!.dropped[mark] !== undefined,
          ),
      )! + 1;
  expect((await tables.revert(context, { table_id: id, version })).status).toBe(202);
  // As often as somebody else's append made it decide again: here never.
  expect(taken()).toBeLessThan(200);
  await expect(tables.revert(context, { table_id: id, version: LENGTH + 2 })).rejects.toMatchObject({
    code: 'version_not_found',
  });
  taken();
});
