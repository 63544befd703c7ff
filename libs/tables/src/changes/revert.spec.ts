import { describe, expect, test } from '@jest/globals';
import { engineOf, type Column, type Engine, type Index } from '#byodb';
import type { StoredEvent } from '#event-store';
import { appliedStep } from '../../testing/ended-saga.js';
import { alteredColumn, ASIDE, droppedColumn, FOUND } from '../../testing/past-steps.js';
import { given } from '../../testing/spec-kit.js';
import { column, RECORDED_AT, SOME_ERROR } from '../../testing/stream.js';
import {
  changingColumns,
  changingIndexes,
  columnsChanged,
  created,
  creating,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  indexesChanged,
  LATER,
  purged,
  purging,
  renamed,
  renaming,
  restoring,
  THERE,
  TOO_LATE,
} from '../../testing/table-events.js';
import { playForward, type Point } from '../history/point.js';
import type { ColumnOp, Retype } from '../table/event-parts.js';
import type { Considered } from '../table/table.js';
import type { EventOf, RequestEvent, TableEvent } from './index.js';
import { decideRevert, leadsTo, revert } from './revert.js';

const A = column({ name: 'a', type: 'text' });
const B = column({ name: 'b', type: 'text' });
const addB: ColumnOp = { op: 'add', column: B };
const dropA: ColumnOp = { op: 'drop', name: 'a' };

/** The version at which the table stands first. */
const MADE = 2;

interface How {
  now?: string;
  engines?: Engine[];
  retypes?: Record<string, Retype[]>;
}
const to =
  (version: number, { now = RECORDED_AT, engines = [engineOf('sqlite')], retypes = {} }: How = {}) =>
  (considered: Considered, events: TableEvent[]): RequestEvent => {
    const points = pointsOf(events);
    return decideRevert(considered, points.at(-1)!, points[version - 1]!, engines, Date.parse(now), 'revert', retypes);
  };

function pointsOf(events: TableEvent[]): Point[] {
  return playForward(
    't',
    events.map(({ type, ...data }, i): StoredEvent => ({
      event_id: `${i}`,
      position: i + 1,
      stream: 'table-t',
      version: i + 1,
      type,
      schema_version: 1,
      data,
      metadata: { correlation_id: '', causation_id: null, actor: '' },
      recorded_at: RECORDED_AT,
      hash: '',
    })),
  );
}

function reverting(ops: ColumnOp[], { name = 'first', version = MADE } = {}): EventOf<'TableRevertRequested'> {
  return { type: 'TableRevertRequested', saga_id: 'revert', to_version: version, name, ops };
}
function reverted(columns: Column[], name = 'first', until: string | null = null): EventOf<'TableReverted'> {
  return { type: 'TableReverted', saga_id: 'revert', name, columns, reversible_until: until };
}

const withA = created({ columns: [ID, A] });
/** `a` was dropped and is kept. */
const droppedA = [...withA, changingColumns(dropA), columnsChanged([ID], LATER)];
/** What brings it back to where it stood; `ID` and `a` are marked by the version that made them. */
const bringBackA: ColumnOp = { op: 'bring_back', column: A, saga_id: 'columns', after: 'id', mark: '2:a' };
const addedB = [...withA, changingColumns(addB), columnsChanged([ID, A, B])];

