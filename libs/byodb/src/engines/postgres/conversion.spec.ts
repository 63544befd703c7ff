import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Session } from '../../session.js';
import { DatabaseError } from '../../errors.js';
import type { ColumnInput } from '../../schema/column-input.js';
import { convertible, COLUMN_TYPES, type ColumnType } from '../../schema/column-types.js';
import { ddl } from './ddl.js';
import { alone, column, freshDatabase, run, type Fresh } from './testing/fixture.js';
import { literal } from './sql.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

const TEXTS = [
  'abc',
  '007',
  '1.50',
  '1.5',
  ' 12',
  '12',
  '12 ',
  '-12',
  '-0',
  '0',
  '-0.00',
  '0.00',
  '1e3',
  '',
  '32767',
  '32768',
  '-32768',
  '-32769',
  '2147483647',
  '2147483648',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '0.1',
  '0.5',
  '1e300',
  'NaN',
  'Infinity',
  '-Infinity',
  'infinity',
  '+1',
  '1.',
  '.5',
  '0x10',
  '1_000',
  '٣',
  '१२',
  '1\n',
  '\n1',
  '0.1000',
  '16777217',
  '9007199254740993',
  '1.7976931348623157e308',
  `1${'0'.repeat(308)}`,
  `1${'0'.repeat(309)}`,
  `9${'9'.repeat(308)}`,
  `0.${'0'.repeat(323)}5`,
  `0.${'0'.repeat(400)}5`,
  `0.${'0'.repeat(44)}1`,
  `0.${'0'.repeat(45)}1`,
  '340282350000000000000000000000000000000',
  '340282360000000000000000000000000000000',
  `${'9'.repeat(150000)}`,
  '2024-02-30',
  '2024-02-29',
  '2023-02-29',
  '1900-02-29',
  '2000-02-29',
  '0000-01-01',
  '0001-01-01',
  '2024-13-01',
  '2024-1-1',
  '2024-01-01 25:00',
  '2024-01-01 23:59:60',
  '2024-01-01 10:00:00',
  '2024-01-01T10:00:00',
  '2024-01-01T10:00:00Z',
  '2024-01-01T10:00:00.5Z',
  '2024-01-01 10:00:00.123456',
  '2024-01-01 10:00:00.1234567',
  '2024-01-01 10:00:00+02',
  '2024-01-01 10:00',
  '10:00:00',
  '24:00:00',
  '10:00',
  '10:00:00.5',
  '10:00:00.0000001',
  'today',
  'now',
  'epoch',
  '00000000-0000-0000-0000-000000000000',
  'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
  '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
  'a0eebc999c0b4ef8bb6d6bb9bd380a11',
  '{}',
  '[]',
  '{"a":1}',
  '{"a": [1, 2.5, -3e2, true, false, null, "x\\n\\u00e9"]}',
  '[1,]',
  '[,1]',
  '{"a"}',
  '{"a":}',
  '{a:1}',
  '"x"',
  '"x',
  'x"',
  '"\\u0000"',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '"\\ude00\\ud83d"',
  '"\\x"',
  '"\u0001"',
  '\u0001',
  '\u0002',
  '[\u0002]',
  'true',
  'TRUE',
  'nul',
  'null',
  ' null ',
  '01',
  '1 2',
  '[1 2]',
  '[[[]]]',
  '[[[]]',
  ']',
  '{"a":1,"a":2}',
  '{"a":1}}',
  '{"a" : {"b":[{}]}}',
  '"\t"',
  '[1e5]',
  '[1e99999999]',
  '1e+2',
  '-',
  '1e',
  '{"":""}',
  `${'['.repeat(300)}${']'.repeat(300)}`,
  `${'['.repeat(100000)}`,
  '\u00a01',
  '😀😀😀',
  '😀😀😀😀',
  'é',
  'x'.repeat(300),
  'ab   ',
  "'; drop table x; --",
  '\\',
  '?',
  '$1',
];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '7',
  '12',
  '100',
  '32767',
  '32768',
  '-32768',
  '-32769',
  '2147483647',
  '2147483648',
  '-2147483649',
  '16777216',
  '16777217',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '1152921504606846976',
  '0.1',
  '0.5',
  '1.50',
  '-1.005',
  '99999999.99',
  '0.01',
  '123456789012345678.91',
  '1e300',
  '-1e300',
  '1e-300',
  '5e-324',
  '3.4028234663852886e38',
  '3.4e38',
  '1e-45',
  '1.1',
  'NaN',
  'Infinity',
  '-Infinity',
  '-0',
  '9.2233720368547758e18',
];
const TIMES = [
  '2024-01-01 00:00:00+00',
  '2024-01-01 10:00:00+00',
  '2024-01-01 00:00:00.000001+00',
  '0001-01-01 00:00:00+00',
  '9999-12-31 23:59:59.999999+00',
  '10000-01-01 00:00:00+00',
  '0044-03-15 00:00:00+00 BC',
  'infinity',
  '-infinity',
  '294276-12-31 00:00:00+00',
  '4713-11-24 00:00:00+00 BC',
];
const VALUES: Partial<Record<ColumnType, string[]>> = {
  smallint: NUMBERS,
  integer: NUMBERS,
  bigint: NUMBERS,
  decimal: NUMBERS,
  float: NUMBERS,
  double: NUMBERS,
  string: TEXTS,
  text: TEXTS,
  boolean: ['true', 'false'],
  uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  date: [...TIMES.map((t) => t.replace(/ \S+/, '')), '5874897-12-31', '294277-01-01', '4714-11-24 BC'],
  time: ['00:00:00', '24:00:00', '10:00:00.5', '23:59:59.999999'],
  timestamp: TIMES,
  json: [
    '{}',
    '{"b":1,"a":[1.50,"x\\n",null,"\\u0001\\\\"]}',
    '"x"',
    '1e300',
    'null',
    '12345678901234567890.123',
    '"😀"',
    '[[],{}]',
    '{"a\\"b":{"":[]}}',
  ],
};
const SHAPES: ColumnInput[] = COLUMN_TYPES.flatMap((type): ColumnInput[] => {
  if (type === 'string') return [3, 10, 19, 22, 26, 255].map((length) => ({ name: 'v', type, length }));
  if (type === 'decimal')
    return [
      [10, 2],
      [10, 1],
      [2, 2],
      [38, 30],
      [38, 0],
      [12, 4],
      [20, 2],
    ].map(([precision, scale]) => ({ name: 'v', type, precision, scale }));
  return [{ name: 'v', type }];
});

