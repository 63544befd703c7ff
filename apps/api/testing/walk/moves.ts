import fc from 'fast-check';
import { COLUMN_TYPES, type Json, type PortableType } from '#byodb';
import type { ColumnBody } from '../arbitraries.js';

/** `pick`: one of the columns that are there then, so that most moves make sense whatever came before. */
export type ColumnMove =
  | { do: 'add'; name: string; body: Omit<ColumnBody, 'name'> }
  | {
      do: 'alter';
      pick: number;
      to: { type?: number; value?: number; nullable?: boolean; unique?: boolean; length?: number };
    }
  | { do: 'rename'; pick: number; to: string }
  | { do: 'drop'; pick: number };
export type Move = { refusing: boolean } & (
  | { do: 'columns'; changes: ColumnMove[] }
  | { do: 'rename'; to: string }
  | { do: 'drop_restore'; as: string | null }
  | { do: 'revert'; pick: number }
  | { do: 'row'; n: number; whole: boolean }
);

/** Defaults of each type, by number; the first is none. */
const DEFAULTS: Record<PortableType, Json[]> = {
  smallint: [null, 1, -32768],
  integer: [null, 0, 7],
  bigint: [null, '9007199254740993'],
  decimal: [null, '1.50', '0'],
  float: [null, 1.5],
  double: [null, 0.1],
  boolean: [null, true, false],
  string: [null, `it's`, ''],
  text: [null, 'x\\y', ''],
  uuid: [null, { function: 'uuid' }, '6f1c1a52-9d6e-4b7c-8d53-0c2f6f0a7b11'],
  date: [null, '2030-01-31', { function: 'now' }],
  time: [null, '12:30:00', { function: 'now' }],
  timestamp: [null, '2030-01-31T12:30:00Z', { function: 'now' }],
  json: [null, { a: [1, 'x'] }, []],
  binary: [null],
};
export const valueOf = (type: PortableType, n: number): Json => DEFAULTS[type][n % DEFAULTS[type].length]!;
// Few names, so that they meet.
const name = fc.constantFrom('a', 'b', 'B', 'c', 'order', 'Select', '_x', 'l'.repeat(48));
const small = fc.nat({ max: 9 });
const body = fc
  .record({
    type: fc.constantFrom(...COLUMN_TYPES),
    value: small,
    nullable: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    unique: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  })
  .map(({ type, value, nullable, unique }): Omit<ColumnBody, 'name'> => ({
    type,
    nullable,
    unique,
    ...(type === 'string' ? { length: 60 } : {}),
    ...(valueOf(type, value) === null ? {} : { default: valueOf(type, value) }),
  }));
const columnMove: fc.Arbitrary<ColumnMove> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), name, body }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('alter' as const),
      pick: small,
      to: fc.record(
        {
          type: small,
          value: small,
          nullable: fc.boolean(),
          unique: fc.boolean(),
          length: fc.integer({ min: 1, max: 80 }),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), pick: small, to: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), pick: small }) },
);
const refusing = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('columns' as const),
      changes: fc.array(columnMove, { minLength: 1, maxLength: 3 }),
      refusing,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rename' as const), to: fc.constantFrom('one', 'two'), refusing }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('drop_restore' as const), as: fc.constantFrom(null, 'three'), refusing }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('revert' as const), pick: fc.nat({ max: 40 }), refusing }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('row' as const),
      n: fc.nat({ max: 3 }),
      whole: fc.boolean(),
      refusing: fc.constant(false),
    }),
  },
);

export const moves = fc.record({
  columns: fc
    .tuple(
      fc.boolean(),
      fc.uniqueArray(fc.record({ name, body }), { minLength: 1, maxLength: 5, selector: (c) => c.name.toLowerCase() }),
    )
    .map(([keyed, all]): ColumnBody[] => [
      ...(keyed ? [{ name: 'id', type: 'integer' as const, primary_key: true, generated: true }] : []),
      ...all.map((c) => ({ name: c.name, ...c.body })),
    ]),
  moves: fc.array(move, { minLength: 3, maxLength: 12 }),
});
