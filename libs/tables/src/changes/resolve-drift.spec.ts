import { describe, test } from '@jest/globals';
import { engineOf, type Column, type Index, type Managed } from '#byodb';
import { given, type Given } from '../../testing/spec-kit.js';
import { column, SOME_ERROR } from '../../testing/stream.js';
import {
  changingColumns,
  created,
  creating,
  dropped,
  dropping,
  ELSEWHERE,
  failed,
  HERE,
  ID,
  LATER,
  moved,
  moving,
  restoring,
  THERE,
} from '../../testing/table-events.js';
import type { ColumnOp, DatabaseRef, Variant } from '../table/event-parts.js';
import type { Considered } from '../table/table.js';
import type { EventOf, RequestEvent } from './index.js';
import { decideDrift, type DriftAnswer } from './resolve-drift.js';

const A = column({ name: 'a', type: 'text' });
const B = column({ name: 'b', type: 'text' });
const SHORT_A = column({ name: 'a', type: 'string', length: 9 });
const POINT: Column = {
  ...column({ name: 'p', type: 'text' }),
  type: 'native',
  native: { engine: 'postgres', type: 'point' },
};

const resolve =
  (
    as: DriftAnswer,
    found: Column[] | null,
    { database = THERE, sagaId = 'drift', engines = [engineOf('sqlite')] } = {},
  ) =>
  (considered: Considered): RequestEvent =>
    decideDrift(considered, database, as, found === null ? null : { columns: found, indexes: [] }, engines, sagaId);
/** The same where indexes were looked at too. */
const resolveWith =
  (as: DriftAnswer, found: Managed) =>
  (considered: Considered): RequestEvent =>
    decideDrift(considered, THERE, as, found, [engineOf('sqlite')], 'drift');

type Decided = { changes?: ColumnOp[]; variant?: Variant | null; database?: DatabaseRef };
const asked = (
  as: DriftAnswer,
  found: Column[] | null,
  { changes = [], variant = null, database = THERE }: Decided = {},
): EventOf<'DriftResolutionRequested'> => ({
  type: 'DriftResolutionRequested',
  saga_id: 'drift',
  database,
  as,
  found,
  changes,
  variant,
});
const resolved = (
  as: DriftAnswer,
  columns: Column[],
  { variant = null, databases = [HERE, THERE] }: { variant?: Variant | null; databases?: DatabaseRef[] } = {},
): EventOf<'DriftResolved'> => ({
  type: 'DriftResolved',
  saga_id: 'drift',
  database: THERE,
  as,
  columns,
  databases,
  variant,
  reversible_until: null,
});

/** A table that lives in two databases. */
const inTwo = (columns = [ID, A]): Given => given(created({ columns, databases: [HERE, THERE] }));
/** In one of which it was allowed to differ. */
const allowed = (variant: Variant): Given => {
  const { events, table } = inTwo();
  return given(events, { ...resolved('ignore', table.columns, { variant }), saga_id: 'before' });
};

