import { expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { freshMysql, freshPostgres, freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

// However many commands come at once on one table: each is accepted, in an order, and a long line makes none of them
// slow.

const AT_ONCE = 100;

async function holding(
  work: (s: Service, tableId: string, other: Service) => Promise<void>,
  core?: Fresh,
): Promise<void> {
  const environment: Record<string, string> = core === undefined ? {} : { CORE_DATABASE_URL: core.url };
  const s = await service(environment);
  // A second process on the same core accepts commands too.
  const other = await service({ ...environment, DATA_DIR: s.dir, ROLE: 'api' });
  const made = await s.call(
    'POST',
    '/table/create',
    {
      name: 'busy',
      columns: [
        { name: 'id', type: 'integer', primary_key: true },
        { name: 'n', type: 'text' },
      ],
    },
    WAIT,
  );
  // Nothing of the table's line is done meanwhile.
  const file = new Database(`${s.dir}/byodb.db`);
  file.exec('begin immediate');
  try {
    await work(s, made.body['table'].table_id as string, other);
  } finally {
    file.close();
    await other.app.stop();
    await s.stop();
    await core?.drop();
  }
}

const change = (tableId: string, i: number): [string, string, object] => [
  'POST',
  '/table/column',
  { table_id: tableId, column: { name: 'n', default: `v${i}` } },
];

test.each<[string, () => Promise<Fresh>]>([
  ['SQLite', freshSqlite],
  ['PostgreSQL', freshPostgres],
  ['MariaDB', freshMysql],
])('a hundred at once on one table are all accepted, with %s as the core', async (_name, fresh) => {
  await holding(
    async (s, tableId, other) => {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => (i % 4 === 0 ? other : s).call(...change(tableId, i))),
      );
      expect(answers.filter(({ status }) => status !== 202).map(({ body }) => body)).toEqual([]);
      const versions = answers.map(({ body }) => body['table'].version as number);
      expect([...versions].sort((a, b) => a - b)).toEqual(Array.from({ length: AT_ONCE }, (_, i) => i + 3));
      // In the order in which this process took them.
      const own = versions.filter((_version, i) => i % 4 !== 0);
      expect(own).toEqual([...own].sort((a, b) => a - b));
      const { table } = (await s.call('GET', `/tables/${tableId}`)).body;
      expect(table.pending_changes).toHaveLength(AT_ONCE);
      // Who names a version still gets what he asked for.
      expect(
        (await s.call('POST', '/table/rename', { table_id: tableId, name: 'z' }, { 'If-Match': '"2"' })).status,
      ).toBe(412);
      const first = table.pending_changes[0].saga_id as string;
      const last = (table.pending_changes as { saga_id: string }[]).at(-1)!.saga_id;
      expect([
        answers.find(({ body }) => body['table'].version === 3)!.body['saga'].saga_id,
        answers.find(({ body }) => body['table'].version === AT_ONCE + 2)!.body['saga'].saga_id,
      ]).toEqual([first, last]);
    },
    await fresh(),
  );
});

test('the three hundredth that waits costs little more than the first', async () => {
  await holding(async (s, tableId) => {
    const took: number[] = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      const seen: Reply[] = [];
      for (let i = 0; i < 100; i++) seen.push(await s.call(...change(tableId, i)));
      took.push(performance.now() - began);
      expect(seen.every(({ status }) => status === 202)).toBe(true);
    }
    expect(took[2]!).toBeLessThan(3 * Math.min(...took) + 500);
  });
});
