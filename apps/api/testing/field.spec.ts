import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { query } from '../../../testing/fixtures.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';

const ON = ['crm', 'erp', 'shop'] as const;
let scene: Scene<(typeof ON)[number]>;
let s: Service;
beforeAll(async () => {
  scene = await threeEngines(ON);
  ({ s } = scene);
});
afterAll(() => scene.close());

async function adopt(database: string, name: string): Promise<string> {
  const { table } = await scene.done(`/databases/${database}/adopt`, { tables: [name] });
  return table.table_id as string;
}

const column = (table_id: string, change: object, query = ''): Promise<Reply> =>
  s.call('POST', `/table/column${query}`, { table_id, column: change }, WAIT);

describe('p9: a column can be named whatever its owner called it', () => {
  const NAMES = ['first name', 'größe', 'a.b', '$cost', 'n'.repeat(60), "it's", 'a"b', 'x`y'];

  test.each(ON)('%s', async (database) => {
    const quote = (name: string): string =>
      database === 'erp' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
    await query(
      scene.urls[database],
      `create table odd (id int primary key, ${NAMES.map((name) => `${quote(name)} int`).join(', ')})`,
    );
    const id = await adopt(database, 'odd');
    for (const [i, name] of NAMES.entries()) {
      const nullable = await column(id, { name, nullable: false });
      expect([name, nullable.status, nullable.body['detail']]).toEqual([name, 200, undefined]);
      const renamed = await column(id, { name, rename_to: `plain_${i}` });
      expect([name, renamed.status, renamed.body['detail']]).toEqual([name, 200, undefined]);
    }
    const dropped = await column(id, { name: 'plain_0' });
    expect([dropped.status, dropped.body['detail']]).toEqual([200, undefined]);
    const back = await s.call('POST', '/table/revert', { table_id: id, version: 2 }, WAIT);
    expect([back.status, back.body['detail'], Object.keys(back.body['table']?.columns ?? {}).sort()]).toEqual([
      200,
      undefined,
      ['id', ...NAMES].sort(),
    ]);
  });

  test('the rule is for new names', async () => {
    const { body } = await s.call('POST', '/table/create', { name: 'ruled', databases: ['shop'] }, WAIT);
    const id = body['table'].table_id;
    expect((await column(id, { name: 'a b', type: 'string' })).body).toMatchObject({
      status: 400,
      code: 'validation_failed',
      errors: [{ path: 'column.name' }],
    });
    expect((await column(id, { name: 'name', rename_to: 'a b' })).body).toMatchObject({
      status: 400,
      code: 'validation_failed',
      errors: [{ path: 'column.rename_to' }],
    });
    expect((await column(id, { name: 'a b' })).body).toMatchObject({ status: 404, code: 'column_not_found' });
  });
});

test('D19: a plan says whether and until when it can be undone', async () => {
  const { body } = await s.call('POST', '/table/create', { name: 'planned', databases: ON }, WAIT);
  const id = body['table'].table_id;
  const plan = async (change: object): Promise<Record<string, unknown>> =>
    (await column(id, change, '?dry_run=true')).body['plan'];
  expect(await plan({ name: 'more', type: 'text' })).toMatchObject({ reversible: true, reversible_until: null });
  const dropped = await plan({ name: 'name' });
  expect(dropped).toMatchObject({ reversible: true, reversible_until: expect.stringMatching(/^20/) });
  await query(scene.urls.crm, "insert into planned (name) values ('x')");
  expect(await plan({ name: 'more', type: 'integer', nullable: false })).toMatchObject({
    reversible: null,
    reversible_until: null,
    blocked_by: { code: 'not_null_without_default' },
  });
});

describe('D18: what history says of an adopted table is built again on its own engine, to the letter', () => {
  const OWN: Record<string, { columns: string; types: string }> = {
    crm: {
      columns:
        `kind text collate "C" not null, net inet default '10.0.0.1', tags text[] default array['a;--', ` +
        `'b'], part numeric, spent interval default '1 day' not null`,
      types:
        'select column_name, udt_name, is_nullable, column_default from information_schema.columns where ' +
        `table_name = '#' and column_name <> 'id' order by ordinal_position`,
    },
    erp: {
      columns:
        `kind enum('a','b;c','it''s') not null default 'a', n int unsigned default 7, flags set('x','y'), y ` +
        'year(4)',
      types:
        'select column_name, column_type, is_nullable, column_default from information_schema.columns where ' +
        `table_schema = database() and table_name = '#' and column_name <> 'id' order by ordinal_position`,
    },
    shop: {
      columns: `kind MONEY_BAG(4,2) not null, n default (1 + 1), w "odd type" default 'x;y'`,
      types: `select name, type, "notnull", dflt_value from pragma_table_info('#') where name <> 'id'`,
    },
  };

  test.each(ON)('%s', async (database) => {
    const [url, own] = [scene.urls[database], OWN[database]!];
    await query(url, `create table things (id int primary key, ${own.columns})`);
    const table_id = await adopt(database, 'things');
    const { body } = await s.call('POST', '/table/replay', { table_id });
    const engine = { crm: 'postgres', erp: 'mysql', shop: 'sqlite' }[database]!;
    expect(body['ddl'][engine]).not.toEqual([]);
    for (const other of ['postgres', 'mysql', 'sqlite'].filter((name) => name !== engine)) {
      expect([body['ddl'][other], body['ddl_missing'][other]]).toEqual([
        [],
        expect.stringContaining(`of ${engine}'s own`),
      ]);
    }
    const built = await s.call('POST', '/table/replay', { table_id, database, as: 'things_again' }, WAIT);
    expect([built.status, built.body['detail']]).toEqual([200, undefined]);
    const types = async (name: string): Promise<object[]> => query(url, own.types.replace('#', name));
    expect(await types('things_again')).toEqual(await types('things'));
    expect((await s.call('GET', `/databases/${database}/drift`)).body['drift']).toEqual([]);
    // Undone and changed like any other.
    expect((await column(built.body['table'].table_id, { name: 'kind' })).status).toBe(200);
    expect(
      (await s.call('POST', '/table/revert', { table_id: built.body['table'].table_id, version: 2 }, WAIT)).body[
        'detail'
      ],
    ).toBeUndefined();
    expect(
      await s.call('POST', '/table/databases', { table_id, add: [ON.find((name) => name !== database)] }, WAIT),
    ).toMatchObject({ status: 422, body: { code: 'unsupported_change' } });
  });
});

test('D21: a table for every tenant is one change: 500 databases can be named at once', async () => {
  const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `tenant_${i}`);
  const create = async (databases: string[]): Promise<unknown> =>
    (await s.call('POST', '/table/create', { name: 'orders', databases })).body['code'];
  expect([await create(names(500)), await create(names(501))]).toEqual(['database_not_found', 'validation_failed']);
});
