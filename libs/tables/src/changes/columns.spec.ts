import { describe, expect, test } from '@jest/globals';
import { engineOf, type ColumnChange } from '#byodb';
import { column, play, SOME_ERROR, tableOf } from '../../testing/stream.js';
import { consider } from '../table/outlook.js';
import type { Table } from '../table/table.js';
import { changeColumns, decideColumns } from './columns.js';
import type { TableEvent } from './index.js';

const ID = column({ name: 'id', type: 'integer', primary_key: true });
const failed: TableEvent = { type: 'ChangeRejected', saga_id: 'ahead', kind: 'column.alter', error: SOME_ERROR };

function asked(table: Table, change: ColumnChange, sagaId: string): TableEvent {
  return decideColumns(consider(table), [change], [engineOf('sqlite')], (i) => `columns.${i}`, sagaId);
}

/** What the second of two changes makes of a column, when its turn has come and the first one has failed. */
function behindAFailure(table: Table, ahead: ColumnChange, then: ColumnChange): Table {
  const waiting = play(table, asked(table, ahead, 'ahead'));
  const both = play(waiting, asked(waiting, then, 'then'));
  return play(both, failed);
}

describe('what a change does not name stays as it is, whatever becomes of the changes before it', () => {
  test('a default that a failed change would have set does not come with a new type', () => {
    const table = tableOf([ID, column({ name: 'price', type: 'double' })]);
    const inTurn = behindAFailure(
      table,
      { name: 'price', default: 827 },
      { name: 'price', type: 'decimal', precision: 17, scale: 6 },
    );
    const { change } = inTurn.pending[0]!;
    expect(changeColumns.judge(inTurn, change as never)).toEqual({ do: 'go' });
    expect(changeColumns.foresee(consider(inTurn).ahead, change as never).columns[1]).toMatchObject({
      type: 'decimal',
      precision: 17,
      scale: 6,
      default: null,
    });
  });

  test('a default that was not named follows the type in its own spelling', () => {
    const table = tableOf([ID, column({ name: 'price', type: 'double', default: 827 })]);
    const after = play(table, asked(table, { name: 'price', type: 'decimal', precision: 17, scale: 6 }, 'then'));
    expect(consider(after).ahead.columns[1]).toMatchObject({ type: 'decimal', default: '827' });
  });

  test('a type that a failed change would have set does not come with a new length', () => {
    const table = tableOf([ID, column({ name: 'code', type: 'integer' })]);
    const inTurn = behindAFailure(table, { name: 'code', type: 'string', length: 10 }, { name: 'code', length: 20 });
    const { change } = inTurn.pending[0]!;
    expect(changeColumns.judge(inTurn, change as never)).toEqual({
      do: 'refuse',
      reason: 'length does not belong to integer, which is the type of code',
    });
  });

  test('a new length of a type that stands is all that is set', () => {
    const table = tableOf([ID, column({ name: 'code', type: 'string', length: 10 })]);
    const after = play(table, asked(table, { name: 'code', length: 20 }, 'then'));
    expect(consider(after).pendingOps[0]!.ops).toEqual([{ op: 'alter', name: 'code', set: { length: 20 } }]);
    expect(consider(after).ahead.columns[1]).toMatchObject({ type: 'string', length: 20 });
  });

  test('a precision that is less than the scale by now is refused', () => {
    const table = tableOf([ID, column({ name: 'price', type: 'decimal', precision: 12, scale: 6 })]);
    const inTurn = behindAFailure(table, { name: 'price', scale: 2 }, { name: 'price', precision: 4 });
    const { change } = inTurn.pending[0]!;
    expect(changeColumns.judge(inTurn, change as never)).toEqual({
      do: 'refuse',
      reason: 'the scale of price, 6, exceeds its precision, 4',
    });
  });

  test.each([
    { there: { type: 'decimal', precision: 4, scale: 2 }, asked: { scale: 6 } },
    { there: { type: 'decimal', precision: 12, scale: 8 }, asked: { precision: 5 } },
    { there: { type: 'text' }, asked: { scale: 6 } },
  ] as const)('a size that a database which differs ($there) cannot take ($asked) changes nothing there', (one) => {
    const own = column({ name: 'price', ...one.there });
    const before = tableOf([ID, column({ name: 'price', type: 'decimal', precision: 12, scale: 4 })]);
    const table = { ...before, variants: { d: { columns: [ID, own], beside: [] } } };
    const waiting = play(table, asked(table, { name: 'price', ...one.asked }, 'then'));
    const after = play(waiting, { type: 'ColumnsChanged', saga_id: 'then', columns: before.columns });
    expect(after.variants['d']!.columns).toEqual([ID, own]);
  });
});
