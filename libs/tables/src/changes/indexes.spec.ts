import { describe, test } from '@jest/globals';
import { engineOf, MAX_INDEXES, namesInDatabases, type Engine, type Index, type IndexChange, type Task } from '#byodb';
import { given } from '../../testing/spec-kit.js';
import { column } from '../../testing/stream.js';
import {
  changingColumns,
  created,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  indexesChanged,
  changingIndexes,
  LATER,
  moved,
  moving,
  THERE,
} from '../../testing/table-events.js';
import type { ColumnOp, IndexOp } from '../table/event-parts.js';
import type { Considered } from '../table/table.js';
import { decideColumns } from './columns.js';
import { decideDatabases } from './move.js';
import { decideIndexes } from './indexes.js';
import type { EventOf, RequestEvent } from './index.js';
import { decideRevert } from './revert.js';

type Ask = (considered: Considered) => RequestEvent;

const asked = (changes: IndexChange[], engines: Engine[], sagaId: string): Ask => {
  return (considered) => decideIndexes(considered, changes, engines, (i) => `indexes.${i}`, sagaId);
};
const change = (...changes: IndexChange[]): Ask => asked(changes, [engineOf('sqlite')], 'indexes');

const A = column({ name: 'a', type: 'text' });
const B = column({ name: 'b', type: 'integer' });
const COLUMNS = [ID, A, B];

/** As the saga `of` makes it. */
const index = (name: string, columns: Index['columns'], unique = false, of = 'indexes'): Index => ({
  name,
  columns,
  unique,
  called: namesInDatabases('first', name, of),
});
const asc = (name: string): Index['columns'][number] => ({ name, order: 'asc' });
const BY_A = index('by_a', [asc('a')]);
const createA: IndexOp = { op: 'create', index: BY_A };
const recorded = (
  kind: EventOf<'IndexesChangeRequested'>['kind'],
  ...ops: IndexOp[]
): EventOf<'IndexesChangeRequested'> => ({ type: 'IndexesChangeRequested', saga_id: 'indexes', kind, ops });

/** A table with the index by_a, which the saga `first` made. */
const FIRST = index('by_a', [asc('a')], false, 'first');
const withIndex = [
  created({ columns: COLUMNS }),
  { ...changingIndexes({ op: 'create', index: FIRST }), saga_id: 'first' },
  { ...indexesChanged(FIRST), saga_id: 'first' },
].flat();

describe('what is asked for', () => {
  test('an unknown name with columns is created', () => {
    given(created({ columns: COLUMNS }))
      .when(change({ name: 'by_a', columns: ['a'] }))
      .then(recorded('index.create', createA));
  });

  test('each column has an order, and the spelling of the table', () => {
    given(created({ columns: COLUMNS }))
      .when(change({ name: 'by_b', columns: [{ name: 'B', order: 'desc' }, 'a'], unique: true }))
      .then(
        recorded('index.create', {
          op: 'create',
          index: index('by_b', [{ name: 'b', order: 'desc' }, asc('a')], true),
        }),
      );
  });

  test('a name alone is dropped, in any case of letters', () => {
    given(withIndex)
      .when(change({ name: 'BY_A' }))
      .then(recorded('index.drop', { op: 'drop', name: 'by_a' }));
  });

  test('a known name with columns is replaced', () => {
    given(withIndex)
      .when(change({ name: 'by_a', columns: ['b'] }))
      .then(recorded('indexes.change', { op: 'replace', index: index('by_a', [asc('b')]) }));
  });

  test('with rename_to it is renamed, and replaced where columns stand beside it', () => {
    const called = namesInDatabases('first', 'by_x', 'indexes');
    given(withIndex)
      .when(change({ name: 'by_a', rename_to: 'by_x' }))
      .then(recorded('index.rename', { op: 'rename', name: 'by_a', to: 'by_x', called }));
    given(withIndex)
      .when(change({ name: 'by_a', rename_to: 'by_x', columns: ['b'] }))
      .then(
        recorded(
          'indexes.change',
          { op: 'rename', name: 'by_a', to: 'by_x', called },
          { op: 'replace', index: index('by_x', [asc('b')]) },
        ),
      );
  });

  test('several are one change, each judged by what those before it leave', () => {
    const called = namesInDatabases('first', 'by_x', 'indexes');
    given(withIndex)
      .when(change({ name: 'by_a', rename_to: 'by_x' }, { name: 'by_b', columns: ['b'] }))
      .then(
        recorded(
          'indexes.change',
          { op: 'rename', name: 'by_a', to: 'by_x', called },
          { op: 'create', index: index('by_b', [asc('b')]) },
        ),
      );
  });

  test('it is judged by what the changes ahead of it leave', () => {
    given(created(), changingColumns({ op: 'add', column: A }))
      .when(change({ name: 'by_a', columns: ['a'] }))
      .then(recorded('index.create', createA));
  });

  test('nothing is destroyed, and it can be undone', () => {
    given(withIndex)
      .when(change({ name: 'by_a' }))
      .itMeans({ names: [], destroys: [], bringsBack: false, isForGood: false });
  });
});

