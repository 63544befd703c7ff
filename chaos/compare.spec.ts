import { describe, expect, test } from '@jest/globals';
import {
  compareNames,
  compareRows,
  compareSaga,
  compareSchema,
  compareShown,
  sameValue,
  type LiveTable,
  type Shown,
  type ShownSaga,
} from './compare.js';
import { made } from './columns.js';
import type { ModelTable, WrittenRow } from './model.js';

const model: ModelTable = {
  table: 0,
  tableId: 'id',
  name: 't',
  databases: ['pg'],
  exists: true,
  dropped: false,
  names: new Map([
    ['k0', new Set([0])],
    ['a', new Set([1])],
    ['b', new Set([2])],
  ]),
  columns: [
    made({ name: 'k0', type: 'bigint', primary_key: true }, 0),
    made({ name: 'a', type: 'string', length: 20, nullable: false, default: 'x' }, 1),
    made({ name: 'b', type: 'decimal', precision: 16, scale: 4, unique: true }, 2),
  ],
};
const live = (): LiveTable => ({
  name: 't',
  aside: [],
  columns: [
    { name: 'k0', native: 'bigint', nullable: false, unique: false, primaryKey: true, hasDefault: false },
    { name: 'a', native: 'character varying(20)', nullable: false, unique: false, primaryKey: false, hasDefault: true },
    { name: 'b', native: 'numeric(16,4)', nullable: true, unique: true, primaryKey: false, hasDefault: false },
  ],
});
const shown = (): Shown => ({
  table_id: 'id',
  name: 't',
  exists: true,
  synced: true,
  status: 'active',
  databases: ['pg'],
  columns: Object.fromEntries(
    model.columns.map((c) => [
      c.name,
      {
        name: c.name,
        type: c.type,
        ...(c.length === null ? {} : { length: c.length }),
        ...(c.precision === null ? {} : { precision: c.precision, scale: c.scale! }),
        nullable: c.nullable,
        default: c.default,
        unique: c.unique,
        primary_key: c.primaryKey,
        generated: false,
      },
    ]),
  ),
});
const written = (): WrittenRow[] =>
  [1, 2].map((key) => ({
    table: 0,
    database: 'pg',
    key,
    certain: true,
    lastWriteAt: 0,
    values: [
      { name: 'a', allowed: [`v${key}`] },
      { name: 'b', allowed: [`${key}.25`] },
    ],
  }));
const rows = (): Record<string, string | null>[] => [
  { k0: '1', a: 'v1', b: '1.2500' },
  { k0: '2', a: 'v2', b: '2.2500' },
];

test('what is as it must be is not reported', () => {
  expect([
    ...compareSchema(model, 'pg', 'postgres', live()),
    ...compareShown(model, shown()),
    ...compareNames('pg', ['t', '_saga_ledger'], ['t']),
    ...compareRows(model, 'pg', written(), rows()),
  ]).toEqual([]);
});

