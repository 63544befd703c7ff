import { expect, test } from '@jest/globals';
import { freshPostgres, freshSqlite, query } from '../../../testing/fixtures.js';
import { service, WAIT } from './service.js';

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

test('drift is found by itself and recorded once, by however many processes; once more when it differs otherwise, and when it is over', async () => {
  const [core, file] = [await freshPostgres(), await freshSqlite()];
  const environment = { CORE_DATABASE_URL: core.url, DRIFT_CHECK_SECONDS: '1' };
  const first = await service(environment);
  const second = await service({ ...environment, DATA_DIR: first.dir });
  const found = async (): Promise<{ type: string; data: { drift?: { table: string; differences: object[] }[] } }[]> => {
    const { events } = (await first.call('GET', '/events?limit=500')).body as {
      events: { type: string; data: object }[];
    };
    return events.filter(({ type }) => type === 'DriftDetected' || type === 'DriftEnded') as Awaited<
      ReturnType<typeof found>
    >;
  };
  const until = async (count: number): Promise<void> => {
    for (const end = Date.now() + 20_000; (await found()).length < count && Date.now() < end;) await sleep(100);
  };
  try {
    await first.call('POST', '/databases', { name: 'shop', url: file.url });
    const { table } = (await first.call('POST', '/table/create', { name: 'watched', databases: ['shop'] }, WAIT)).body;
    await query(file.url, 'create table others (id integer)');
    await sleep(1500);
    expect(await found()).toEqual([]);
    await query(file.url, 'alter table watched drop column name');
    await until(1);
    await sleep(2500);
    expect(await found()).toMatchObject([
      {
        type: 'DriftDetected',
        data: {
          drift: [
            {
              kind: 'changed',
              table: 'watched',
              differences: [{ column: 'name', expected: 'a column', found: 'no column' }],
            },
          ],
        },
      },
    ]);
    expect((await second.call('GET', '/databases/shop')).body['database'].drift_detected_at).toEqual(
      expect.any(String),
    );
    // The stream has moved on by itself: that is no reason to refuse what is asked about the database.
    expect((await first.call('PUT', '/databases/shop', { url: file.url })).status).toBe(200);
    await query(file.url, 'drop table watched');
    await until(2);
    expect((await found())[1]).toMatchObject({ type: 'DriftDetected', data: { drift: [{ kind: 'missing' }] } });
    expect(
      (await first.call('POST', '/databases/shop/drift/resolve', { table_id: table.table_id, as: 'restore' }, WAIT))
        .status,
    ).toBe(200);
    await until(3);
    await sleep(1500);
    expect((await found()).map(({ type }) => type)).toEqual(['DriftDetected', 'DriftDetected', 'DriftEnded']);
    expect((await second.call('GET', '/databases/shop')).body['database'].drift_detected_at).toBeNull();
  } finally {
    await first.app.stop();
    await second.stop();
    await Promise.all([core.drop(), file.drop()]);
  }
});
