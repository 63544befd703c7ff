import { expect, test } from '@jest/globals';
import type { Case } from './case.js';
import { readOptions } from './options.js';
import { listCases } from './report.js';

const target = { label: 'p50', asked: { atMost: 3 }, moonshot: { atMost: 2 } };
const all: Case[] = [
  { number: '1', name: 'one', what: 'the first', targets: [target], run: () => Promise.resolve() },
  { number: '1b', name: 'other', what: 'the second', targets: [target], notYet: 'it cannot be yet' },
];

test('cases are named, or all are meant', () => {
  const named = (...args: string[]): string[] => readOptions(args, all).cases.map(({ name }) => name);
  expect(named()).toEqual(['one', 'other']);
  expect(named('other')).toEqual(['other']);
  expect(named('1b', '--quick')).toEqual(['other']);
  expect(() => named('none')).toThrow('no case is called none');
  expect(() => named('--nothing')).toThrow('nothing');
});

test('the list tells what is asked, and why a case cannot be measured yet', () => {
  const list = listCases(all);
  expect(list).toContain('p50: asked ≤ 3 ×, moonshot ≤ 2 ×');
  expect(list).toContain('not yet: it cannot be yet');
});