describe('what is refused', () => {
  test('an index that is not there, by a name alone or with rename_to', () => {
    for (const one of [{ name: 'x' }, { name: 'x', rename_to: 'y' }, { name: 'x', rename_to: 'y', columns: ['a'] }])
      given(created({ columns: COLUMNS }))
        .when(change(one))
        .thenRefused('not_found', /no index x/);
  });

  test('a column that is not there', () => {
    given(created())
      .when(change({ name: 'by_a', columns: ['a'] }))
      .thenRefused('column_not_found', /no column a/);
  });

  test('a column that stands twice, a name that stands twice, a name that is taken', () => {
    const problems = /the request has problems/;
    given(created({ columns: COLUMNS }))
      .when(change({ name: 'by_a', columns: ['a', 'A'] }))
      .thenRefused('validation_failed', problems);
    given(created({ columns: COLUMNS }))
      .when(change({ name: 'by_a', columns: ['a'] }, { name: 'BY_A', columns: ['b'] }))
      .thenRefused('validation_failed', problems);
    const two = given(withIndex).when(change({ name: 'by_b', columns: ['b'] }, { name: 'by_a', rename_to: 'by_b' }));
    two.thenRefused('validation_failed', problems);
  });

  test('a new name that breaks the rule for names', () => {
    given(created({ columns: COLUMNS }))
      .when(change({ name: '_saga_x', columns: ['a'] }))
      .thenRefused('validation_failed', /the request has problems/);
  });

  test('what one of the engines cannot index', () => {
    given(created({ columns: COLUMNS }))
      .when(asked([{ name: 'by_a', columns: ['a'] }], [engineOf('sqlite'), engineOf('mysql')], 'indexes'))
      .thenRefused('unsupported_change', /^mysql: /);
  });

  test('more indexes than a table can have', () => {
    const many = Array.from({ length: MAX_INDEXES + 1 }, (_, i): IndexChange => ({ name: `i${i}`, columns: ['a'] }));
    given(created({ columns: COLUMNS }))
      .when(change(...many))
      .thenRefused('unsupported_change', /at most 60 indexes/);
  });

  test('any change of a table that is dropped', () => {
    given(withIndex, dropping(), dropped())
      .when(change({ name: 'by_a' }))
      .thenRefused('table_dropped');
  });
});

describe('in its turn', () => {
  test('it is done, and the table has the indexes', () => {
    given(created({ columns: COLUMNS }))
      .when(change({ name: 'by_a', columns: ['a'] }))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: COLUMNS, indexes: [BY_A] })
      .thenDone(indexesChanged(BY_A))
      .thenTableIs({ indexes: [BY_A], columns: COLUMNS, pending: [], set_aside: [] });
  });

  test('the last one that goes leaves none', () => {
    given(withIndex)
      .when(change({ name: 'by_a' }))
      .inTurn()
      .itIs('go')
      .thenDone(indexesChanged())
      .thenTableIs({ indexes: [] });
  });

  test('what is so already alters nothing, and keeps its name in databases', () => {
    given(withIndex)
      .when(change({ name: 'by_a', columns: ['a'] }))
      .inTurn()
      .itIs('nothing')
      .thenDone(indexesChanged(FIRST))
      .thenTableIs({ indexes: [FIRST] });
  });

  test('behind a change that failed, what no longer makes sense is refused', () => {
    const ahead = (op: ColumnOp): RequestEvent => ({ ...changingColumns(op), saga_id: 'ahead' });
    given(created(), ahead({ op: 'add', column: A }))
      .when(change({ name: 'by_a', columns: ['a'] }))
      .inTurn(failed('ahead', 'column.add'))
      .itIs({ refused: /there is no column a any more/ });
    const pending = { ...changingIndexes(createA), saga_id: 'ahead' };
    given(created({ columns: COLUMNS }), pending)
      .when(change({ name: 'by_a' }))
      .inTurn(failed('ahead', 'index.create'))
      .itIs({ refused: /there is no index by_a any more/ });
    given(created({ columns: COLUMNS }), pending)
      .when(change({ name: 'by_a', rename_to: 'by_x' }))
      .inTurn(failed('ahead', 'index.create'))
      .itIs({ refused: /there is no index by_a any more/ });
  });

  test('one that is to be created, and is there because a drop ahead failed, is refused', () => {
    given(withIndex, { ...changingIndexes({ op: 'drop', name: 'by_a' }), saga_id: 'ahead' })
      .when(change({ name: 'by_a', columns: ['b'] }))
      .inTurn(failed('ahead', 'index.drop'))
      .itIs({ refused: /there is an index by_a by now/ });
  });
});

