import { expect, test } from '@jest/globals';
import { kindOf, Points, worthTaking, type Point } from './src/points.js';

const at = (id: string, note = ''): Point => ({ id, note });

test('dies at the point that was asked for, and at no other', async () => {
  const deaths: number[] = [];
  const points: Points = new Points('after engine apply run 2', () => {
    deaths.push(points.met.length);
  });
  for (const sql of ['a', 'b', 'c']) await points.around('engine apply run', sql, async () => undefined, false);
  expect(deaths).toEqual([4]);
  expect(points.met.map((p) => `${p.id}: ${p.note}`)).toEqual(
    ['a', 'b', 'c'].flatMap((sql, i) => [
      `before engine apply run ${i + 1}: ${sql}`,
      `after engine apply run ${i + 1}: ${sql}`,
    ]),
  );
});

test('an act that fails has an end too', async () => {
  const points = new Points(null);
  await expect(points.around('engine apply run', '', () => Promise.reject(new Error('refused')), true)).rejects.toThrow(
    'refused',
  );
  expect(points.met.map((p) => p.id)).toEqual([
    'before engine apply run 1',
    'while engine apply run 1',
    'after engine apply run 1',
  ]);
});

test('one kill stands for an end and the beginning right after it on the same database', () => {
  const met = [
    at('before engine apply run 1'),
    at('after engine apply run 1'),
    at('before engine apply run 2'),
    at('after engine apply run 2'),
    at('before core append 4', 'StepApplied'),
    at('before other apply run 1'),
  ];
  expect(worthTaking(met, 'forward').map((p) => p.id)).toEqual([
    'before engine apply run 1',
    'before engine apply run 2',
    'after engine apply run 2',
    'before core append 4',
  ]);
});

test('a way back begins where its direction parts from the way forward', () => {
  const refusal = [
    at('before core append 1', 'SagaStarted'),
    at('before engine apply ledger 1', 'intended'),
    at('before engine apply run 1'),
    at('after engine apply run 1'),
    at('before core append 4', 'StepFailed + CompensationStarted'),
    at('after core append 4', 'StepFailed + CompensationStarted'),
  ];
  expect(worthTaking(refusal, 'refused')[0]!.id).toBe('before engine apply ledger 1');
  expect(worthTaking(refusal, 'compensate')[0]!.id).toBe('before core append 4');
  expect(worthTaking(refusal, 'late')[0]!.id).toBe('after core append 4');
});

test('kinds leave numbers and statements out and keep what is recorded', () => {
  expect(
    [
      at('while engine apply run 3', 'alter table'),
      at('before engine apply ledger 2', 'intended'),
      at('after core append 5', 'StepApplied + StepIntended'),
    ].map(kindOf),
  ).toEqual(['while engine apply run', 'before engine apply ledger intended', 'after core append StepApplied']);
});
