import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from '../../../engine.js';
import { completeColumn, type ColumnInput } from '../../../schema/column-input.js';
import type { Column } from '../../../schema/column.js';
import { convertible, COLUMN_TYPES } from '../../../schema/column-types.js';
import { sqlite } from '../index.js';

const { ddl } = sqlite;
let dir: string;
let connection: Connection;
let token = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sqlite-convert-'));
  connection = sqlite.open({ engine: 'sqlite', file: join(dir, 'a.db') });
  await connection.claim('one');
});
afterAll(async () => {
  await connection.close();
  rmSync(dir, { recursive: true });
});

function shape(text: string): Column {
  const [type, a, b] = text.split(/[(),]/);
  const input: ColumnInput = { name: 'c', type: type as Column['type'] };
  if (type === 'string' && a) input.length = Number(a);
  if (type === 'decimal' && a) [input.precision, input.scale] = [Number(a), Number(b)];
  return completeColumn(input).column;
}

function exec(...statements: string[]): Promise<void> {
  return connection.exclusively({ tableId: 't', token: ++token, lockTimeoutMs: 2000 }, async (session) => {
    for (const sql of statements) await session.run(sql);
  });
}

function query(sql: string): Promise<Record<string, unknown>[]> {
  return connection.look((session) => session.query(sql));
}

/** A table with these values (SQL) in a column of that type. */
async function fill(from: Column, values: string[]): Promise<void> {
  await exec(
    'drop table if exists t',
    ...ddl.createTable(
      't',
      [completeColumn({ name: 'id', type: 'integer', primary_key: true, generated: true }).column, from],
      'id',
      (c) => c,
    ).statements,
    ...values.map((value) => `insert into t (c) values (${value})`),
  );
}

const tests: [string, string, string, string | null][] = [
  // from, to, value; what it becomes (as text), or null: lost
  ['text', 'integer', "'abc'", null],
  ['text', 'integer', "'007'", null],
  ['text', 'integer', "'1.50'", null],
  ['text', 'integer', "' 12'", null],
  ['text', 'integer', "'1e3'", null],
  ['text', 'integer', "''", null],
  ['text', 'integer', "'2147483647'", '2147483647'],
  ['text', 'integer', "'2147483648'", null],
  ['text', 'integer', "'-0'", null],
  ['text', 'bigint', "'9223372036854775807'", '9223372036854775807'],
  ['text', 'bigint', "'9223372036854775808'", null],
  ['text', 'decimal(10,2)', "'1.50'", '1.5'],
  ['text', 'decimal(10,2)', "'1.505'", null],
  ['text', 'decimal(10,2)', "'1e3'", null],
  ['text', 'decimal(10,2)', "'123456789.00'", null],
  ['text', 'decimal(10,2)', "'2'", '2'],
  ['text', 'decimal(10,2)', "'2.5'", '2.5'],
  ['text', 'decimal(10,2)', "'-0.0'", null],
  ['string(3)', 'decimal(10,2)', "'2.5'", null],
  ['string(4)', 'decimal(10,2)', "'2.5'", '2.5'],
  ['text', 'decimal(38,2)', "'12345678901234567.89'", null],
  ['text', 'double', "'0.1'", '0.1'],
  ['text', 'double', "'NaN'", null],
  ['text', 'double', "'1.50'", null],
  ['text', 'date', "'2024-02-29'", '2024-02-29'],
  ['text', 'date', "'2024-02-30'", null],
  ['text', 'date', "'2024-1-1'", null],
  ['text', 'time', "'23:59:59.5'", '23:59:59.5'],
  ['text', 'time', "'24:00:00'", null],
  ['text', 'timestamp', "'2024-01-01 25:00'", null],
  ['text', 'timestamp', "'2024-01-01 10:00:00'", '2024-01-01 10:00:00.000'],
  ['text', 'timestamp', "'2024-01-01T10:00:00.123456Z'", '2024-01-01 10:00:00.123456'],
  ['text', 'timestamp', "'2024-01-01T10:00:00.1234567Z'", null],
  ['text', 'json', '\'{"a": 1}\'', '{"a": 1}'],
  ['text', 'json', "'{a: 1}'", null],
  ['text', 'json', "''", null],
  ['text', 'uuid', "'0A0B0C0D-1111-4222-8333-444455556666'", '0a0b0c0d-1111-4222-8333-444455556666'],
  ['text', 'uuid', "'0a0b'", null],
  ['text', 'string(3)', "'🐘🐘🐘'", '🐘🐘🐘'],
  ['text', 'string(3)', "'🐘🐘🐘🐘'", null],
  ['string(5)', 'string(3)', "'ab '", 'ab '],
  ['text', 'string(16383)', "printf('%.*c', 16384, 'x')", null],
  ['integer', 'smallint', '32767', '32767'],
  ['integer', 'smallint', '32768', null],
  ['bigint', 'double', '9007199254740993', null],
  ['bigint', 'double', '9007199254740994', '9007199254740994.0'],
  ['bigint', 'text', '-9223372036854775808', '-9223372036854775808'],
  ['integer', 'boolean', '1', '1'],
  ['integer', 'boolean', '2', null],
  ['boolean', 'integer', '1', '1'],
  ['double', 'decimal(10,2)', '0.1', '0.1'],
  ['double', 'decimal(10,2)', '0.125', null],
  ['double', 'decimal(10,2)', '1e300', null],
  ['double', 'integer', '9e999', null],
  ['double', 'integer', '5.0', '5'],
  ['double', 'text', '1e-7', '0.0000001'],
  ['double', 'text', '1e21', '1000000000000000000000'],
  ['double', 'string(5)', '1e300', null],
  ['decimal(10,2)', 'text', '1.5', '1.50'],
  ['decimal(10,2)', 'text', '-0.05', '-0.05'],
  ['decimal(10,2)', 'integer', '3.00', '3'],
  ['decimal(10,2)', 'integer', '3.5', null],
  ['decimal(10,2)', 'decimal(4,1)', '123.4', '123.4'],
  ['decimal(10,2)', 'decimal(4,1)', '1234.5', null],
  ['decimal(10,2)', 'decimal(4,1)', '1.25', null],
  ['date', 'timestamp', "'2024-01-01'", '2024-01-01 00:00:00.000'],
  ['timestamp', 'date', "'2024-01-01 00:00:00'", '2024-01-01'],
  ['timestamp', 'date', "'2024-01-01 00:00:01'", null],
  ['timestamp', 'text', "'2024-01-01T10:00:00Z'", '2024-01-01 10:00:00.000000'],
  ['timestamp', 'text', '1700000000', null],
  ['timestamp', 'text', "'nonsense'", null],
  ['integer', 'text', "'abc'", null],
  ['text', 'string(9)', "x'00ff'", null],
  ['time', 'text', "'10:00:00'", '10:00:00'],
  ['json', 'text', '\'{"a":1}\'', '{"a":1}'],
];

