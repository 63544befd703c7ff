import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { service, WAIT, type Service } from '../apps/api/testing/service.js';
import { freshMysql, freshPostgres, type Fresh } from '../testing/fixtures.js';
import { countingProxy, countsOf, type CountingProxy, type Counts } from './wire/counting-proxy.js';
import { ofChanges } from './wire/stages.js';

/**
 * What one change may cost at most, whatever the machine: what was measured, exactly, and on the core three statements
 * more, since who waits for a saga asks again when that takes long. What the service does on its core beside a change
 * (clock, sweep, followers, renewed leases) is left out: a slow machine has more of it.
 */
const MOST: Record<string, { customer: Counts; core: Counts }> = {
  'create on PostgreSQL': {
    customer: { roundTrips: 22, statements: 32, commits: 2 },
    core: { roundTrips: 59, statements: 59, commits: 7 },
  },
  'add column on PostgreSQL': {
    customer: { roundTrips: 22, statements: 32, commits: 2 },
    core: { roundTrips: 56, statements: 56, commits: 6 },
  },
  'create on MariaDB': {
    customer: { roundTrips: 37, statements: 37, commits: 4 },
    core: { roundTrips: 59, statements: 59, commits: 7 },
  },
  'add column on MariaDB': {
    customer: { roundTrips: 44, statements: 44, commits: 4 },
    core: { roundTrips: 56, statements: 56, commits: 6 },
  },
};

const CHANGES = 8;
/** A change has left its last trace when nothing was said for so long. */
const QUIET_MS = 60;

test.each([
  ['PostgreSQL', freshPostgres],
  ['MariaDB', freshMysql],
] as const)('a change on %s costs no more round trips, statements and commits than it did', async (engine, fresh) => {
  const [core, byodb] = [await freshPostgres(), await fresh()];
  const proxies = { core: await countingProxy(core.url), customer: await countingProxy(byodb.url) };
  const s = await service({
    CORE_DATABASE_URL: proxies.core.url(core.url),
    BYODB_URL: proxies.customer.url(byodb.url),
  });
  try {
    const least = async (change: (i: number) => Promise<string>): Promise<{ customer: Counts; core: Counts }> => {
      const all: { customer: Counts; core: Counts }[] = [];
      for (let i = 0; i < CHANGES; i++) all.push(await counted(proxies, () => change(i)));
      return { customer: lowest(all.map((one) => one.customer)), core: lowest(all.map((one) => one.core)) };
    };
    const tables: string[] = [];
    // What a connection and a database cost once.
    for (let i = 0; i < 2; i++) await add(s, await create(s, `first_${i}`));
    const created = await least(async (i) => (tables[i] = await create(s, `t_${i}`)));
    const added = await least((i) => add(s, tables[i]!));
    const costs = { [`create on ${engine}`]: created, [`add column on ${engine}`]: added };
    expect(costs).toEqual(Object.fromEntries(Object.keys(costs).map((name) => [name, within(MOST[name]!)])));
  } finally {
    await s.stop();
    await Promise.all([proxies.core.close(), proxies.customer.close()]);
    await drop(core, byodb);
  }
});

function within(most: { customer: Counts; core: Counts }): object {
  const counts = (of: Counts): object =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, atMost(value)]));
  return { customer: counts(most.customer), core: counts(most.core) };
}

/** Prints as what was allowed. */
function atMost(most: number): object {
  return {
    $$typeof: Symbol.for('jest.asymmetricMatcher'),
    asymmetricMatch: (actual: number) => actual > 0 && actual <= most,
    toString: () => 'atMost',
    toAsymmetricMatcher: () => `at most ${most}`,
  };
}

async function counted(
  proxies: Record<'core' | 'customer', CountingProxy>,
  change: () => Promise<unknown>,
): Promise<{ customer: Counts; core: Counts }> {
  proxies.core.take();
  proxies.customer.take();
  await change();
  await sleep(QUIET_MS);
  return { customer: countsOf(proxies.customer.take()), core: countsOf(ofChanges(proxies.core.take())) };
}

function lowest(counts: readonly Counts[]): Counts {
  const least = (of: keyof Counts): number => Math.min(...counts.map((one) => one[of]));
  return { roundTrips: least('roundTrips'), statements: least('statements'), commits: least('commits') };
}

async function create(s: Service, name: string): Promise<string> {
  const columns = [
    { name: 'id', type: 'integer', primary_key: true },
    { name: 'code', type: 'string', length: 120, nullable: false },
    { name: 'note', type: 'string', length: 200 },
    { name: 'amount', type: 'decimal', precision: 12, scale: 2 },
    { name: 'seen', type: 'timestamp' },
  ];
  const { status, body } = await s.call('POST', '/table/create', { name, columns }, WAIT);
  expect([status, body]).toEqual([200, body]);
  return (body['table'] as { table_id: string }).table_id;
}

async function add(s: Service, table: string): Promise<string> {
  const column = { name: 'more', type: 'string', length: 120 };
  const { status, body } = await s.call('POST', '/table/column', { table_id: table, column }, WAIT);
  expect([status, body]).toEqual([200, body]);
  return table;
}

async function drop(...all: Fresh[]): Promise<void> {
  await Promise.all(all.map((one) => one.drop()));
}
