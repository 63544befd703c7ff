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

const done = (path: string, body: object): Promise<Reply['body']> => scene.done(path, body);
const create = (name: string, columns: object[]): Promise<string> => scene.create(name, { columns });
const everywhere = (sql: string): Promise<object[][]> => scene.everywhere(sql);

async function shown(id: string): Promise<object> {
  return (await s.call('GET', `/tables/${id}`)).body['table'].columns;
}

const drop = (table_id: string, name: string): Promise<object> => done('/table/column', { table_id, column: { name } });
const revert = (table_id: string, version: number): Promise<object> => done('/table/revert', { table_id, version });

describe('x1: a column of a key of several columns comes back with its values and the key', () => {
  const KEY = [
    { name: 'actor_id', type: 'integer', primary_key: true },
    { name: 'film_id', type: 'integer', primary_key: true },
    { name: 'note', type: 'string' },
  ];

  test.each([['film_id'], ['actor_id'], ['film_id', 'actor_id'], ['actor_id', 'film_id']])('%s %s', async (...gone) => {
    const table = `link_${gone.join('_')}`;
    const id = await create(table, KEY);
    await everywhere(`insert into ${table} values (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')`);
    const before = await shown(id);
    for (const name of gone) await drop(id, name);
    await everywhere(`update ${table} set note = 'd' where note = 'c'`);
    await revert(id, 2);
    expect(await shown(id)).toEqual(before);
    const rows = [
      { actor_id: 1, film_id: 1, note: 'a' },
      { actor_id: 1, film_id: 2, note: 'b' },
      { actor_id: 2, film_id: 1, note: 'd' },
    ];
    expect(await everywhere(`select actor_id, film_id, note from ${table} order by note`)).toEqual([rows, rows, rows]);
    for (const url of Object.values(scene.urls))
      await expect(query(url, `insert into ${table} (actor_id, film_id) values (1, 2)`)).rejects.toMatchObject({
        message: expect.stringMatching(/duplicate|unique/i),
      });
  });

  test('rows that were written without it are told', async () => {
    const id = await create('link_rows', KEY);
    await drop(id, 'film_id');
    await query(scene.urls.erp, "insert into link_rows (actor_id, note) values (5, 'new')");
    const answer = await s.call('POST', '/table/revert', { table_id: id, version: 2 }, WAIT);
    expect([
      answer.status,
      answer.body['code'],
      answer.body['saga'].error.code,
      answer.body['saga'].error.database,
    ]).toEqual([422, 'saga_rejected', 'rows_conflict', 'erp']);
  });
});

test('names that went round in a ring go back', async () => {
  const id = await create('ring', [
    { name: 'id', type: 'integer', primary_key: true },
    { name: 'a', type: 'string' },
    { name: 'b', type: 'string' },
    { name: 'c', type: 'string' },
  ]);
  await everywhere("insert into ring (id, a, b, c) values (1, 'a', 'b', 'c')");
  for (const [name, rename_to] of [
    ['a', 'x'],
    ['b', 'a'],
    ['c', 'b'],
    ['x', 'c'],
  ])
    await done('/table/column', { table_id: id, column: { name, rename_to } });
  await revert(id, 2);
  expect(await everywhere('select a, b, c from ring')).toEqual(ON.map(() => [{ a: 'a', b: 'b', c: 'c' }]));
});

describe('D7: the revert of a conversion gives back the values as they were written, on every database', () => {
  const texts = ['{"b": 1,  "a":2}', '2030-01-31 10:00:00', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '007'];

  test.each<[string, string, object[]]>([
    ['json', texts[0]!, [{ type: 'json' }]],
    ['timestamp', texts[1]!, [{ type: 'timestamp' }]],
    ['uuid', texts[2]!, [{ type: 'uuid' }]],
    [
      'json, and altered beside it',
      texts[0]!,
      [{ type: 'json' }, { nullable: true }, { rename_to: 'w', nullable: false }],
    ],
    ['json, and dropped after it', texts[0]!, [{ type: 'json' }, {}]],
    ['json, renamed, and dropped after it', texts[0]!, [{ type: 'json', rename_to: 'w' }, {}]],
  ])('%s', async (what, value, changes) => {
    const table = `spelt_${what.replaceAll(/\W+/g, '_')}`;
    const id = await create(table, [
      { name: 'id', type: 'integer', primary_key: true },
      { name: 'v', type: 'text', nullable: false },
      { name: 'n', type: 'integer' },
    ]);
    await everywhere(`insert into ${table} values (1, '${value}', 1), (2, '${value}', 2)`);
    const before = await shown(id);
    let name = 'v';
    for (const change of changes) {
      await done('/table/column', { table_id: id, column: { name, ...change } });
      if ('rename_to' in change) name = String(change.rename_to);
    }
    await everywhere(`update ${table} set n = 3 where id = 2`);
    await revert(id, 2);
    expect(await shown(id)).toEqual(before);
    const rows = [
      { id: 1, v: value, n: 1 },
      { id: 2, v: value, n: 3 },
    ];
    expect(await everywhere(`select id, v, n from ${table} order by id`)).toEqual([rows, rows, rows]);
  });
});