describe('value by value', () => {
  test.each(tests)('%s -> %s: %s', async (fromText, toText, value, expected) => {
    const [from, to] = [shape(fromText), shape(toText)];
    await fill(from, [value, 'null']);
    const before = await query('select * from t');
    const lost = await query(`select id from t where ${ddl.lost(from, to, '"c"')}`);
    expect(lost).toEqual(expected === null ? [{ id: 1 }] : []);
    const was = (await connection.look((s) => s.introspect('t')))!;
    const keep = ddl.keepValues(was, 'c', '_saga_k');
    const altered = ddl.alterColumn(was, 'c', to, 'u');
    if (expected === null) {
      await expect(exec(...altered.statements)).rejects.toMatchObject({ code: 'lossy_conversion', retryable: false });
      expect(await query('select * from t')).toEqual(before);
      return;
    }
    await exec(...keep.statements, ...altered.statements);
    expect(await query('select cast(c as text) as c from t where id = 1')).toEqual([{ c: expected }]);
    await exec(...ddl.restoreColumn(altered.live!, 'c', was).statements);
    const back = ddl.giveBackValues(was, 'c', '_saga_k', from, to);
    await exec(...back, ...back);
    expect(await query('select id, c, typeof(c) as t from t')).toEqual(
      before.map((row) => ({ ...row, t: expect.anything() })),
    );
    await exec('drop table _saga_k');
  });
});

test('lost never fails, and tells the truth, for every pair and every value', async () => {
  const nasty = [
    "'abc'",
    "'007'",
    "'1.50'",
    "' 12'",
    "'1e3'",
    "''",
    '2147483648',
    '9223372036854775807',
    '0.1',
    '1e300',
    '9e999',
    '-9e999',
    '5e-324',
    "'2024-02-30'",
    "'2024-01-01'",
    "'2024-01-01 25:00'",
    "'2024-01-01 10:11:12'",
    "'10:11:12'",
    "'🐘🐘'",
    "printf('%.*c', 20000, '9')",
    "x'00ff'",
    'null',
    '0',
    '1',
    '-1',
    "'true'",
    "'{}'",
    'char(0)',
    "'0a0b0c0d-1111-4222-8333-444455556666'",
  ];
  for (const fromType of COLUMN_TYPES) {
    for (const toType of COLUMN_TYPES) {
      if (fromType === toType || !convertible(fromType, toType)) continue;
      const [from, to] = [shape(fromType), shape(toType)];
      await fill(from, nasty);
      await exec(`delete from t where ${ddl.lost(from, to, '"c"')}`);
      const before = await query('select * from t');
      const was = (await connection.look((s) => s.introspect('t')))!;
      const altered = ddl.alterColumn(was, 'c', to, 'u');
      await exec(...ddl.keepValues(was, 'c', '_saga_k').statements, ...altered.statements);
      await exec(
        ...ddl.restoreColumn(altered.live!, 'c', was).statements,
        ...ddl.giveBackValues(was, 'c', '_saga_k', from, to),
        'drop table _saga_k',
      );
      expect([fromType, toType, await query('select * from t')]).toEqual([fromType, toType, before]);
    }
  }
});

test("what was written meanwhile stays; the customer's triggers do not see values given back", async () => {
  const [from, to] = [shape('timestamp'), shape('text')];
  await exec('drop table if exists _saga_k');
  await fill(from, ["'2024-01-01T10:00:00Z'", "'2024-01-02T10:00:00Z'", 'null']);
  await exec('create table seen (n)', 'create trigger watch after update on t begin insert into seen values (1); end');
  const was = (await connection.look((s) => s.introspect('t')))!;
  const altered = ddl.alterColumn(was, 'c', to, 'u');
  await exec(...ddl.keepValues(was, 'c', '_saga_k').statements, ...altered.statements);
  await exec(
    "update t set c = '2030-01-01 00:00:00' where id = 2",
    "insert into t (c) values ('2031-01-01T00:00:00Z')",
    'delete from seen',
  );
  const back = ddl.giveBackValues(was, 'c', '_saga_k', from, to);
  await exec(...ddl.restoreColumn(altered.live!, 'c', was).statements, ...back, ...back);
  expect((await query('select c from t order by id')).map((row) => row['c'])).toEqual([
    '2024-01-01T10:00:00Z',
    '2030-01-01 00:00:00.000',
    null,
    '2031-01-01 00:00:00.000',
  ]);
  expect(await query('select * from seen')).toEqual([]);
  expect(await connection.look((s) => s.introspect('t'))).toEqual(was);
});
