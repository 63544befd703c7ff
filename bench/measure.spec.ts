import { expect, test } from '@jest/globals';
import { byP50, byP99, byRate, byTime, median, meets, percentile, summarise, type Sample } from './measure.js';

const sample = (ms: number[], seconds: number): Sample => ({ ms, seconds, errors: [] });

test('percentiles and medians', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.99)]).toEqual([51, 100]);
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
  expect(percentile([], 0.5)).toBeNaN();
});

test('a pair is compared as service over denominator', () => {
  const [service, base] = [sample([10, 20, 30], 6), sample([5, 10, 15], 1.5)];
  expect([byP50(service, base), byP99(service, base)]).toEqual([2, 2]);
  expect(byRate(service, base)).toBe(0.25);
  expect(byTime(service, base)).toBe(4);
});

test('a rate is of all blocks together', () => {
  expect(summarise([sample([1, 2], 1), sample([3, 4], 3)])).toEqual({ count: 4, p50: 3, p99: 4, perSecond: 1 });
});

test('a bound that is reached is met', () => {
  expect([meets(3, { atMost: 3 }), meets(3.01, { atMost: 3 })]).toEqual([true, false]);
  expect([meets(0.7, { atLeast: 0.7 }), meets(0.69, { atLeast: 0.7 })]).toEqual([true, false]);
  expect(meets(NaN, { atMost: 3 })).toBe(false);
});