describe('adopt: what was found is history from now on', () => {
  test('a column that came is added everywhere', () => {
    inTwo()
      .when(resolve('adopt', [ID, A, B]))
      .then(asked('adopt', [ID, A, B], { changes: [{ op: 'add', column: B }] }))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: [ID, A, B] })
      .thenDone(resolved('adopt', [ID, A, B]))
      .thenTableIs({ columns: [ID, A, B], variants: {} });
  });

  test('a column that went is dropped everywhere, and kept where it was', () => {
    inTwo()
      .when(resolve('adopt', [ID]))
      .then(asked('adopt', [ID], { changes: [{ op: 'drop', name: 'a' }] }))
      .inTurn()
      .thenDone({ ...resolved('adopt', [ID]), reversible_until: LATER }, LATER)
      .thenTableIs({ columns: [ID], set_aside: [{ saga_id: 'drift', what: 'part', reversible_until: LATER }] });
  });

  test('another name in the same place is a rename, so that the values follow', () => {
    inTwo()
      .when(resolve('adopt', [ID, B]))
      .then(asked('adopt', [ID, B], { changes: [{ op: 'rename', name: 'a', to: 'b', set: null }] }));
  });

  test('another name and another type is a column that went and one that came', () => {
    const number = column({ name: 'b', type: 'integer' });
    inTwo()
      .when(resolve('adopt', [ID, number]))
      .then(
        asked('adopt', [ID, number], {
          changes: [
            { op: 'drop', name: 'a' },
            { op: 'add', column: number },
          ],
        }),
      );
  });

  test('another type is taken over', () => {
    inTwo()
      .when(resolve('adopt', [ID, SHORT_A]))
      .then(asked('adopt', [ID, SHORT_A], { changes: [{ op: 'take', column: SHORT_A }] }))
      .inTurn()
      .itLeaves({ columns: [ID, SHORT_A] });
  });

  test('another order stays that of its database alone', () => {
    inTwo([ID, A, B])
      .when(resolve('adopt', [ID, B, A]))
      .then(asked('adopt', [ID, B, A], { variant: { columns: [ID, B, A], beside: [] } }));
  });

  test('it is judged by what the changes ahead of it leave', () => {
    const { events } = inTwo();
    given(events, changingColumns({ op: 'add', column: B }))
      .when(resolve('adopt', [ID, A, B]))
      .then(asked('adopt', [ID, A, B]));
  });

  test('a table that is gone from there does not live there any more', () => {
    inTwo()
      .when(resolve('adopt', null))
      .then(asked('adopt', null))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE], columns: [ID, A], dropped: false })
      .thenDone(resolved('adopt', [ID, A], { databases: [HERE] }))
      .thenTableIs({ exists: true, databases: [HERE] });
  });

  test('a table that is gone from its last database is dropped, and nothing of it is kept', () => {
    given(created({ columns: [ID, A], databases: [THERE] }))
      .when(resolve('adopt', null))
      .inTurn()
      .itLeaves({ dropped: true })
      .thenDone(resolved('adopt', [ID, A], { databases: [] }))
      .thenTableIs({ exists: false, ended: 'dropped', set_aside: [], databases: [THERE] });
  });
});

describe('adopt, where something was ignored before', () => {
  test('what was ignored stays ignored, and only the rest is adopted', () => {
    const after = column({ name: 'c', type: 'text' });
    allowed({ columns: [ID, SHORT_A], beside: ['b'] })
      .when(resolve('adopt', [ID, SHORT_A, B, after]))
      .then(
        asked('adopt', [ID, SHORT_A, B, after], {
          changes: [{ op: 'add', column: after }],
          variant: { columns: [ID, SHORT_A, after], beside: ['b'] },
        }),
      );
  });

  test('it is meant where nothing else differs', () => {
    allowed({ columns: [ID, SHORT_A], beside: ['b'] })
      .when(resolve('adopt', [ID, SHORT_A, B]))
      .then(
        asked('adopt', [ID, SHORT_A, B], {
          changes: [
            { op: 'take', column: SHORT_A },
            { op: 'add', column: B },
          ],
        }),
      );
  });

  test('what was ignored follows the changes ahead of it', () => {
    const c = column({ name: 'c', type: 'text' });
    const { events } = allowed({ columns: [ID, SHORT_A], beside: ['b'] });
    given(events, changingColumns({ op: 'rename', name: 'a', to: 'z', set: null }))
      .when(resolve('adopt', [ID, { ...SHORT_A, name: 'z' }, B, c]))
      .then(
        asked('adopt', [ID, { ...SHORT_A, name: 'z' }, B, c], {
          changes: [{ op: 'add', column: c }],
          variant: { columns: [ID, { ...SHORT_A, name: 'z' }, c], beside: ['b'] },
        }),
      );
  });

  test('other databases that differ go on differing', () => {
    const other = { columns: [ID, SHORT_A], beside: [] };
    const { events } = given(created({ columns: [ID, A], databases: [HERE, THERE] }), {
      ...resolved('ignore', [ID, A], { variant: other }),
      database: HERE,
      saga_id: 'before',
    });
    given(events)
      .when(resolve('adopt', [ID, A, B]))
      .inTurn()
      .thenDone(resolved('adopt', [ID, A, B]))
      .thenTableIs({ variants: { [HERE.id]: { columns: [ID, SHORT_A, B], beside: [] } } });
  });
});