test('D13: prices that were texts become decimals, however many digits they were written with, and come back as they were', async () => {
  const id = await create('priced', [
    { name: 'id', type: 'integer', primary_key: true },
    { name: 'price', type: 'text' },
  ]);
  await everywhere(`insert into priced values (1, '2'), (2, '2.5'), (3, '2.50'), (4, '-0.25'), (5, null)`);
  await done('/table/column', { table_id: id, column: { name: 'price', type: 'decimal', precision: 10, scale: 2 } });
  expect(await everywhere('select sum(price) as n from priced')).toEqual([
    [{ n: '6.75' }],
    [{ n: '6.75' }],
    [{ n: 6.75 }],
  ]);
  await revert(id, 2);
  const texts = ['2', '2.5', '2.50', '-0.25', null].map((price) => ({ price }));
  expect(await everywhere('select price from priced order by id')).toEqual([texts, texts, texts]);
  await everywhere(`insert into priced values (6, '007')`);
  const refused = await s.call(
    'POST',
    '/table/column',
    { table_id: id, column: { name: 'price', type: 'decimal', precision: 10, scale: 2 } },
    WAIT,
  );
  expect(refused.body['saga'].error).toMatchObject({
    code: 'lossy_conversion',
    details: { count: 1, example: { id: '6' } },
  });
});

describe('x6: the revert of a conversion gives back the native type that the owner had', () => {
  const NATIVE: Record<string, Record<string, string>> = {
    crm: { a: `character varying default 'x'`, b: 'character varying not null', c: 'timestamp(3) with time zone' },
    erp: { a: `varchar(90) character set latin1 not null default 'x' comment 'theirs'`, b: 'int(7) unsigned zerofill' },
    shop: { a: 'NVARCHAR(160)', b: 'CLOB', c: 'INT(11)', d: 'MEDIUMINT DEFAULT 3', e: 'NUMERIC(10,2)' },
  };

  test.each(ON)('%s', async (name) => {
    const [url, native] = [scene.urls[name], NATIVE[name]!];
    const lines = Object.entries(native)
      .map(([column, type]) => `${column} ${type}`)
      .join(', ');
    await query(url, `create table theirs_${name} (id int primary key, ${lines})`);
    const texts = async (): Promise<string> =>
      JSON.stringify(
        await query(
          url,
          name === 'erp'
            ? `show create table theirs_${name}`
            : name === 'shop'
              ? `select sql from sqlite_schema where name = 'theirs_${name}'`
              : 'select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, ' +
                'd.adrelid) from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = ' +
                `a.attnum where a.attrelid = 'theirs_${name}'::regclass and a.attnum > 0 order by a.attnum`,
        ),
      );
    const before = await texts();
    await done(`/databases/${name}/adopt`, { tables: [`theirs_${name}`] });
    const { table } = (await s.call('GET', `/tables?name=theirs_${name}`)).body['tables'].map((one: object) => ({
      table: one,
    }))[0];
    const columns = (await shown(table.table_id)) as Record<string, { type: string }>;
    for (const [column, { type }] of Object.entries(columns)) {
      if (column === 'id' || type === 'native') continue;
      await done('/table/column', {
        table_id: table.table_id,
        column: {
          name: column,
          ...(column === 'd' ? { default: '3' } : {}),
          ...(type === 'text' || type === 'string'
            ? { type: 'string', length: 50 }
            : type === 'decimal'
              ? { type: 'decimal', precision: 12, scale: 3 }
              : { type: 'string', length: 40 }),
        },
      });
    }
    await revert(table.table_id, 2);
    expect(await texts()).toBe(before);
  });
});
