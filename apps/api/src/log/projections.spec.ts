import { expect, test } from '@jest/globals';
import { createEventStore, ReadModels, sql } from '#event-store';
import { createMigratedDatabase } from '../../../../libs/event-store/testing/core-databases.js';
import { happened, hookedCore, metadata } from '../../../../libs/event-store/testing/hooked-core.js';
import { Projections } from './projections.js';

test('events are counted once: asked again, only those that came since are', async () => {
  const database = await createMigratedDatabase('sqlite');
  const texts: string[] = [];
  const core = hookedCore(await database.open(), async (text) => {
    if (text.includes('count(*)')) texts.push(text);
  });
  const store = createEventStore(core);
  const append = (count: number, at: number) =>
    store.append([{ stream: 's', expectedVersion: at, events: Array.from({ length: count }, happened) }], metadata);
  await append(30, 0);
  await core.execute(
    sql`insert into checkpoints (name, position, failures, error) values (${'slow'}, ${10}, ${2}, ${'cannot'})`,
  );
  const projections = new Projections(core, store, new ReadModels(core, store, []));
  const slow = async () => (await projections.list()).find(({ name }) => name === 'slow');
  expect(await slow()).toMatchObject({
    kept: 'behind',
    position: 10,
    head: 30,
    lag: 20,
    processed: 10,
    status: 'parked',
    error: 'cannot',
  });
  texts.length = 0;
  expect(await slow()).toMatchObject({ lag: 20, processed: 10 });
  expect(texts).toEqual([]);
  await append(5, 30);
  await core.execute(sql`update checkpoints set position = ${32}, failures = 0, error = null`);
  expect(await slow()).toMatchObject({ position: 32, head: 35, lag: 3, processed: 32, status: 'live' });
  // The log's end, and the one that moved.
  expect(texts).toHaveLength(2);
  // A rebuild may put one back.
  await core.execute(sql`update checkpoints set position = ${4}`);
  expect(await slow()).toMatchObject({ lag: 31, processed: 4 });
  await database.drop();
});
