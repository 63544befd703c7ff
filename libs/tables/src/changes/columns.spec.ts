import { describe, test } from '@jest/globals';
import { engineOf, MAX_COLUMNS, type Column, type ColumnChange, type Engine, type Task } from '#byodb';
import { given } from '../../testing/spec-kit.js';
import { column, SOME_ERROR } from '../../testing/stream.js';
import {
  changingColumns,
  columnsChanged,
  created,
  creating,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  LATER,
  restoring,
} from '../../testing/table-events.js';
import type { ColumnOp } from '../table/event-parts.js';
import { consider } from '../table/outlook.js';
import type { Considered } from '../table/table.js';
import { decideColumns } from './columns.js';
import type { EventOf, RequestEvent } from './index.js';

type Ask = (considered: Considered) => RequestEvent;

const asked = (changes: ColumnChange[], engines: Engine[], sagaId: string): Ask => {
  return (considered) => decideColumns(considered, changes, engines, (i) => `columns.${i}`, sagaId);
};
const change = (...changes: ColumnChange[]): Ask => asked(changes, [engineOf('sqlite')], 'columns');

const A = column({ name: 'a', type: 'text' });
const B = column({ name: 'b', type: 'text' });
const ADD_A: ColumnChange = { name: 'a', type: 'text' };
const DROP_A: ColumnChange = { name: 'a' };
const addA: ColumnOp = { op: 'add', column: A };

/** One operation alone; it is called by what it does. */
function recorded(
  kind: EventOf<'ColumnsChangeRequested'>['kind'],
  ...ops: ColumnOp[]
): EventOf<'ColumnsChangeRequested'> {
  return { type: 'ColumnsChangeRequested', saga_id: 'columns', kind, ops };
}

/** A table of these columns, and a change of them that is on its way. */
function withAhead(columns: Column[], ahead: ColumnChange): ReturnType<typeof given> {
  const { events, table } = given(created({ columns }));
  return given(events, asked([ahead], [engineOf('sqlite')], 'ahead')(consider(table)));
}
const aheadFails = failed('ahead', 'column.alter');

describe('what is asked for', () => {
  test('an unknown name with a type is added', () => {
    given(created()).when(change(ADD_A)).then(recorded('column.add', addA));
  });

  test('a name alone is dropped', () => {
    given(created({ columns: [ID, A] }))
      .when(change(DROP_A))
      .then(recorded('column.drop', { op: 'drop', name: 'a' }));
  });

  test('a known name with fields is altered, and nothing else is named', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', nullable: false }))
      .then(recorded('column.alter', { op: 'alter', name: 'a', set: { nullable: false } }));
  });

  test('what is so already is named too: it may be so only by a change ahead', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', nullable: true }))
      .then(recorded('column.alter', { op: 'alter', name: 'a', set: { nullable: true } }));
  });

  test('a type without sizes takes its own', () => {
    given(created({ columns: [ID, column({ name: 'a', type: 'string', length: 20 })] }))
      .when(change({ name: 'a', type: 'decimal' }))
      .then(
        recorded('column.alter', {
          op: 'alter',
          name: 'a',
          set: { type: 'decimal', length: null, precision: 10, scale: 2 },
        }),
      );
  });

  test('default null takes the default away', () => {
    given(created({ columns: [ID, column({ name: 'a', type: 'text', default: 'x' })] }))
      .when(change({ name: 'a', default: null }))
      .then(recorded('column.alter', { op: 'alter', name: 'a', set: { default: null } }));
  });

  test('with rename_to it is renamed, and what is altered stands beside it', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', rename_to: 'b' }))
      .then(recorded('column.rename', { op: 'rename', name: 'a', to: 'b', set: null }));
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', rename_to: 'b', unique: true }))
      .then(recorded('column.rename', { op: 'rename', name: 'a', to: 'b', set: { unique: true } }));
  });

  test('another case of letters is the same column, and a new spelling of it', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'A' }))
      .then(recorded('column.drop', { op: 'drop', name: 'a' }));
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', rename_to: 'A' }))
      .then(recorded('column.rename', { op: 'rename', name: 'a', to: 'A', set: null }));
  });

  test('several are one change, each judged by what those before it leave', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', rename_to: 'c' }, { name: 'b', type: 'text' }))
      .then(recorded('columns.change', { op: 'rename', name: 'a', to: 'c', set: null }, { op: 'add', column: B }));
  });

  test('it is judged by what the changes ahead of it leave', () => {
    given(created(), changingColumns(addA))
      .when(asked([DROP_A], [engineOf('sqlite')], 'then'))
      .then({ ...recorded('column.drop', { op: 'drop', name: 'a' }), saga_id: 'then' });
  });

  test('it reserves no name of a table, destroys nothing, and can be undone', () => {
    given(created({ columns: [ID, A] }))
      .when(change(DROP_A))
      .itMeans({ names: [], destroys: [], bringsTo: [], bringsBack: false, isForGood: false });
  });
});