describe('restore: the database goes back to what history says', () => {
  test('what came goes, what went comes, what is another becomes what it was', () => {
    const number = column({ name: 'n', type: 'integer' });
    inTwo([ID, A, B])
      .when(resolve('restore', [ID, SHORT_A, number]))
      .then(
        asked('restore', [ID, SHORT_A, number], {
          changes: [
            { op: 'drop', name: 'n' },
            { op: 'take', column: A },
            { op: 'add', column: B },
          ],
        }),
      );
  });

  test('history and the other databases stay as they are', () => {
    inTwo()
      .when(resolve('restore', [ID, A, B]))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: [ID, A] })
      .thenDone(resolved('restore', [ID, A]))
      .thenTableIs({ columns: [ID, A], databases: [HERE, THERE] });
  });

  test('what was ignored goes too', () => {
    allowed({ columns: [ID, SHORT_A], beside: ['b'] })
      .when(resolve('restore', [ID, SHORT_A, B]))
      .then(
        asked('restore', [ID, SHORT_A, B], {
          changes: [
            { op: 'drop', name: 'b' },
            { op: 'take', column: A },
          ],
        }),
      )
      .inTurn()
      .thenDone(resolved('restore', [ID, A]))
      .thenTableIs({ variants: {} });
  });

  test('a column that is made anew stands last there, and only there', () => {
    inTwo([ID, A, B])
      .when(resolve('restore', [ID, B]))
      .then(
        asked('restore', [ID, B], {
          changes: [{ op: 'add', column: A }],
          variant: { columns: [ID, B, A], beside: [] },
        }),
      );
  });

  test('a table that is gone is built again', () => {
    inTwo()
      .when(resolve('restore', null))
      .then(asked('restore', null))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE, THERE] });
  });
});

describe('ignore: it stays as it is, and is no drift any more', () => {
  test('columns of others are let be beside it', () => {
    inTwo()
      .when(resolve('ignore', [ID, A, B]))
      .then(asked('ignore', [ID, A, B], { variant: { columns: [ID, A], beside: ['b'] } }))
      .inTurn()
      .itIs('go')
      .itLeaves({ columns: [ID, A] })
      .thenDone(resolved('ignore', [ID, A], { variant: { columns: [ID, A], beside: ['b'] } }))
      .thenTableIs({ columns: [ID, A], variants: { [THERE.id]: { columns: [ID, A], beside: ['b'] } } });
  });

  test('a column that is missing or another is missing or another there alone', () => {
    inTwo([ID, A, B])
      .when(resolve('ignore', [ID, SHORT_A]))
      .then(asked('ignore', [ID, SHORT_A], { variant: { columns: [ID, SHORT_A], beside: [] } }));
  });

  test('what is ignored already is nothing to do', () => {
    allowed({ columns: [ID, A], beside: ['b'] })
      .when(resolve('ignore', [ID, A, B]))
      .inTurn()
      .itIs('nothing');
  });

  test('where nothing differs any more nothing is ignored any more', () => {
    allowed({ columns: [ID, A], beside: ['b'] })
      .when(resolve('ignore', [ID, A]))
      .then(asked('ignore', [ID, A]))
      .inTurn()
      .itIs('go')
      .thenDone(resolved('ignore', [ID, A]))
      .thenTableIs({ variants: {} });
  });

  test('where nothing differs and nothing was ignored there is nothing to do', () => {
    inTwo()
      .when(resolve('ignore', [ID, A]))
      .inTurn()
      .itIs('nothing');
  });
});

