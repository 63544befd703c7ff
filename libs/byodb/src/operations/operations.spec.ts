import { describe, expect, test } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { completeColumn } from '../schema/column-input.js';
import type { Plan } from '../operation.js';
import { effectOnHistory, operationKinds, operationOf, setAsideBy } from './index.js';

const STEP = '0197b2c4-0000-7000-8000-000000000001';
const ASIDE = '_saga_0197b2c4000070008000000000000001';

const planOf = (operation: string, params: object, table_after = 't'): Plan => ({
  operation,
  params: { step_id: STEP, ...params },
  table_id: 'T',
  table: 't',
  table_after,
  shown_after: 't',
  before: [],
  after: [],
  was: null,
  columns_after: [],
  statements: [],
  compensation: [],
  reason: '',
});

describe('the registry of operations', () => {
  test.each(operationKinds)('%s is entered under the name that its plans bear', (kind) => {
    expect(operationOf(kind).kind).toBe(kind);
  });

  /** What the folder holds beside one file for each operation. */
  const FRAME = ['checks.ts', 'index.ts'];

  test('every file of the folder is an operation that is entered in index.ts', async () => {
    const folder = fileURLToPath(new URL('.', import.meta.url));
    const files = (await readdir(folder)).filter((file) => !file.endsWith('.spec.ts') && !FRAME.includes(file));
    const entered = new Set<unknown>(operationKinds.map((kind) => operationOf(kind)));
    for (const file of files) {
      const exported = Object.values((await import(`./${basename(file, '.ts')}.js`)) as object);
      const operations = exported.filter((one) => entered.has(one)).length;
      expect({ file, 'entered in index.ts': operations }).toEqual({ file, 'entered in index.ts': 1 });
    }
    expect(files.length).toBe(operationKinds.length);
  });

  test.each(['create_trigger', 'toString', '__proto__'])('a plan of a kind that is not known says so: %s', (kind) => {
    expect(() => operationOf(kind)).toThrow(`a step of the kind ${kind} was planned by a newer version`);
  });
});

describe('what a step leaves aside', () => {
  test.each<[string, object, string, object]>([
    ['drop_table', {}, ASIDE, { what: 'table', name: 't', aside: ASIDE }],
    ['drop_column', { name: 'c' }, 't', { what: 'column', name: 'c', aside: ASIDE }],
    ['keep_values', { name: 'c' }, ASIDE, { what: 'values', name: 'c', aside: ASIDE }],
  ])('%s', (kind, params, after, left) => {
    expect(setAsideBy(planOf(kind, params, after))).toEqual(left);
  });

  test('all others leave nothing', () => {
    const others = operationKinds.filter((kind) => !['drop_table', 'drop_column', 'keep_values'].includes(kind));
    for (const kind of others) expect([kind, setAsideBy(planOf(kind, {}))]).toEqual([kind, null]);
  });
});

test('what a step says of its table: gone, nothing, or that it stands', () => {
  const columns = [completeColumn({ name: 'id', type: 'integer' }).column];
  const effects = Object.fromEntries(
    operationKinds.map((kind) => [kind, effectOnHistory({ operation: kind, columns_after: columns })]),
  );
  const { drop_table: dropped, purge: purged, ...others } = effects;
  expect([dropped, purged, new Set(Object.values(others))]).toEqual(['gone', 'none', new Set(['stands'])]);
  // Adopted without columns, it was found to be gone.
  expect(effectOnHistory({ operation: 'adopt', columns_after: [] })).toBe('gone');
});