describe('what is refused', () => {
  test('a table that is dropped, or is to be', () => {
    given(created(), dropping()).when(change(ADD_A)).thenRefused('table_dropped');
    given(created(), dropping(), dropped()).when(change(ADD_A)).thenRefused('table_dropped');
  });

  test('a table whose creation failed', () => {
    given(creating(), failed('create', 'table.create')).when(change(ADD_A)).thenRefused('table_failed');
  });

  test.each<ColumnChange>([{ name: 'b' }, { name: 'b', rename_to: 'c' }, { name: 'b', nullable: false }])(
    'a column that is not there: %j',
    (unknown) => {
      given(created({ columns: [ID, A] }))
        .when(change(unknown))
        .thenRefused('column_not_found', /no column b/);
    },
  );

  test('a column that a change ahead of it drops', () => {
    withAhead([ID, A], DROP_A)
      .when(change({ name: 'a', nullable: false }))
      .thenRefused('column_not_found', /no column a/);
  });

  test('a name that another column has', () => {
    given(created({ columns: [ID, A, B] }))
      .when(change({ name: 'a', rename_to: 'B' }))
      .thenRefused('validation_failed');
  });

  test('a column that is named twice', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', nullable: false }, { name: 'A', unique: true }))
      .thenRefused('validation_failed');
  });

  test('a size that does not belong to the type', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', length: 3 }))
      .thenRefused('validation_failed');
  });

  test('a default that does not fit the type', () => {
    given(created())
      .when(change({ name: 'a', type: 'integer', default: 'x' }))
      .thenRefused('validation_failed');
  });

  test('a default nobody spoke of that does not fit the new type', () => {
    given(created({ columns: [ID, column({ name: 'a', type: 'text', default: 'x' })] }))
      .when(change({ name: 'a', type: 'integer' }))
      .thenRefused('unsupported_change', /the default of a does not fit: .*; name a default in the same change/);
  });

  test.each<ColumnChange>([
    { name: 'a', primary_key: true },
    { name: 'a', primary_key: false },
    { name: 'a', generated: true },
  ])('another key of a column that is there: %j', (keyed) => {
    given(created({ columns: [ID, A] }))
      .when(change(keyed))
      .thenRefused('unsupported_change', /primary_key and generated/);
  });

  test('a new column in the primary key', () => {
    given(created())
      .when(change({ name: 'a', type: 'integer', primary_key: true }))
      .thenRefused('unsupported_change', /a primary key cannot be added/);
  });

  test('a type that no engine turns into the other', () => {
    given(created({ columns: [ID, column({ name: 'a', type: 'boolean' })] }))
      .when(change({ name: 'a', type: 'date' }))
      .thenRefused('unsupported_change', /boolean into date/);
  });

  test("another form of a column with a type of the engine's own, which can be renamed and dropped", () => {
    const point: Column = { ...A, type: 'native', native: { engine: 'postgres', type: 'point' } };
    const table = given(created({ columns: [ID, point] }));
    table
      .when(change({ name: 'a', nullable: false }))
      .thenRefused('unsupported_change', /renamed and dropped, not altered/);
    table
      .when(change({ name: 'a', rename_to: 'b' }))
      .then(recorded('column.rename', { op: 'rename', name: 'a', to: 'b', set: null }));
    table.when(change(DROP_A)).then(recorded('column.drop', { op: 'drop', name: 'a' }));
  });

  test('a table without a column', () => {
    given(created({ columns: [A] }))
      .when(change(DROP_A))
      .thenRefused('unsupported_change', /at least one column/);
  });

  test('more columns than a table has', () => {
    const most = Array.from({ length: 500 }, (_, i) => column({ name: `c${i}`, type: 'text' }));
    given(created({ columns: most }))
      .when(change(ADD_A))
      .thenRefused('unsupported_change', /at most 500 columns/);
    given(created({ columns: most }))
      .when(change({ name: 'c0' }, ADD_A))
      .then(recorded('columns.change', { op: 'drop', name: 'c0' }, addA));
  });

  test('what one of the engines does not build', () => {
    given(created({ columns: [ID, A] }))
      .when(asked([{ name: 'a', unique: true }], [engineOf('sqlite'), engineOf('mysql')], 'columns'))
      .thenRefused('unsupported_change', /^mysql: a cannot be unique/);
  });
});

