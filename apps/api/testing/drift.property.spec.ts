import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { COLUMN_TYPES, completeColumn, engineOf, findDrift, parseUrl, type Column } from '#byodb';
import { freshMysql, freshPostgres, freshSqlite, query } from '../../../testing/fixtures.js';
import { column, columns, parameters, patience, type ColumnBody } from './arbitraries.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';

const ON = ['crm', 'erp', 'shop'] as const;
let scene: Scene<(typeof ON)[number]>;
let s: Service;

beforeAll(async () => {
  scene = await threeEngines(ON);
  ({ s } = scene);
});
afterAll(() => scene.close(), patience());

const done = (path: string, body: object): Promise<Reply['body']> => scene.done(path, body);

async function inSync(names: readonly string[]): Promise<void> {
  for (const name of names)
    expect((await s.call('GET', `/databases/${name}/drift`)).body).toEqual({
      database: name,
      in_sync: true,
      drift: [],
    });
}

const DEFAULTS: Partial<Record<ColumnBody['type'], ColumnBody['default'][]>> = {
  smallint: [-32768],
  integer: [7],
  bigint: ['-9223372036854775808'],
  decimal: ['-1.50', '0'],
  float: [1.5, 3.4e38],
  double: [0.1, -1e300, 5e-324],
  boolean: [true, false],
  string: [`it's`, ''],
  text: ['x\\y\n', ''],
  uuid: [{ function: 'uuid' }, '6F1C1A52-9D6E-4B7C-8D53-0C2F6F0A7B11'],
  date: [{ function: 'now' }, '1000-01-01'],
  time: [{ function: 'now' }, '12:34:56.5'],
  timestamp: [{ function: 'now' }, '9999-12-31T23:59:59.999999Z', '2030-01-31T12:30:00+02:00'],
  json: [{ a: [1, null, 'x'] }, [], 'text', 1.5, false],
};

describe.each(ON)('a table made on %s with every type and default', (source) => {
  test('replayed onto every other engine it is there what history says', async () => {
    const every: ColumnBody[] = COLUMN_TYPES.flatMap((type) => [
      { name: `plain_${type}`, type },
      { name: `needed_${type}`, type, nullable: false },
      ...(DEFAULTS[type] ?? []).flatMap((value, i) => [
        { name: `with_${type}_${i}`, type, default: value! },
        { name: `needs_${type}_${i}`, type, nullable: false, default: value! },
      ]),
    ]);
    const { table } = await done('/table/create', {
      name: `from_${source}`,
      databases: [source],
      columns: [
        { name: 'id', type: 'bigint', primary_key: true, generated: true },
        { name: 'code', type: 'string', length: 40, unique: true },
        ...every,
      ],
    });
    await inSync([source]);
    for (const target of ON.filter((name) => name !== source)) {
      const made = await done('/table/replay', {
        table_id: table.table_id,
        database: target,
        as: `${source}_to_${target}`,
      });
      expect(made['table'].columns).toEqual(table.columns);
      await inSync([target]);
      // And from there back again, to where it came from.
      await done('/table/replay', { table_id: made['table'].table_id, database: source, as: `${source}_by_${target}` });
    }
    await inSync([source]);
  });

  test('so is one with a key of several columns of several types', async () => {
    const key = (['integer', 'uuid', 'string', 'date', 'decimal'] as const).map((type) => ({
      name: `key_${type}`,
      type,
      primary_key: true,
      ...(type === 'string' ? { length: 20 } : {}),
    }));
    const { table } = await done('/table/create', {
      name: `key_${source}`,
      databases: [source],
      columns: [{ name: 'first', type: 'text' }, ...key.reverse()],
    });
    for (const target of ON.filter((name) => name !== source))
      await done('/table/replay', { table_id: table.table_id, database: target, as: `key_${source}_to_${target}` });
    await inSync(ON);
  });
});

test.each([
  ['postgres', freshPostgres],
  ['mysql', freshMysql],
  ['sqlite', freshSqlite],
] as const)(
  '%s reads back whatever it was told to make',
  async (_name, make) => {
    const own = await make();
    const address = parseUrl(own.url);
    const engine = engineOf(address.engine);
    const connection = engine.open(address);
    let n = 0;
    try {
      // Only one table at a time, since a failing one is made smaller column by column.
      await fc.assert(
        fc.asyncProperty(fc.array(column, { minLength: 1, maxLength: 20 }), async (bodies) => {
          const named = bodies
            .map(
              (body, i): Column =>
                completeColumn({
                  ...body,
                  name: `${body.name.slice(0, 40)}_${i}`,
                  length: body.type === 'string' ? Math.min(body.length!, 300) : null,
                }).column,
            )
            .filter((one) => engine.refuses([one]) === null);
          if (named.length === 0 || engine.refuses(named) !== null) return;
          const table = `made_${n++}`;
          for (const statement of engine.ddl.createTable(
            table,
            named,
            '00000000-0000-7000-8000-000000000000',
            (i) => `uq_${table}_${i}`,
          ).statements)
            await query(own.url, statement);
          expect(
            (await findDrift(connection, [{ table_id: table, table, columns: named, indexes: [] }])).filter(
              (one) => one.table === table,
            ),
          ).toEqual([]);
        }),
        parameters(25),
      );
    } finally {
      await connection.close();
      await own.drop();
    }
    expect(n).toBeGreaterThan(10);
  },
  patience(),
);

test(
  'what the project made itself never shows as drift, whatever its columns',
  async () => {
    const seen = { made: 0, refused: 0, added: 0 };
    let n = 0;
    await fc.assert(
      fc.asyncProperty(columns(1, 12), columns(1, 3), fc.boolean(), async (first, more, keyed) => {
        const name = `any_${n++}`;
        const made = await s.call(
          'POST',
          '/table/create',
          {
            name,
            databases: ON,
            columns:
              keyed && first.every((c) => c.name.toLowerCase() !== 'id')
                ? [{ name: 'id', type: 'integer', primary_key: true, generated: true }, ...first]
                : first,
          },
          WAIT,
        );
        if (made.status === 422 && made.body['code'] === 'unsupported_change') {
          seen.refused++;
          return;
        }
        expect([made.status, made.body['detail'], made.body['saga']?.error]).toEqual([200, undefined, null]);
        seen.made++;
        await inSync(ON);
        const table_id = made.body['table'].table_id as string;
        const added = more.filter(
          (c) =>
            !Object.keys(made.body['table'].columns as object).some(
              (there) => there.toLowerCase() === c.name.toLowerCase(),
            ),
        );
        if (added.length > 0) {
          const answer = await s.call('POST', '/table/column', { table_id, columns: added }, WAIT);
          if (answer.status !== 422 || answer.body['code'] !== 'unsupported_change') {
            expect([answer.status, answer.body['detail']]).toEqual([200, undefined]);
            seen.added++;
            await inSync(ON);
          }
        }
        await done('/table/delete', { table_id });
      }),
      parameters(12),
    );
    expect(seen.made).toBeGreaterThan(seen.refused);
    expect(seen.added).toBeGreaterThan(0);
  },
  patience(),
);