describe('what is asked for', () => {
  test('a column that came goes', () => {
    given(addedB)
      .when(to(MADE))
      .then(reverting([{ op: 'drop', name: 'b' }]));
  });

  test('a column that went comes back with its values, where it stood', () => {
    given(droppedA)
      .when(to(MADE))
      .then(reverting([bringBackA]));
  });

  test('the table has its former name again', () => {
    given(withA, renaming('second'), renamed('second')).when(to(MADE)).then(reverting([]));
    given(withA, renaming('second'), renamed('second'), renaming('third', 'second'), renamed('third'))
      .when(to(4))
      .then(reverting([], { name: 'second', version: 4 }));
  });

  test('a column that was renamed has its former name again, and no other one', () => {
    given(
      withA,
      changingColumns({ op: 'rename', name: 'a', to: 'z', set: null }),
      columnsChanged([ID, { ...A, name: 'z' }]),
    )
      .when(to(MADE))
      .then(reverting([{ op: 'rename', name: 'z', to: 'a', set: null }]));
  });

  test('columns that changed names with each other get them back', () => {
    const swap: ColumnOp[] = [
      { op: 'rename', name: 'a', to: 'x', set: null },
      { op: 'rename', name: 'b', to: 'a', set: null },
      { op: 'rename', name: 'x', to: 'b', set: null },
    ];
    const swapped = [ID, { ...A, name: 'b' }, { ...B, name: 'a' }];
    given(created({ columns: [ID, A, B] }), changingColumns(...swap), columnsChanged(swapped))
      .when(to(MADE))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: [ID, A, B] });
  });

  test('another column that got the name of a dropped one is not taken for it', () => {
    const other = column({ name: 'a', type: 'text', nullable: false });
    given(
      droppedA,
      { ...changingColumns({ op: 'add', column: other }), saga_id: 'more' },
      { ...columnsChanged([ID, other]), saga_id: 'more' },
    )
      .when(to(MADE))
      .then(reverting([dropA, bringBackA]));
  });

  test('only what differs is altered', () => {
    const altered = { ...A, nullable: false, unique: true };
    given(
      withA,
      changingColumns({ op: 'alter', name: 'a', set: { nullable: false, unique: true } }),
      columnsChanged([ID, altered]),
    )
      .when(to(MADE))
      .then(reverting([{ op: 'alter', name: 'a', set: { nullable: true, unique: false } }]));
  });

  test('a change of its type is undone by what that one kept', () => {
    const number = column({ name: 'a', type: 'integer' });
    const events = [
      ...created({ columns: [ID, number] }),
      changingColumns({ op: 'alter', name: 'a', set: { type: 'text' } }),
      columnsChanged([ID, A], LATER),
    ];
    const undoes = [{ saga_id: 'columns', name: 'a' }];
    given(events)
      .when(to(MADE, { retypes: { '2:a': undoes } }))
      .then(reverting([{ op: 'alter', name: 'a', set: { type: 'integer' }, undoes }]));
  });

  test('behind a change that may fail everything is named', () => {
    given(withA, renaming('second'))
      .when(to(MADE))
      .then(
        reverting([
          {
            op: 'alter',
            name: 'id',
            set: {
              type: 'integer',
              length: null,
              precision: null,
              scale: null,
              nullable: false,
              default: null,
              unique: false,
            },
          },
          {
            op: 'alter',
            name: 'a',
            set: {
              type: 'text',
              length: null,
              precision: null,
              scale: null,
              nullable: true,
              default: null,
              unique: false,
            },
          },
        ]),
      );
  });

  test('a column that a change ahead of it is still to drop comes back', () => {
    given(withA, changingColumns(dropA))
      .when(to(MADE))
      .inTurn(columnsChanged([ID], LATER))
      .itIs('go')
      .itLeaves({ columns: [ID, A] });
  });

  test('while it is pending nothing is destroyed, and its name is reserved', () => {
    given(withA, renaming('second'), renamed('second'))
      .when(to(MADE))
      .itMeans({ names: ['first'], destroys: [], bringsTo: [], bringsBack: true, isForGood: false });
  });
});

describe('what is refused', () => {
  test('a table that is dropped, or is to be, or whose creation failed', () => {
    given(withA, dropping()).when(to(MADE)).thenRefused('table_dropped');
    given(withA, dropping(), dropped()).when(to(MADE)).thenRefused('table_dropped');
    given(creating(), failed('create', 'table.create')).when(to(1)).thenRefused('table_failed');
  });

  test('a version at which there was no table', () => {
    given(withA)
      .when(to(1))
      .thenRefused('unsupported_change', /at version 1 there was no table/);
  });

  test('a column whose time is over', () => {
    given(droppedA)
      .when(to(MADE, { now: TOO_LATE }))
      .thenRefused('retention_expired', /a was dropped, and its values are not kept/);
    given(droppedA)
      .when(to(MADE, { now: LATER }))
      .thenRefused('retention_expired');
  });

  test('a column that was purged, or is to be', () => {
    given(droppedA, purging('columns'), purged('columns')).when(to(MADE)).thenRefused('retention_expired');
    given(droppedA, purging('columns')).when(to(MADE)).thenRefused('retention_expired');
  });

  test('a type that no engine turns into the former one', () => {
    // Two conversions, each of which is possible.
    const [boolean, number, text] = (['boolean', 'integer', 'text'] as const).map((type) =>
      column({ name: 'a', type }),
    );
    given(
      created({ columns: [ID, boolean!] }),
      changingColumns({ op: 'alter', name: 'a', set: { type: 'integer' } }),
      columnsChanged([ID, number!], LATER),
      { ...changingColumns({ op: 'alter', name: 'a', set: { type: 'text' } }), saga_id: 'more' },
      { ...columnsChanged([ID, text!], LATER), saga_id: 'more' },
    )
      .when(to(MADE))
      .thenRefused('unsupported_change', /text cannot become boolean again/);
  });

  test('what one of the engines does not build', () => {
    const unique = column({ name: 'a', type: 'text', unique: true });
    given(
      created({ columns: [ID, unique] }),
      changingColumns({ op: 'alter', name: 'a', set: { unique: false } }),
      columnsChanged([ID, A]),
    )
      .when(to(MADE, { engines: [engineOf('mysql')] }))
      .thenRefused('unsupported_change', /^mysql: a cannot be unique/);
  });
});