describe('in its turn', () => {
  test('the table has the new columns, and what was dropped is kept', () => {
    given(created({ columns: [ID, A] }))
      .when(change(DROP_A))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: [ID] })
      .thenDone(columnsChanged([ID], LATER), LATER)
      .thenTableIs({ columns: [ID], set_aside: [{ saga_id: 'columns', what: 'part', reversible_until: LATER }] });
  });

  test('one that sets nothing aside keeps nothing', () => {
    given(created())
      .when(change(ADD_A))
      .inTurn()
      .thenDone(columnsChanged([ID, A]))
      .thenTableIs({ columns: [ID, A], set_aside: [] });
  });

  test('one that alters nothing has nothing to do', () => {
    given(created({ columns: [ID, A] }))
      .when(change({ name: 'a', nullable: true }))
      .inTurn()
      .itIs('nothing');
  });

  test('an add whose column has come to be is refused', () => {
    withAhead([ID, A], DROP_A)
      .when(change(ADD_A))
      .inTurn(aheadFails)
      .itIs({ refused: /there is a column a by now/ });
  });

  test.each<ColumnChange>([DROP_A, { name: 'a', nullable: false }, { name: 'a', rename_to: 'b' }])(
    'what is asked of a column that never came to be is refused: %j',
    (then) => {
      withAhead([ID], ADD_A)
        .when(change(then))
        .inTurn(aheadFails)
        .itIs({ refused: /there is no column a any more/ });
    },
  );

  test('a rename to a name that was to be free is refused', () => {
    withAhead([ID, A, B], { name: 'b' })
      .when(change({ name: 'a', rename_to: 'b' }))
      .inTurn(aheadFails)
      .itIs({ refused: /there is a column b by now/ });
  });

  test('a conversion from a type that never came to be is refused', () => {
    withAhead([ID, column({ name: 'a', type: 'boolean' })], { name: 'a', type: 'integer' })
      .when(change({ name: 'a', type: 'text' }))
      .inTurn(aheadFails)
      .itIs({ refused: /boolean cannot become text/ });
  });

  test('a default for a type that never came to be is refused', () => {
    withAhead([ID, column({ name: 'a', type: 'integer' })], { name: 'a', type: 'text' })
      .when(change({ name: 'a', default: 'x' }))
      .inTurn(aheadFails)
      .itIs({ refused: /the default of a does not fit any more/ });
  });

  test('behind a drop that came true a column of its name is a new one', () => {
    withAhead([ID, A], DROP_A)
      .when(change(ADD_A))
      .then(recorded('column.add', addA))
      .inTurn({ ...columnsChanged([ID], LATER), saga_id: 'ahead' })
      .itIs('go')
      .itLeaves({ columns: [ID, A] });
  });

  test('behind a creation that failed it is refused', () => {
    given(creating())
      .when(change({ name: 'a', type: 'text' }))
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /the table's creation failed/ });
  });

  test('behind a restore that failed it is refused', () => {
    given(created(), dropping(), dropped(), restoring())
      .when(change(ADD_A))
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });
});

