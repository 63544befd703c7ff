import { expect, test } from '@jest/globals';
import type { Result } from './src/matrix.js';
import { drawn, random, shuffle, type Row } from './src/matrix.js';
import { readOptions } from './src/options.js';
import { describe, summarise, table } from './src/report.js';

const result = (part: Partial<Result>): Result => ({
  engine: 'mysql',
  operation: 'add_column',
  direction: 'forward',
  point: { id: 'before engine apply run 1', note: 'alter' },
  end: 'new',
  wasStuck: false,
  saga: 'completed',
  problems: [],
  missed: false,
  successors: [],
  log: [],
  ...part,
});

test('the table counts every case once, and a stuck one as stuck', () => {
  const lines = summarise([
    result({}),
    result({ end: 'old' }),
    result({ end: 'old', wasStuck: true }),
    result({ end: 'wrong', wasStuck: true }),
    result({ engine: 'sqlite', missed: true }),
  ]);
  expect(table(lines)).toBe(
    [
      '| engine | operation  | direction | points | old | new | stuck | wrong | missed |',
      '|--------|------------|-----------|-------:|----:|----:|------:|------:|-------:|',
      '| mysql  | add_column | forward   |      4 |   1 |   1 |     1 |     1 |      0 |',
      '| sqlite | add_column | forward   |      1 |   0 |   1 |     0 |     0 |      1 |',
      '| all    |            |           |      5 |   1 |   2 |     1 |     1 |      1 |',
    ].join('\n'),
  );
});

test('a wrong end says what was wrong and how to meet it again', () => {
  const text = describe(result({ end: 'wrong', successors: [9], problems: ['a row is gone'] }));
  expect(text).toMatch(/a row is gone/);
  expect(text).toMatch(
    /--engine mysql --operation add_column --direction forward --point "before engine apply run 1" --after 9/,
  );
});

test('arguments: everything by default, and what is not known is refused', () => {
  expect(readOptions([])).toMatchObject({ engines: ['postgres', 'mysql', 'sqlite'], seed: 1, point: null });
  expect(readOptions(['--engine', 'sqlite', '--engine', 'mysql', '--seed', '7'])).toMatchObject({
    engines: ['mysql', 'sqlite'],
    seed: 7,
  });
  expect(() => readOptions(['--engine', 'oracle'])).toThrow(/one of postgres, mysql, sqlite/);
  expect(() => readOptions(['--jobs', '0'])).toThrow(/--jobs/);
});

test('the same seed draws the same plan, with every kind of point on every engine', () => {
  const points = [1, 2, 3].map((n) => ({ id: `before engine apply run ${n}`, note: '' }));
  const rows = ['mysql', 'sqlite'].map(
    (engine) => ({ engine, operation: 'add_column', direction: 'forward', points }) as unknown as Row,
  );
  const plan = (seed: number): string[] =>
    drawn(rows, random(seed)).map(({ row, point }) => `${row.engine} ${point.id}`);
  expect(plan(3)).toEqual(plan(3));
  expect(plan(3).map((p) => p.split(' ')[0])).toEqual(['mysql', 'sqlite']);
  expect(shuffle([1, 2, 3, 4, 5, 6, 7, 8], random(3))).toEqual(shuffle([1, 2, 3, 4, 5, 6, 7, 8], random(3)));
  expect(shuffle([1, 2, 3], random(5)).sort()).toEqual([1, 2, 3]);
});