describe('in a database', () => {
  const byA: Index = { name: 'by_a', columns: [{ name: 'a', order: 'asc' }], unique: false, called: ['by_a'] };
  const withIndex = given(
    { ...creating({ columns: [ID, A], databases: [HERE, THERE] }), indexes: [byA] },
    {
      type: 'TableCreated',
      saga_id: 'create',
    },
  );

  test('adopt: where it was found it is only looked at, and the others follow', async () => {
    const turn = inTwo()
      .when(resolve('adopt', [ID, A, B]))
      .inTurn();
    await turn
      .on(THERE)
      .itMeets({ columns: [ID, A, B], indexes: [] })
      .itAsks({ do: 'adopt', table: 'first', columns: [ID, A, B] });
    await turn
      .on(HERE)
      .itMeets({ columns: [ID, A], indexes: [] })
      .itAsks({ do: 'add_column', table: 'first', column: B });
  });

  test('adopt: an index that went goes on the others before the columns change, one that came is made behind', async () => {
    const byB: Index = { ...byA, name: 'by_b', columns: [{ name: 'b', order: 'asc' }], called: ['by_b'] };
    await withIndex
      .when(resolveWith('adopt', { columns: [ID, A, B], indexes: [byB] }))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID, A], indexes: [byA] })
      .itAsks(
        { do: 'drop_index', table: 'first', index: byA },
        { do: 'add_column', table: 'first', column: B },
        { do: 'create_index', table: 'first', index: byB },
      );
  });

  test('adopt: the other databases that differ are asked for their own columns', async () => {
    const { events } = inTwo();
    const other = { columns: [ID, SHORT_A], beside: [] };
    const required = { ...A, nullable: false };
    await given(events, { ...resolved('ignore', [ID, A], { variant: other }), database: HERE, saga_id: 'before' })
      .when(resolve('adopt', [ID, required]))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID, SHORT_A], indexes: [] })
      .itAsks({ do: 'alter_column', table: 'first', from: SHORT_A, to: required });
  });

  test('adopt: a table that is gone is looked for in vain, and stays as it is elsewhere', async () => {
    const turn = inTwo().when(resolve('adopt', null)).inTurn();
    await turn.on(THERE).itMeets({ columns: [], indexes: [] }).itAsks({ do: 'adopt', table: 'first', columns: null });
    await turn
      .on(HERE)
      .itMeets({ columns: [ID, A], indexes: [] })
      .itAsks();
  });

  test('restore: the way back is from what was found, and nothing is asked elsewhere', async () => {
    const turn = inTwo()
      .when(resolve('restore', [ID, SHORT_A, B]))
      .inTurn();
    await turn
      .on(THERE)
      .itMeets({ columns: [ID, SHORT_A, B], indexes: [] })
      .itAsks(
        { do: 'drop_column', table: 'first', name: 'b' },
        { do: 'alter_column', table: 'first', from: SHORT_A, to: A },
      );
    await turn
      .on(HERE)
      .itMeets({ columns: [ID, A], indexes: [] })
      .itAsks();
  });

  test('restore: an index that somebody dropped is made again', async () => {
    await withIndex
      .when(resolveWith('restore', { columns: [ID, A], indexes: [] }))
      .inTurn()
      .on(THERE)
      .itMeets({ columns: [ID, A], indexes: [] })
      .itAsks({ do: 'create_index', table: 'first', index: byA });
  });

  test('restore: a table that is gone is built again, with its indexes', async () => {
    await withIndex
      .when(resolve('restore', null))
      .inTurn()
      .on(THERE)
      .itMeets({ columns: [], indexes: [] })
      .itAsks(
        { do: 'create_table', table: 'first', columns: [ID, A] },
        { do: 'create_index', table: 'first', index: byA },
      );
  });

  test('ignore: it is only looked at there, and nothing is asked elsewhere', async () => {
    const turn = inTwo()
      .when(resolve('ignore', [ID]))
      .inTurn();
    await turn
      .on(THERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'adopt', table: 'first', columns: [ID] });
    await turn
      .on(HERE)
      .itMeets({ columns: [ID, A], indexes: [] })
      .itAsks();
  });
});

