import { expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, query } from '../../../testing/fixtures.js';
import { blocks, read, runBlocks } from './commands.js';
import { service } from './service.js';

/** For a machine whose servers run elsewhere. */
const PSQL = `command -v psql > /dev/null || psql() { node --input-type=module -e '
  import pg from "pg";
  const client = new pg.Client(process.argv[1]);
  await client.connect();
  for (const sql of process.argv.slice(2)) if (sql !== "-c") console.log((await client.query(sql)).rows);
  await client.end();' "$@"; }`;

test('the commands of the README work as printed, and answer as it says', async () => {
  const [s, crm, erp] = [await service(), await freshPostgres(), await freshMysql()];
  try {
    const walk = blocks(await read('README.md')).filter((b) => b.notRun === null && !b.text.includes('npm ci'));
    expect(walk.length).toBeGreaterThan(10);
    const printed = await runBlocks(
      walk.map((b) => b.text.replaceAll('http://127.0.0.1:3000', s.app.url).replaceAll('curl -s', 'curl -sS')),
      { CRM_URL: crm.url, ERP_URL: erp.url, DATA_DIR: s.dir },
      PSQL,
    );
    walk.forEach(({ line, output, answers }, i) => {
      if (output !== null) expect([line, printed[i]]).toEqual([line, output]);
      // An error that the README does not announce is one that the reader would not expect.
      if (answers === null) expect([line, printed[i]]).toEqual([line, expect.not.stringContaining('"code":"')]);
      else expect([line, printed[i]]).toEqual([line, expect.stringContaining(answers)]);
    });
    expect(printed.join()).toContain('"code":"saga_compensated"');
    expect(printed.join()).toContain('"status":"dropped"');
    expect(printed.join()).toMatch(/"name":"orders","status":"active".*"kind":"table.restore"/);
    // As a cell of psql's, since an id or a hash may hold these digits too.
    expect(printed.filter((text) => /(\| |')007\b/.test(text)).length).toBe(2);
    const { sagas } = (await s.call('GET', '/sagas?status=compensated')).body as {
      sagas: { steps: { fingerprint_before: string; fingerprint_after: string }[] }[];
    };
    expect(sagas[0]!.steps.map((step) => step.fingerprint_after)).toEqual(
      sagas[0]!.steps.map((step) => step.fingerprint_before),
    );
    expect(
      await query(crm.url, `select table_name from information_schema.tables where table_name = 'orders'`),
    ).toHaveLength(1);
    expect(
      await query(
        erp.url,
        `select table_name from information_schema.tables where table_schema = database() and table_name = 'orders'`,
      ),
    ).toHaveLength(1);
  } finally {
    await s.stop();
    await crm.drop();
    await erp.drop();
  }
});