describe('what a change does not name stays as it is, whatever becomes of the changes before it', () => {
  test('a default that a failed change would have set does not come with a new type', () => {
    withAhead([ID, column({ name: 'price', type: 'double' })], { name: 'price', default: 827 })
      .when(change({ name: 'price', type: 'decimal', precision: 17, scale: 6 }))
      .inTurn(aheadFails)
      .itIs('go')
      .itLeaves({ columns: [ID, column({ name: 'price', type: 'decimal', precision: 17, scale: 6 })] });
  });

  test('a default that was not named follows the type in its own spelling', () => {
    given(created({ columns: [ID, column({ name: 'price', type: 'double', default: 827 })] }))
      .when(change({ name: 'price', type: 'decimal', precision: 17, scale: 6 }))
      .inTurn()
      .itLeaves({ columns: [ID, column({ name: 'price', type: 'decimal', precision: 17, scale: 6, default: '827' })] });
  });

  test('a type that a failed change would have set does not come with a new length', () => {
    withAhead([ID, column({ name: 'code', type: 'integer' })], { name: 'code', type: 'string', length: 10 })
      .when(change({ name: 'code', length: 20 }))
      .inTurn(aheadFails)
      .itIs({ refused: /^length does not belong to integer, which is the type of code$/ });
  });

  test('a new length of a type that stands is all that is set', () => {
    given(created({ columns: [ID, column({ name: 'code', type: 'string', length: 10 })] }))
      .when(change({ name: 'code', length: 20 }))
      .then(recorded('column.alter', { op: 'alter', name: 'code', set: { length: 20 } }))
      .inTurn()
      .itLeaves({ columns: [ID, column({ name: 'code', type: 'string', length: 20 })] });
  });

  test('a precision that is less than the scale by now is refused', () => {
    withAhead([ID, column({ name: 'price', type: 'decimal', precision: 12, scale: 6 })], { name: 'price', scale: 2 })
      .when(change({ name: 'price', precision: 4 }))
      .inTurn(aheadFails)
      .itIs({ refused: /^the scale of price, 6, exceeds its precision, 4$/ });
  });

  test('the last column is not dropped behind an add that failed', () => {
    withAhead([A], { name: 'b', type: 'text' })
      .when(change({ name: 'a' }))
      .inTurn(aheadFails)
      .itIs({ refused: /^no column would be left/ });
  });

  test('a table does not get too wide behind a drop that failed', () => {
    const wide = Array.from({ length: MAX_COLUMNS - 1 }, (_, i) => column({ name: `c${i}`, type: 'text' }));
    withAhead([ID, ...wide], { name: 'c0' })
      .when(change({ name: 'z', type: 'text' }))
      .inTurn(aheadFails)
      .itIs({ refused: /^there would be more than [0-9]+ columns/ });
  });
});

describe('in a database', () => {
  const withAB = given(created({ columns: [ID, A, B] }));
  const SHORT_A = column({ name: 'a', type: 'string', length: 9 });

  test('it meets the columns as they stand', () => {
    withAB
      .when(change(DROP_A))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID, A, B], indexes: [] });
  });

  test.each<{ asked: ColumnChange; tasks: Task[] }>([
    { asked: { name: 'c', type: 'text' }, tasks: [{ do: 'add_column', table: 'first', column: { ...A, name: 'c' } }] },
    { asked: { name: 'A' }, tasks: [{ do: 'drop_column', table: 'first', name: 'a' }] },
    {
      asked: { name: 'a', type: 'string', length: 9 },
      tasks: [{ do: 'alter_column', table: 'first', from: A, to: SHORT_A }],
    },
    { asked: { name: 'a', rename_to: 'c' }, tasks: [{ do: 'rename_column', table: 'first', name: 'a', to: 'c' }] },
    { asked: { name: 'a', nullable: true }, tasks: [] },
  ])('$asked asks for $tasks', async ({ asked: one, tasks }) => {
    await withAB
      .when(change(one))
      .inTurn()
      .on(HERE)
      .itAsks(...tasks);
  });

  test('what is altered beside a rename is altered first, under the name that it has', async () => {
    await withAB
      .when(change({ name: 'a', rename_to: 'c', nullable: false }))
      .inTurn()
      .on(HERE)
      .itAsks(
        { do: 'alter_column', table: 'first', from: A, to: { ...A, nullable: false } },
        { do: 'rename_column', table: 'first', name: 'a', to: 'c' },
      );
  });

  test('several are asked for in their order, each of what those before it leave', async () => {
    await withAB
      .when(change({ name: 'a', rename_to: 'c' }, { name: 'b', unique: true }, { name: 'c', nullable: false }))
      .inTurn()
      .on(HERE)
      .itAsks(
        { do: 'rename_column', table: 'first', name: 'a', to: 'c' },
        { do: 'alter_column', table: 'first', from: B, to: { ...B, unique: true } },
        { do: 'alter_column', table: 'first', from: { ...A, name: 'c' }, to: { ...A, name: 'c', nullable: false } },
      );
  });
});

