import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createMigratedDatabase, type TestDatabase } from '../../testing/core-databases.js';
import { gate, happened, metadata } from '../../testing/hooked-core.js';
import { sql, type CoreDatabase } from '../core-database.js';
import { createEventStore } from '../store.js';
import { forgetOldAppenders } from './mysql.js';

let database: TestDatabase;
let core: CoreDatabase;

beforeAll(async () => {
  database = await createMigratedDatabase('mysql');
  core = await database.open();
});
afterAll(() => database.drop());

test('sessions long gone are forgotten, without waiting for an append in flight', async () => {
  // Two appends of one session; the second holds its row.
  const old = createEventStore(core, { now: () => new Date('2000-01-01') });
  await old.append([{ stream: 'a', expectedVersion: 0, events: [happened()] }], metadata);
  const held = gate();
  const slow = old.append([{ stream: 'b', expectedVersion: 0, events: [happened()] }], metadata, held.pass);
  await held.arrived;
  await core.execute(
    sql`insert into appenders values
      (${-1}, ${1}, ${0}, ${'2000-01-01T00:00:00.000Z'}),
      (${-2}, ${1}, ${0}, ${'2030-01-01T00:00:00.000Z'})`,
  );
  await forgetOldAppenders(core, new Date('2020-01-01'));
  const left = (await core.query(sql`select session from appenders order by session`)).map(({ session }) => session);
  expect(left.slice(0, 1)).toEqual([-2]);
  held.open();
  const [event] = await slow;
  expect((await createEventStore(core).readAll(0, 10)).at(-1)).toEqual(event);
}, 10_000);