describe('what history says', () => {
  test.each(['adopt', 'restore', 'ignore'] as const)('of the answer %s', (as) => {
    given(asked(as, [ID])).thenHistorySays(`The difference found on there was to be resolved: ${as}.`);
  });

  test('of its end', () => {
    const { events } = inTwo();
    given(events, resolved('adopt', [ID, B])).thenHistorySays(
      'What was found on there is what history says from now on: the columns id, b.',
    );
    given(events, resolved('adopt', [ID, A], { databases: [HERE] })).thenHistorySays(
      'The table was found to be gone from there, and was taken out of it.',
    );
    given(events, resolved('restore', [ID, A])).thenHistorySays('there has again what history says.');
    given(events, resolved('ignore', [ID, A])).thenHistorySays('What differs on there was accepted as it is.');
  });
});

test('it reserves no name of a table, destroys nothing, and can be undone', () => {
  inTwo()
    .when(resolve('adopt', [ID]))
    .itMeans({ names: [], destroys: [], bringsTo: [], bringsBack: false, isForGood: false });
});

describe('what is refused', () => {
  test('a table that is dropped, or is to be, or whose creation failed', () => {
    const { events } = inTwo();
    given(events, dropping())
      .when(resolve('adopt', [ID]))
      .thenRefused('table_dropped');
    given(events, dropping(), dropped())
      .when(resolve('ignore', [ID]))
      .thenRefused('table_dropped');
    given(creating(), failed('create', 'table.create'))
      .when(resolve('restore', [ID]))
      .thenRefused('table_failed');
  });

  test('a database where the table does not live, or will not', () => {
    inTwo()
      .when(resolve('adopt', [ID], { database: ELSEWHERE }))
      .thenRefused('table_not_found', /does not live in elsewhere/);
    const { events } = inTwo();
    given(events, moving({ remove: [THERE] }))
      .when(resolve('adopt', [ID]))
      .thenRefused('table_not_found');
  });

  test('to ignore that the table is gone', () => {
    inTwo()
      .when(resolve('ignore', null))
      .thenRefused('unsupported_change', /the table is gone from there/);
  });

  test('to build again elsewhere what only another engine knows', () => {
    given(created({ columns: [ID, POINT], databases: [HERE, THERE] }))
      .when(resolve('restore', null, { database: HERE }))
      .thenRefused('unsupported_change', /which sqlite cannot build/);
    given(created({ columns: [ID, POINT], databases: [HERE, THERE] }))
      .when(resolve('restore', null))
      .then(asked('restore', null));
  });

  test('to adopt a type that the other databases do not know', () => {
    inTwo()
      .when(resolve('adopt', [ID, A, POINT]))
      .thenRefused('unsupported_change', /p has a type of postgres's own \(point\), which sqlite cannot build/);
  });

  test('nothing of that where the table lives nowhere else', () => {
    given(created({ columns: [ID], databases: [THERE] }))
      .when(resolve('adopt', [ID, POINT]))
      .then(asked('adopt', [ID, POINT], { changes: [{ op: 'add', column: POINT }] }));
  });

  test('to ignore it is always possible', () => {
    inTwo()
      .when(resolve('ignore', [ID, A, POINT]))
      .then(asked('ignore', [ID, A, POINT], { variant: { columns: [ID, A], beside: ['p'] } }));
  });

  test('another primary key', () => {
    const key = column({ name: 'k', type: 'integer', primary_key: true });
    inTwo()
      .when(resolve('adopt', [ID, A, key]))
      .thenRefused('unsupported_change', /k is part of the primary key/);
    inTwo()
      .when(resolve('adopt', [{ ...ID, primary_key: false }, A]))
      .thenRefused('unsupported_change', /id has another place in the primary key/);
    inTwo()
      .when(resolve('restore', [{ ...ID, primary_key: false }, A]))
      .thenRefused('unsupported_change', /id has another place in the primary key/);
  });

  test('a type that no engine turns into the other', () => {
    const boolean = column({ name: 'a', type: 'boolean' });
    inTwo()
      .when(resolve('adopt', [ID, boolean]))
      .thenRefused('unsupported_change', /a is text and cannot become boolean/);
    inTwo()
      .when(resolve('restore', [ID, boolean]))
      .thenRefused('unsupported_change', /a is boolean and cannot become text/);
  });

  test('what one of the engines does not build', () => {
    const unique = column({ name: 'a', type: 'text', unique: true });
    inTwo()
      .when(resolve('adopt', [ID, unique], { engines: [engineOf('mysql')] }))
      .thenRefused('unsupported_change', /^mysql: a cannot be unique/);
  });

  test('more columns than a table has', () => {
    const most = Array.from({ length: 501 }, (_, i) => column({ name: `c${i}`, type: 'text' }));
    inTwo(most.slice(0, 500))
      .when(resolve('adopt', most))
      .thenRefused('unsupported_change', /at most 500 columns/);
  });
});

describe('in its turn, behind changes that did not come out as foreseen', () => {
  test('a table that lives elsewhere by then', () => {
    const { events } = inTwo();
    given(events, moving({ remove: [THERE] }), { ...moving({ add: [THERE] }), saga_id: 'back' })
      .when(resolve('ignore', [ID]))
      .inTurn(moved([HERE], [THERE]), failed('back', 'table.databases'))
      .itIs({ refused: /the table lives elsewhere by now/ });
  });

  test('going back to columns that a failed change would have left', () => {
    const { events } = inTwo();
    given(events, changingColumns({ op: 'drop', name: 'a' }))
      .when(resolve('restore', [ID, A]))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /^a change ahead of it did not end as foreseen/ });
    given(events, changingColumns({ op: 'add', column: B }))
      .when(resolve('restore', [ID, A]))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /^a change ahead of it did not end as foreseen/ });
  });

  test('leaving alone what is no difference behind a drop or a rename that failed', () => {
    const { events } = inTwo();
    const ahead: ColumnOp[] = [
      { op: 'drop', name: 'a' },
      { op: 'rename', name: 'a', to: 'b', set: null },
    ];
    for (const op of ahead)
      given(events, changingColumns(op))
        .when(resolve('ignore', [ID, A]))
        .inTurn(failed('columns', 'columns.change'))
        .itIs({ refused: /^a change ahead of it did not end as foreseen/ });
  });

  test('a column that is adopted and has come to be', () => {
    const { events } = inTwo([ID, A, B]);
    given(events, changingColumns({ op: 'drop', name: 'b' }))
      .when(resolve('adopt', [ID, A, B]))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /there is a column b by now/ });
  });

  test('a column that is dropped by it and never came to be', () => {
    const { events } = inTwo();
    given(events, changingColumns({ op: 'add', column: B }))
      .when(resolve('adopt', [ID, A]))
      .inTurn(failed('columns', 'columns.change'))
      .itIs({ refused: /there is no column b any more/ });
  });

  test('a restore that failed', () => {
    const { events } = inTwo();
    given(events, dropping(), dropped(), restoring())
      .when(resolve('ignore', [ID]))
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });
});

test('one that failed leaves the table as it was, and tells the error', () => {
  const { events } = inTwo();
  given(
    events,
    asked('adopt', [ID], { changes: [{ op: 'drop', name: 'a' }] }),
    failed('drift', 'drift.resolve'),
  ).thenTableIs({
    columns: [ID, A],
    variants: {},
    last_error: SOME_ERROR,
  });
});