describe('a database that differs', () => {
  const variants = { d: { columns: [ID, column({ name: 'a', type: 'string', length: 9 })], beside: ['x'] } };
  const ignored: EventOf<'DriftResolved'> = {
    type: 'DriftResolved',
    saga_id: 'drift',
    database: { id: 'd', name: 'default', engine: 'sqlite' },
    as: 'ignore',
    columns: [ID, A],
    databases: [{ id: 'd', name: 'default', engine: 'sqlite' }],
    variant: variants.d,
    reversible_until: null,
  };

  test.each([
    { there: { type: 'decimal', precision: 4, scale: 2 }, size: { scale: 6 } },
    { there: { type: 'decimal', precision: 12, scale: 8 }, size: { precision: 5 } },
    { there: { type: 'text' }, size: { scale: 6 } },
  ] as const)('a size ($size) that its column ($there) cannot take changes nothing there', ({ there, size }) => {
    const price = column({ name: 'price', type: 'decimal', precision: 12, scale: 4 });
    const own = { columns: [ID, column({ name: 'price', ...there })], beside: [] };
    given(created({ columns: [ID, price] }), { ...ignored, columns: [ID, price], variant: own })
      .when(change({ name: 'price', ...size }))
      .inTurn()
      .thenDone(columnsChanged([ID, { ...price, ...size }]))
      .thenTableIs({ variants: { d: own } });
  });

  test('is asked for its own columns', async () => {
    await given(created({ columns: [ID, A] }), ignored)
      .when(change({ name: 'a', nullable: false }))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: variants.d.columns, indexes: [] })
      .itAsks({
        do: 'alter_column',
        table: 'first',
        from: column({ name: 'a', type: 'string', length: 9 }),
        to: column({ name: 'a', type: 'string', length: 9, nullable: false }),
      });
  });

  test('is asked for nothing of a column that it lacks', async () => {
    await given(created({ columns: [ID, A] }), { ...ignored, variant: { columns: [ID], beside: [] } })
      .when(change({ name: 'a', rename_to: 'b' }))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks();
  });

  test('goes on differing: the change is done to its own columns', () => {
    given(created({ columns: [ID, A] }), ignored)
      .when(change({ name: 'a', rename_to: 'b', nullable: false }))
      .inTurn()
      .thenDone(columnsChanged([ID, column({ name: 'b', type: 'text', nullable: false })]))
      .thenTableIs({
        variants: {
          d: { columns: [ID, column({ name: 'b', type: 'string', length: 9, nullable: false })], beside: ['x'] },
        },
      });
  });
});

test('one that failed leaves the columns as they were, and tells the error', () => {
  given(
    created({ columns: [ID, A] }),
    changingColumns({ op: 'drop', name: 'a' }),
    failed('columns', 'columns.change'),
  ).thenTableIs({ columns: [ID, A], set_aside: [], last_error: SOME_ERROR });
});

describe('what history says', () => {
  test.each<{ ops: ColumnOp[]; says: string }>([
    { ops: [addA], says: 'Add column a (text): requested.' },
    { ops: [{ op: 'drop', name: 'a' }], says: 'Drop column a: requested.' },
    {
      ops: [{ op: 'alter', name: 'a', set: { nullable: false, unique: true } }],
      says: 'Alter column a (nullable, unique): requested.',
    },
    { ops: [{ op: 'alter', name: 'a', set: {} }], says: 'Alter column a (nothing): requested.' },
    { ops: [{ op: 'rename', name: 'a', to: 'b', set: null }], says: 'Rename column a to b: requested.' },
    { ops: [addA, { op: 'drop', name: 'b' }], says: 'Add column a (text); drop column b: requested.' },
  ])('$says', ({ ops, says }) => {
    given(created(), changingColumns(...ops)).thenHistorySays(says);
  });

  test('what they are when it is done', () => {
    given(created(), changingColumns(addA), columnsChanged([ID, A])).thenHistorySays(
      'Add column a (text): requested.',
      'The columns were changed on every database; they are now id, a.',
    );
  });
});