describe('in a database', () => {
  const byX = index('by_x', [asc('a')]);
  const onB = index('by_a', [asc('b')]);
  const sameAgain: IndexChange = { name: 'by_a', columns: ['a'] };

  test('it meets the indexes as they are called there', () => {
    given(withIndex)
      .when(change({ name: 'by_a' }))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: COLUMNS, indexes: [FIRST] });
  });

  test.each<{ asked: IndexChange; tasks: Task[] }>([
    {
      asked: { name: 'by_x', columns: ['a'] },
      tasks: [{ do: 'create_index', table: 'first', index: byX }],
    },
    { asked: { name: 'by_a' }, tasks: [{ do: 'drop_index', table: 'first', index: FIRST }] },
    {
      asked: { name: 'by_a', rename_to: 'by_x' },
      tasks: [{ do: 'rename_index', table: 'first', index: FIRST, to: { name: 'by_x', called: byX.called } }],
    },
    {
      asked: { name: 'by_a', columns: ['b'] },
      tasks: [
        { do: 'drop_index', table: 'first', index: FIRST },
        { do: 'create_index', table: 'first', index: onB },
      ],
    },
    { asked: sameAgain, tasks: [] },
  ])('$asked asks for $tasks', async ({ asked: one, tasks }) => {
    await given(withIndex)
      .when(change(one))
      .inTurn()
      .on(HERE)
      .itAsks(...tasks);
  });

  test('what goes is asked for before what comes', async () => {
    await given(withIndex)
      .when(change({ name: 'by_x', columns: ['a'] }, { name: 'by_a' }))
      .inTurn()
      .on(HERE)
      .itAsks({ do: 'drop_index', table: 'first', index: FIRST }, { do: 'create_index', table: 'first', index: byX });
  });

  test("one that lacks the index by somebody's word is asked for nothing, and gets one that is replaced", async () => {
    const without: EventOf<'DriftResolved'> = {
      type: 'DriftResolved',
      saga_id: 'drift',
      database: HERE,
      as: 'ignore',
      columns: COLUMNS,
      indexes: [FIRST],
      databases: [HERE],
      variant: { columns: COLUMNS, beside: [], indexes: [] },
      reversible_until: null,
    };
    await given(withIndex, without)
      .when(change({ name: 'by_a' }))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: COLUMNS, indexes: [] })
      .itAsks();
    await given(withIndex, without)
      .when(change({ name: 'by_a', columns: ['b'] }))
      .inTurn()
      .on(HERE)
      .itAsks({ do: 'create_index', table: 'first', index: onB });
  });
});

