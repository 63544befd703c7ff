import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freshPostgres, type Fresh } from '../../../../testing/fixtures.js';
import { startPooler } from '../../../../testing/pooler.js';
import { sql, type CoreDatabase } from '../core-database.js';
import { openCoreDatabase } from './open.js';

let fresh: Fresh;
beforeEach(async () => {
  fresh = await freshPostgres();
});
afterEach(async () => {
  await fresh.drop();
});

async function sums(core: CoreDatabase): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const n of [1, 2, 3]) {
    const [row] = await core.query(sql`select ${n}::int + 1 as next`);
    found.push(row?.['next']);
  }
  return found;
}

/** What the server keeps of this connection's statements. */
async function kept(core: CoreDatabase): Promise<unknown[]> {
  const rows = await core.query(
    sql`select statement, generic_plans + custom_plans as runs from pg_prepared_statements where statement like ${'%as next'}`,
  );
  return rows.map((row) => [row['statement'], row['runs']]);
}

test('a statement is parsed once for a connection', async () => {
  const core = await openCoreDatabase(fresh.url);
  expect(await sums(core)).toEqual([2, 3, 4]);
  // The first one was sent when there was no connection yet that could be looked at.
  expect(await kept(core)).toEqual([['select $1::int + 1 as next', 2]]);
  await core.close();
});

test.each(['session', 'transaction'] as const)('behind a pooler by %s none is kept', async (by) => {
  const pooler = await startPooler(Number(new URL(fresh.url).port), by);
  const through = new URL(fresh.url);
  through.port = String(pooler.port);
  const core = await openCoreDatabase(through.href);
  expect(await sums(core)).toEqual([2, 3, 4]);
  expect(await kept(core)).toEqual([]);
  await core.close();
  pooler.close();
});
