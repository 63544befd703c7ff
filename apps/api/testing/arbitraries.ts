import fc from 'fast-check';
import { COLUMN_TYPES, type ColumnType, type Json } from '#byodb';

/**
 * `PROPERTY_SEED` and `PROPERTY_RUNS` widen what is tried, `PROPERTY_PATH` goes to one case of it again; without them
 * every run tries the same.
 */
export function parameters(runs: number): {
  seed: number;
  numRuns: number;
  path?: string;
  interruptAfterTimeLimit: number;
  markInterruptAsFailure: boolean;
} {
  const { PROPERTY_SEED: seed, PROPERTY_RUNS: more, PROPERTY_PATH: path } = process.env;
  // A failing case is made smaller for a while, not until it is smallest.
  return {
    seed: seed === undefined ? 4 : Number(seed),
    numRuns: more === undefined ? runs : Number(more),
    markInterruptAsFailure: true,
    ...(path === undefined ? {} : { path }),
    interruptAfterTimeLimit: more === undefined ? 240_000 : Number(more) * 20_000,
  };
}

/** Milliseconds that a property of so many runs may take. */
export function patience(): number {
  return process.env['PROPERTY_RUNS'] === undefined ? 300_000 : 24 * 3_600_000;
}

/** As a caller sends it. */
export interface ColumnBody {
  name: string;
  type: ColumnType;
  length?: number;
  precision?: number;
  scale?: number;
  nullable?: boolean;
  default?: Json;
  unique?: boolean;
  primary_key?: boolean;
  generated?: boolean;
}

const NUL = '\0';
const wellFormed = (text: string): boolean => !text.includes(NUL) && !/\p{Surrogate}/u.test(text);

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '',
      ' ',
      `it's`,
      `''`,
      'a\\b',
      `\\'`,
      '"',
      '`',
      '$1',
      '${x}',
      '?',
      ':x',
      '%',
      ';--',
      '/* */',
      '\n',
      '\r\n',
      '\t',
      '\x7f',
      '\u00a0',
      '\u{1F600}',
      'null',
      'NULL',
      'now()',
      'CURRENT_TIMESTAMP',
      `nextval('x')`,
      '0',
      'true',
      `E'\\n'`,
      'ß',
      '\u202e',
      '\ufeff',
    ),
  )
  .filter(wellFormed);

const two = (n: number): string => String(n).padStart(2, '0');
const date = fc.date({
  min: new Date('1000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});
const day = date.map((d) => d.toISOString().slice(0, 10));
const fraction = fc.oneof(fc.constant(''), fc.stringMatching(/^\.[0-9]{1,6}$/));
const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 59 }), fraction)
  .map(([h, m, s, f]) => `${two(h)}:${two(m)}:${two(s)}${f}`);
const now = fc.constant({ function: 'now' });

function decimal(precision: number, scale: number): fc.Arbitrary<string> {
  return fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** BigInt(precision) - 1n })).map(([minus, digits]) => {
    const padded = digits.toString().padStart(scale + 1, '0');
    const [whole, rest] = [padded.slice(0, padded.length - scale), padded.slice(padded.length - scale)];
    return `${minus ? '-' : ''}${whole}${scale === 0 ? '' : `.${rest}`}`;
  });
}

/** Any default that the API takes for the type. */
export function defaultOf({
  type,
  length,
  precision,
  scale,
}: Pick<ColumnBody, 'type' | 'length' | 'precision' | 'scale'>): fc.Arbitrary<Json> | null {
  switch (type) {
    case 'smallint':
      return fc.integer({ min: -32768, max: 32767 });
    case 'integer':
      return fc.integer();
    case 'bigint':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
    case 'decimal':
      return decimal(precision!, scale!);
    case 'float':
      return fc.float({ noNaN: true, noDefaultInfinity: true });
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'string':
      return text.filter((value) => [...value].length <= length!);
    case 'text':
      return text;
    case 'uuid':
      return fc.oneof(fc.uuid(), fc.constant({ function: 'uuid' }));
    case 'date':
      return fc.oneof(day, now);
    case 'time':
      return fc.oneof(time, now);
    case 'timestamp':
      return fc.oneof(
        fc.tuple(day, time).map(([d, t]) => `${d}T${t}Z`),
        now,
      );
    case 'json':
      return fc
        .jsonValue({ maxDepth: 2 })
        .filter(
          (value) =>
            value !== null && !JSON.stringify(value).includes('\\u0000') && !/\\ud[89a-f]/i.test(JSON.stringify(value)),
        ) as fc.Arbitrary<Json>;
    case 'binary':
    case 'native':
      return null;
  }
}

const size: fc.Arbitrary<Pick<ColumnBody, 'type' | 'length' | 'precision' | 'scale'>> = fc
  .constantFrom(...COLUMN_TYPES)
  .chain((type): fc.Arbitrary<Pick<ColumnBody, 'type' | 'length' | 'precision' | 'scale'>> => {
    if (type === 'string')
      return fc
        .oneof(
          { weight: 9, arbitrary: fc.integer({ min: 1, max: 300 }) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: 16383 }) },
        )
        .map((length) => ({ type, length }));
    if (type === 'decimal')
      return fc
        .integer({ min: 1, max: 38 })
        .chain((precision) =>
          fc.integer({ min: 0, max: Math.min(30, precision) }).map((scale) => ({ type, precision, scale })),
        );
    return fc.constant({ type });
  });

const FORBIDDEN = /^(__|sqlite_|pg_|_saga_)/i;
export const columnName = fc.oneof(
  fc.constantFrom(
    'order',
    'Select',
    'group',
    'user',
    'table',
    'default',
    'rowid',
    'oid',
    'key',
    'Value',
    'check',
    'primary',
    '_',
    'x'.repeat(48),
    'desc',
    'limit',
    'current_timestamp',
    'ctid',
    'xmin',
    'generated',
  ),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,15}$/).filter((name) => !FORBIDDEN.test(name)),
);

/** Any column that the API takes; its engine may still refuse it. */
export const column: fc.Arbitrary<ColumnBody> = fc
  .record({
    name: columnName,
    size,
    nullable: fc.boolean(),
    unique: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  })
  .chain(({ name, size: own, nullable, unique }) => {
    const value = defaultOf(own);
    return fc.option(value ?? fc.constant(null), { nil: undefined }).map((given): ColumnBody => ({
      name,
      ...own,
      nullable,
      unique,
      ...(given === undefined || given === null ? {} : { default: given }),
    }));
  });

export function columns(min: number, max: number): fc.Arbitrary<ColumnBody[]> {
  return fc.uniqueArray(column, { minLength: min, maxLength: max, selector: ({ name }) => name.toLowerCase() });
}