describe('what other changes do to indexes', () => {
  const columns =
    (...changes: Parameters<typeof decideColumns>[1]): Ask =>
    (considered) =>
      decideColumns(considered, changes, [engineOf('sqlite')], (i) => `columns.${i}`, 'columns');

  test('a column that an index needs is not dropped without it', () => {
    given(withIndex)
      .when(columns({ name: 'a' }))
      .thenRefused('unsupported_change', /index by_a \(a\) needs the column a: drop the index first/);
    given(withIndex)
      .when(columns({ name: 'a', rename_to: 'c' }, { name: 'c' }))
      .thenRefused('unsupported_change', /index by_a \(c\) needs the column c/);
  });

  test('behind a drop of the index that failed, the column is not dropped either', () => {
    given(withIndex, { ...changingIndexes({ op: 'drop', name: 'by_a' }), saga_id: 'ahead' })
      .when(columns({ name: 'a' }))
      .inTurn(failed('ahead', 'index.drop'))
      .itIs({ refused: /index by_a \(a\) needs the column a/ });
  });

  test('a renamed column is renamed in its indexes', () => {
    given(withIndex)
      .when(columns({ name: 'a', rename_to: 'c' }))
      .inTurn()
      .itLeaves({ indexes: [{ ...FIRST, columns: [asc('c')] }] });
  });

  test('a column does not become what an engine cannot index', () => {
    const byB = index('by_b', [asc('b')], false, 'first');
    given(created({ columns: COLUMNS }), { ...changingIndexes({ op: 'create', index: byB }), saga_id: 'first' })
      .when((considered) =>
        decideColumns(considered, [{ name: 'b', type: 'text' }], [engineOf('mysql')], (i) => `columns.${i}`, 'columns'),
      )
      .thenRefused('unsupported_change', /^mysql: /);
  });

  test('one that the table was adopted with goes with its column, and comes back with it', () => {
    const own: Index = { name: 'theirs', columns: [asc('a')], unique: false, called: ['theirs'], adopted: true };
    const adopted = [
      {
        type: 'TableAdoptionRequested' as const,
        saga_id: 'adopt',
        name: 'first',
        columns: COLUMNS,
        indexes: [own],
        databases: [HERE],
      },
      { type: 'TableAdopted' as const, saga_id: 'adopt' },
    ];
    given(adopted).thenTableIs({ indexes: [own] });
    const gone = given(adopted)
      .when(columns({ name: 'a' }))
      .inTurn()
      .itIs('go')
      .itLeaves({ indexes: [] });
    const after = gone.thenDone(
      { type: 'ColumnsChanged', saga_id: 'columns', columns: [ID, B], reversible_until: LATER },
      LATER,
    );
    after.thenTableIs({ indexes: [] });
    const { table } = given(adopted);
    after
      .when((considered) =>
        decideRevert(
          considered,
          {
            lineage: { id: '2:id', b: '2:b' },
            dropped: { '2:a': { saga_id: 'columns', column: A, before: ['2:id'], key: [] } },
            order: ['2:id', '2:a', '2:b'],
          },
          { table, lineage: { id: '2:id', a: '2:a', b: '2:b' } },
          [engineOf('sqlite')],
          0,
          'revert',
        ),
      )
      .inTurn()
      .itLeaves({ columns: COLUMNS, indexes: [own] });
  });

  test('a database that the table is added to must be able to make them', () => {
    given(withIndex)
      .when((considered) => decideDatabases(considered, [THERE], [], [engineOf('mysql')], 'move'))
      .thenRefused('unsupported_change', /^mysql: /);
    given(withIndex, moving({ add: [THERE] }), moved([HERE, THERE])).thenTableIs({ indexes: [FIRST] });
  });
});

describe('what history says', () => {
  const byB = index('by_b', [{ name: 'b', order: 'desc' }, asc('a')], true);

  test.each<{ ops: IndexOp[]; says: string }>([
    { ops: [createA], says: 'Create index by_a (a): requested.' },
    { ops: [{ op: 'create', index: byB }], says: 'Create index by_b unique (b desc, a): requested.' },
    { ops: [{ op: 'replace', index: BY_A }], says: 'Make index by_a (a): requested.' },
    { ops: [{ op: 'drop', name: 'by_a' }], says: 'Drop index by_a: requested.' },
    {
      ops: [{ op: 'rename', name: 'by_a', to: 'by_x', called: ['first_by_x'] }],
      says: 'Rename index by_a to by_x: requested.',
    },
    { ops: [{ op: 'drop', name: 'by_b' }, createA], says: 'Drop index by_b; create index by_a (a): requested.' },
  ])('$says', ({ ops, says }) => {
    given(created({ columns: COLUMNS }), changingIndexes(...ops)).thenHistorySays(says);
  });

  test('which ones there are when it is done', () => {
    given(withIndex, indexesChanged(BY_A, byB)).thenHistorySays(
      'The indexes were changed on every database; they are now by_a, by_b.',
    );
    given(withIndex, indexesChanged()).thenHistorySays(
      'The indexes were changed on every database; the table has none now.',
    );
  });
});
