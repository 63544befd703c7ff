import { expect, test } from '@jest/globals';
import { completeColumn, type Column } from '#byodb';
import { leadsTo } from './revert.js';

const column = (name: string): Column => completeColumn({ name, type: 'integer' }).column;
const [id, a, b] = [column('id'), column('a'), column('b')];

test('a revert that was found behind a change that failed does not lead to its version', () => {
  // Found with `b` gone by then, so that nothing drops it; its drop failed.
  expect(leadsTo({ columns: [id, a, b] }, [], { columns: [id, a] })).toBe(false);
  // Found with `b` there by then; it was never added.
  expect(leadsTo({ columns: [id, a] }, [], { columns: [id, a, b] })).toBe(false);
  expect(leadsTo({ columns: [id, a, b] }, [{ op: 'drop', name: 'b' }], { columns: [id, a] })).toBe(true);
  expect(leadsTo({ columns: [id, b] }, [{ op: 'add', column: a }], { columns: [id, a, b] })).toBe(true);
});