/** Every value that the type takes, each in a row of its own. */
async function fill(session: Session, input: ColumnInput): Promise<void> {
  await run(
    session,
    ddl.createTable(
      't',
      [column({ name: 'id', type: 'integer', primary_key: true, generated: true }), column(input)],
      'o',
      () => 'u',
    ),
  );
  for (const value of VALUES[input.type] ?? []) {
    await session.run('savepoint v');
    const taken = await session.run(`insert into t (v) values (${literal(value)})`).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof DatabaseError)) throw error;
        return false;
      },
    );
    await session.run(taken ? 'release v' : 'rollback to v');
  }
  await session.run('insert into t (v) values (null)');
}

describe('lost', () => {
  for (const fromInput of SHAPES) {
    const from = column(fromInput);
    const targets = SHAPES.map(column).filter((to) => convertible(from.type, to.type));
    it(`tells for every value of ${from.type}${from.length ?? ''}${from.precision === null ? '' : ` ${from.precision},${from.scale}`} what a conversion would do`, async () => {
      await alone(fresh, async (session) => {
        await fill(session, fromInput);
        const before = (await session.introspect('t'))!;
        for (const to of targets) {
          const label = `${to.type} ${to.length} ${to.precision},${to.scale}`;
          const test = ddl.lost(from, to, '"v"');
          const rows = await session.query(`select id, left(v::text, 60) as v, ${test} as lost from t order by id`);
          expect(rows.at(-1)!['lost']).toBe(false); // NULL
          expect(rows.every((row) => typeof row['lost'] === 'boolean')).toBe(true);
          if (ddl.metadataOnly(from, to)) expect(test).toBe('false');
          // Agreement: all others convert, come back through restore and are the same again.
          await session.run('savepoint c');
          const doomed = rows.filter((row) => row['lost'] === true).map((row) => Number(row['id']));
          if (doomed.length > 0) {
            await session.run('savepoint d');
            await expect(
              run(session, ddl.alterColumn(before, 'v', { ...to, name: 'v' }, 'u')).then(() => `converted to ${label}`),
            ).rejects.toMatchObject({ code: 'lossy_conversion', retryable: false });
            await session.run('rollback to d');
            await session.run(`delete from t where id in (${doomed.join(', ')})`);
          }
          // The one value whose loss only the conversion itself finds: jsonb takes no number of so many digits.
          if (to.type === 'json' && from.type === 'text')
            await session.run(`delete from t where v = ${literal('9'.repeat(150000))}`);
          await session.run('create temp table old on commit drop as select id, v from t');
          await run(session, ddl.keepValues(before, 'v', '_saga_keep'));
          await run(session, ddl.alterColumn(before, 'v', { ...to, name: 'v' }, 'u')).catch((error: unknown) => {
            throw new Error(`to ${label}`, { cause: error });
          });
          const altered = (await session.introspect('t'))!;
          await run(session, ddl.restoreColumn(altered, 'v', before)).catch((error: unknown) => {
            throw new Error(`back from ${label}`, { cause: error });
          });
          const update = ddl.giveBackValues(before, 'v', '_saga_keep', from, to);
          for (const statement of [...update, ...update]) await session.run(statement);
          const exact = from.type === 'string' || from.type === 'text' ? ' collate "C"' : '';
          expect([
            label,
            await session.query(
              `select id, old.v as old, t.v as new from old join t using (id) where old.v${exact} is distinct ` +
                'from t.v limit 5',
            ),
          ]).toEqual([label, []]);
          await session.run('rollback to c');
        }
        await session.run('drop table t');
      });
    }, 120_000);
  }

  async function verdicts(from: ColumnInput, to: ColumnInput, values: string[]): Promise<Record<string, unknown>> {
    const type = from.type === 'text' ? 'text' : from.type === 'double' ? 'float8' : 'numeric';
    const list = values.map((v) => `(${literal(v)}::${type})`).join(', ');
    const lost = ddl.lost(column(from), column(to), '"v"');
    const rows = await fresh.connection.look(async (session) =>
      session.query(`select v::text as v, ${lost} as lost from (values ${list}) x (v)`),
    );
    return Object.fromEntries(rows.map((row) => [String(row['v']), row['lost']]));
  }

  const text: ColumnInput = { name: 'v', type: 'text' };
  const double: ColumnInput = { name: 'v', type: 'double' };
  const money: ColumnInput = { name: 'v', type: 'decimal', precision: 10, scale: 2 };
  it.each<{ from: ColumnInput; to: ColumnInput; keeps: string[]; loses: string[] }>([
    {
      from: text,
      to: { name: 'v', type: 'integer' },
      keeps: ['12', '-5'],
      loses: ['007', ' 12', '1e3', '', 'abc', '2147483648'],
    },
    { from: text, to: money, keeps: ['1.50', '1.5', '2', '-0.25'], loses: ['1.505', '01', '123456789.00'] },
    {
      from: text,
      to: { name: 'v', type: 'timestamp' },
      keeps: ['2024-01-01 10:00:00', '2024-01-01T10:00:00.5Z'],
      loses: ['2024-02-30 10:00:00', '2024-01-01 25:00:00'],
    },
    {
      from: text,
      to: { name: 'v', type: 'json' },
      keeps: ['{"a":1}', '[1e400]'],
      loses: ['{a:1}', '', '[1,]', '"\\u0000"'],
    },
    { from: text, to: { name: 'v', type: 'string', length: 3 }, keeps: ['😀😀😀'], loses: ['😀😀😀😀', 'ab  '] },
    { from: double, to: { name: 'v', type: 'float' }, keeps: ['0.5', 'NaN'], loses: ['0.1', '1e+300'] },
    {
      from: double,
      to: { name: 'v', type: 'integer' },
      keeps: ['1', '2147483647'],
      loses: ['0.5', '1e+300', 'NaN', '2147483648'],
    },
    { from: money, to: { ...money, scale: 1 }, keeps: ['1.50'], loses: ['1.25'] },
  ])('of $from.type to $to.type: $keeps not, $loses', async ({ from, to, keeps, loses }) => {
    expect(await verdicts(from, to, [...keeps, ...loses])).toEqual(
      Object.fromEntries([
        ...keeps.map((value): [string, boolean] => [value, false]),
        ...loses.map((value): [string, boolean] => [value, true]),
      ]),
    );
  });

  it('is told of texts whose collation takes different ones for equal, too', async () => {
    await fresh.admin.query(
      "create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    for (const to of SHAPES.map(column).filter((shape) => convertible('text', shape.type)))
      await fresh.connection.look((session) =>
        session.query(`select ${ddl.lost(column(text), to, 'v')} from (select '12'::text collate "loose" as v) x`),
      );
  });

  it('gives plain texts of numbers and UTC texts of times', async () => {
    const cases: [ColumnInput, string, string][] = [
      [{ name: 'v', type: 'double' }, '1e21', '1000000000000000000000'],
      [{ name: 'v', type: 'double' }, '1e-7', '0.0000001'],
      [{ name: 'v', type: 'float' }, '0.1', '0.1'],
      [{ name: 'v', type: 'decimal' }, '1.5', '1.50'],
      [{ name: 'v', type: 'timestamp' }, '2024-01-01 12:00:00+02', '2024-01-01 10:00:00.000000'],
      [{ name: 'v', type: 'time' }, '10:00:00.5', '10:00:00.500000'],
      [{ name: 'v', type: 'date' }, '2024-01-01', '2024-01-01'],
    ];
    for (const [from, value, text] of cases) {
      await alone(fresh, async (session) => {
        const made = await run(
          session,
          ddl.createTable('t', [column(from)], 'o', () => 'u'),
        );
        await session.run(`insert into t values (${literal(value)})`);
        await run(session, ddl.alterColumn(made!, 'v', column({ name: 'v', type: 'text' }), 'u'));
        expect(await session.query('select v from t')).toEqual([{ v: text }]);
        await session.run('drop table t');
      });
    }
  });
});