describe('in its turn', () => {
  test('name and columns are what they were, and what it dropped is kept', () => {
    given(addedB)
      .when(to(MADE))
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', columns: [ID, A] })
      .thenDone(reverted([ID, A], 'first', LATER), LATER)
      .thenTableIs({ columns: [ID, A], set_aside: [{ saga_id: 'revert', what: 'part', reversible_until: LATER }] });
  });

  test('to what the table is already there is nothing to do', () => {
    given(withA).when(to(MADE)).inTurn().itIs('nothing');
  });

  test('behind a rename that failed there is nothing to do', () => {
    given(withA, renaming('second')).when(to(MADE)).inTurn(failed('rename', 'table.rename')).itIs('nothing');
  });

  test('a column that a drop ahead of it left standing stands in its way', () => {
    given(withA, changingColumns(dropA))
      .when(to(MADE))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /column a is not kept any more/ });
  });

  test('a column that never came to be cannot go', () => {
    given(withA, changingColumns(addB))
      .when(to(MADE))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /there is no column b any more/ });
  });

  test('behind a restore that failed it is refused', () => {
    given(withA, dropping(), dropped(), restoring())
      .when(to(MADE))
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });

  test('history takes the order of the first database, where a column that came back stands last', () => {
    given(droppedA)
      .when(to(MADE))
      .inTurn()
      .thenDone(reverted([A, ID]), null, [appliedStep(HERE, 'restore_column', [A, ID])])
      .thenTableIs({ columns: [A, ID], variants: {} });
  });
});

describe('in a database', () => {
  const there = { columns: [droppedColumn(HERE, 'a')] };
  const backAfterId = { do: 'restore_column', table: 'first', aside: ASIDE, former: FOUND, column: A } as const;

  test('a column that came is dropped', async () => {
    await given(addedB)
      .when(to(MADE))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID, A, B], indexes: [] })
      .itAsks({ do: 'drop_column', table: 'first', name: 'b' });
  });

  test('the former name of the table comes last', async () => {
    await given(addedB, renaming('second'), renamed('second'))
      .when(to(MADE))
      .inTurn()
      .on(HERE)
      .itAsks({ do: 'drop_column', table: 'second', name: 'b' }, { do: 'rename_table', table: 'second', to: 'first' });
  });

  test('a column that went comes back from what was set aside there, to its place', async () => {
    await given(droppedA)
      .when(to(MADE))
      .inTurn()
      .on(HERE, there)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ ...backAfterId, after: 'id' });
  });

  test('a column of the primary key comes back with the key', async () => {
    const key = { ...A, primary_key: true, nullable: false };
    await given(created({ columns: [ID, key] }), changingColumns(dropA), columnsChanged([ID], LATER))
      .when(to(MADE))
      .inTurn()
      .on(HERE, there)
      .itAsks({ ...backAfterId, column: key, after: 'id', key: ['id', 'a'] });
  });

  test('where the table came after the drop the column is made anew, as it will be', async () => {
    const altered = { ...A, unique: true };
    const undoing: ColumnOp[] = [
      bringBackA,
      { op: 'rename', name: 'a', to: 'z', set: null },
      { op: 'alter', name: 'z', set: { unique: true } },
    ];
    await given(droppedA)
      .when(() => reverting(undoing))
      .inTurn()
      .on(THERE, there)
      .itAsks({ do: 'add_column', table: 'first', column: { ...altered, name: 'z' } });
  });

  test('where the table came after the drop, what is of a key or of another engine cannot be made', async () => {
    const native: Column = { ...A, type: 'native', native: { engine: 'sqlite', type: 'point' } };
    for (const column of [{ ...A, primary_key: true, nullable: false }, native])
      await given(created({ columns: [ID, column] }), changingColumns(dropA), columnsChanged([ID], LATER))
        .when(() => reverting([{ ...bringBackA, column }]))
        .inTurn()
        .on(THERE, there)
        .itCannot('unsupported_change', /a was dropped before the table came to this database/);
  });

  describe('where a column became a text', () => {
    const number = column({ name: 'a', type: 'integer', unique: true });
    const undoes = [{ saga_id: 'columns', name: 'a' }];
    const changed = [
      ...created({ columns: [ID, number] }),
      changingColumns({ op: 'alter', name: 'a', set: { type: 'text', unique: false } }),
      columnsChanged([ID, A], LATER),
    ];
    const toNumber = { do: 'alter_column', table: 'first', from: A, to: number } as const;
    const back = to(MADE, { retypes: { '2:a': undoes } });

    test('it becomes what it was from what was found there, with the values that were kept', async () => {
      await given(changed)
        .when(back)
        .inTurn()
        .on(HERE, { columns: [alteredColumn(HERE, number, A, ASIDE)] })
        .itAsks({ ...toNumber, former: { table: FOUND, name: 'a', keep: ASIDE } });
    });

    test('what indexes were called there is told', async () => {
      const byA: Index = {
        name: 'by_a',
        columns: [{ name: 'a', order: 'asc' }],
        unique: false,
        called: ['one', 'two'],
      };
      await given(changed)
        .when(back)
        .inTurn()
        .on(HERE, { columns: [alteredColumn(HERE, number, A, null, [byA])] })
        .itAsks({ ...toNumber, former: { table: FOUND, name: 'a', keep: null, indexes: ['one', 'two'] } });
    });

    test('what was another beside the type there is altered by itself', async () => {
      const plain = { ...number, unique: false };
      await given(changed)
        .when(back)
        .inTurn()
        .on(HERE, { columns: [alteredColumn(HERE, plain, A, ASIDE)] })
        .itAsks(
          { ...toNumber, to: plain, former: { table: FOUND, name: 'a', keep: ASIDE } },
          { do: 'alter_column', table: 'first', from: plain, to: number },
        );
    });

    test('where that was not done, it becomes what it was as by any other change', async () => {
      await given(changed)
        .when(back)
        .inTurn()
        .on(THERE, { columns: [alteredColumn(HERE, number, A, ASIDE)] })
        .itAsks(toNumber);
    });
  });

  test('indexes go before the columns change, and are made behind them', async () => {
    const on = (name: string): Index => ({
      name: `by_${name}`,
      columns: [{ name, order: 'asc' }],
      unique: false,
      called: [`first_by_${name}`],
    });
    await given(
      withA,
      changingIndexes({ op: 'create', index: on('a') }),
      indexesChanged(on('a')),
      changingColumns(addB),
      columnsChanged([ID, A, B]),
      { ...changingIndexes({ op: 'drop', name: 'by_a' }, { op: 'create', index: on('b') }), saga_id: 'more' },
      { ...indexesChanged(on('b')), saga_id: 'more' },
    )
      .when(to(4))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID, A, B], indexes: [on('b')] })
      .itAsks(
        { do: 'drop_index', table: 'first', index: on('b') },
        { do: 'drop_column', table: 'first', name: 'b' },
        { do: 'create_index', table: 'first', index: on('a') },
      );
  });
});

