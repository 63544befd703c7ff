import { expect, test } from '@jest/globals';
import { cases } from './index.js';

test('every case has a name of its own, and figures that are asked of it', () => {
  const numbers = cases.map(({ number }) => number);
  expect(numbers).toEqual('1 1b 2 3 4 5 6 7 8 9 10 11 12 13 13b 13c 14 15 16 17 18'.split(' '));
  const names = cases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, targets } of cases) expect([name, targets.length > 0]).toEqual([name, true]);
});

test('whatever reaches the moonshot has what was asked', () => {
  for (const { name, targets } of cases)
    for (const { label, asked, moonshot } of targets) {
      const further =
        'atMost' in asked && 'atMost' in moonshot
          ? moonshot.atMost <= asked.atMost
          : 'atLeast' in asked && 'atLeast' in moonshot && moonshot.atLeast >= asked.atLeast;
      expect([name, label, further]).toEqual([name, label, true]);
    }
});