describe('planted inconsistencies are found', () => {
  test.each<[string, RegExp, (table: LiveTable) => void]>([
    [
      'a missing column',
      /has columns k0, a,/,
      (t) => {
        t.columns.pop();
      },
    ],
    [
      'one too many',
      /has columns k0, a, b, c,/,
      (t) => {
        t.columns.push({ ...t.columns[2]!, name: 'c' });
      },
    ],
    [
      'another order',
      /has columns k0, b, a,/,
      (t) => {
        t.columns.push(t.columns.splice(1, 1)[0]!);
      },
    ],
    [
      'another type',
      /a: type is text/,
      (t) => {
        t.columns[1]!.native = 'text';
      },
    ],
    [
      'a lost NOT NULL',
      /a: nullable is true/,
      (t) => {
        t.columns[1]!.nullable = true;
      },
    ],
    [
      'a lost unique',
      /b: unique is false/,
      (t) => {
        t.columns[2]!.unique = false;
      },
    ],
    [
      'a lost default',
      /a: having a default is false/,
      (t) => {
        t.columns[1]!.hasDefault = false;
      },
    ],
    [
      'a lost key',
      /k0: primary key is false/,
      (t) => {
        t.columns[0]!.primaryKey = false;
      },
    ],
  ])('%s', (_what, message, break_) => {
    const table = live();
    break_(table);
    expect(compareSchema(model, 'pg', 'postgres', table)).toEqual([
      { kind: 'inconsistency', table: 0, database: 'pg', message: expect.stringMatching(message) },
    ]);
  });

  test('a missing table, one that should be gone, one that nobody asked for', () => {
    expect(compareSchema(model, 'pg', 'postgres', undefined)).toHaveLength(1);
    expect(compareSchema({ ...model, exists: false }, 'pg', 'postgres', live())).toHaveLength(1);
    expect(compareNames('pg', ['t', 'u'], ['t'])).toEqual([
      expect.objectContaining({ message: expect.stringContaining('u is there') }),
    ]);
  });

  test('a lost row, a lost or changed value, a row twice, a row from nowhere', () => {
    const found = (change: (all: Record<string, string | null>[]) => void): string[] => {
      const all = rows();
      change(all);
      return compareRows(model, 'pg', written(), all).map((f) => `${f.kind}: ${f.message}`);
    };
    expect(
      found((all) => {
        all.pop();
      }),
    ).toEqual(['lost row: t: row 2 is not there']);
    expect(
      found((all) => {
        all[0]!['a'] = null;
      }),
    ).toEqual(['lost row: t: row 1 has a = null, and "v1" was written']);
    expect(
      found((all) => {
        all[1]!['b'] = '2.2';
      }),
    ).toHaveLength(1);
    expect(
      found((all) => {
        all.push(all[0]!);
      }),
    ).toEqual(['lost row: t: a key is there twice']);
    expect(
      found((all) => {
        all.push({ k0: '3', a: 'x', b: null });
      }),
    ).toEqual(['lost row: t: row 3 was written by nobody']);
  });

  test('an answer that says something else', () => {
    expect(compareShown(model, null)).toHaveLength(1);
    expect(compareShown(model, { ...shown(), synced: false, name: 'u' })).toHaveLength(2);
    expect(compareShown({ ...model, exists: false }, shown()).length).toBeGreaterThan(0);
  });

  test('a saga whose record contradicts itself', () => {
    const saga = (status: string, code: string | null, after: string): ShownSaga => ({
      saga_id: 's',
      kind: 'column.add',
      table_id: 'id',
      status,
      started_at: null,
      error: code === null ? null : { code, message: '', database: null },
      steps: [
        {
          step_id: '1',
          database: 'pg',
          operation: 'add_column',
          phase: 'apply',
          status: 'compensated',
          fingerprint_before: 'f',
          fingerprint_after: after,
          error: null,
        },
      ],
    });
    const item = { table: 0, poisoned: false };
    expect(compareSaga(saga('compensated', 'aborted', 'f'), ['StepIntended'], item)).toEqual([]);
    expect(compareSaga(saga('compensated', 'aborted', 'g'), ['StepIntended'], item)).toHaveLength(1);
    expect(compareSaga(saga('compensated', 'aborted', 'f'), [], item)).toHaveLength(1);
    expect(
      compareSaga(saga('compensated', 'drift_detected', 'f'), ['StepIntended'], { ...item, takenLate: true }),
    ).toEqual([]);
    const [at, step] = [
      Date.parse('2026-01-01T00:00:01Z'),
      { ...saga('compensated', 'aborted', 'g').steps[0]!, finished_at: '2026-01-01T00:00:02Z' },
    ];
    const touchedSaga = { ...saga('compensated', 'aborted', 'g'), started_at: '2026-01-01T00:00:00Z', steps: [step] };
    expect(
      compareSaga(touchedSaga, ['StepIntended'], item, true, [{ table: item.table, database: step.database, at }]),
    ).toEqual([]);
    expect(
      compareSaga(touchedSaga, ['StepIntended'], item, true, [
        { table: item.table, database: step.database, at: at + 5000 },
      ]),
    ).toHaveLength(1);
    expect(compareSaga(saga('rejected', 'aborted', 'f'), ['StepIntended'], item)).toHaveLength(1);
    expect(compareSaga(saga('compensated', 'drift_detected', 'f'), ['StepIntended'], item)).toHaveLength(1);
    expect(compareSaga(saga('completed', null, 'f'), ['StepIntended'], { ...item, poisoned: true })).toHaveLength(1);
  });
});

test('values are compared by meaning, whatever an engine prints', () => {
  expect(
    [
      [5, '5.00'],
      [true, 't'],
      [0, 'false'],
      ['2021-01-01 00:00:07', '2021-01-01 00:00:07.000000'],
      ['2020-01-05', '2020-01-05 00:00:00+00'],
      ['{"n":1}', '{"n": 1}'],
      [null, null],
    ].every(([a, b]) => sameValue(a as string, b as string)),
  ).toBe(true);
  expect(
    [
      [5, '6'],
      ['v1', 'v'],
      [null, ''],
      ['x', null],
      ['2020-01-05', '2020-01-06'],
    ].some(([a, b]) => sameValue(a as string, b as string)),
  ).toBe(false);
});