describe('whether it still leads to its version', () => {
  const [id, a, b] = ['id', 'a', 'b'].map((name) => column({ name, type: 'integer' })) as [Column, Column, Column];

  test('a revert that was found behind a change that failed does not', () => {
    // Found with `b` gone by then, so that nothing drops it; its drop failed.
    expect(leadsTo({ columns: [id, a, b] }, [], { columns: [id, a] })).toBe(false);
    // Found with `b` there by then; it was never added.
    expect(leadsTo({ columns: [id, a] }, [], { columns: [id, a, b] })).toBe(false);
    expect(leadsTo({ columns: [id, a, b] }, [{ op: 'drop', name: 'b' }], { columns: [id, a] })).toBe(true);
    expect(leadsTo({ columns: [id, b] }, [{ op: 'add', column: a }], { columns: [id, a, b] })).toBe(true);
  });

  test('and says so', async () => {
    const { table } = given(addedB);
    const past = { stepsIn: async () => [], tableAt: async () => given(withA).table };
    const change = { kind: 'table.revert' as const, name: 'first', version: MADE, ops: [] };
    expect(await revert.contradiction(change, table, past)).toMatch(/a change ahead of it failed/);
    expect(await revert.contradiction({ ...change, ops: [{ op: 'drop', name: 'b' }] }, table, past)).toBeNull();
  });
});

test('one that failed leaves name and columns as they were, and tells the error', () => {
  given(addedB, reverting([{ op: 'drop', name: 'b' }]), failed('revert', 'table.revert')).thenTableIs({
    name: 'first',
    columns: [ID, A, B],
    set_aside: [],
    last_error: SOME_ERROR,
  });
});

test('what history says', () => {
  given(addedB, renaming('second'), renamed('second'), reverting([]), reverted([ID, A])).thenHistorySays(
    'Going back to version 2 was requested.',
    'The table went back: it is first with the columns id, a on every database.',
  );
});
