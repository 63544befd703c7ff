import { describe, expect, test } from '@jest/globals';
import { engineOf, namesInDatabases, type Column, type Index } from '#byodb';
import { appliedStep } from '../../testing/ended-saga.js';
import { ASIDE, droppedTable, FOUND } from '../../testing/past-steps.js';
import { given } from '../../testing/spec-kit.js';
import { column, RECORDED_AT, SOME_ERROR } from '../../testing/stream.js';
import {
  changingIndexes,
  columnsChanged,
  created,
  creating,
  dropped,
  dropping,
  ELSEWHERE,
  failed,
  HERE,
  ID,
  indexesChanged,
  LATER,
  moved,
  moving,
  purged,
  restoring,
  THERE,
} from '../../testing/table-events.js';
import type { DatabaseRef } from '../table/event-parts.js';
import type { Considered } from '../table/table.js';
import type { EventOf, RequestEvent } from './index.js';
import { decideDatabases, decideLost, letsGoOf } from './move.js';
import { changeOf } from './index.js';

interface Places {
  add?: DatabaseRef[];
  remove?: DatabaseRef[];
}
const move =
  ({ add = [], remove = [] }: Places, engines = [engineOf('sqlite')], sagaId = 'move') =>
  (considered: Considered): RequestEvent =>
    decideDatabases(considered, add, remove, engines, sagaId);
const lose =
  (...lost: DatabaseRef[]) =>
  (considered: Considered): RequestEvent =>
    decideLost(considered, lost, 'it burned', 'move');
const losing = (...remove: DatabaseRef[]): EventOf<'TableDatabasesRequested'> => ({
  ...moving({ remove }),
  lost: true,
  reason: 'it burned',
});
const lost = (databases: DatabaseRef[], ...removed: DatabaseRef[]): EventOf<'TableDatabasesChanged'> => ({
  ...moved(databases, removed),
  reversible_until: null,
  lost: true,
});

const inTwo = created({ databases: [HERE, THERE] });
/** It lived in both, and is kept where it lives no more. */
const removedThere = [...inTwo, moving({ remove: [THERE] }), moved([HERE], [THERE])];
const keptThere = { saga_id: 'move', what: 'part' as const, reversible_until: LATER, databases: [THERE] };

describe('what is asked for', () => {
  test('where it is to live and where not any more', () => {
    given(created())
      .when(move({ add: [THERE] }))
      .then(moving({ add: [THERE] }));
    given(inTwo)
      .when(move({ remove: [THERE] }))
      .then(moving({ remove: [THERE] }));
    given(inTwo)
      .when(move({ add: [ELSEWHERE], remove: [HERE] }))
      .then(moving({ add: [ELSEWHERE], remove: [HERE] }));
  });

  test('only what changes anything', () => {
    given(created())
      .when(move({ add: [HERE, THERE] }))
      .then(moving({ add: [THERE] }));
    given(created())
      .when(move({ remove: [THERE] }))
      .then(moving({}));
  });

  test('by what the changes ahead of it leave', () => {
    given(created(), moving({ add: [THERE] }))
      .when(move({ add: [THERE], remove: [HERE] }, [], 'then'))
      .then({ ...moving({ remove: [HERE] }), saga_id: 'then' });
  });

  test('it comes to the databases that it adds, keeps what it removes, and can be undone', () => {
    given(created())
      .when(move({ add: [THERE], remove: [] }))
      .itMeans({ names: [], destroys: [], bringsTo: [THERE], bringsBack: false, isForGood: false });
  });
});

describe('what is refused', () => {
  test('a table that would live nowhere', () => {
    given(created())
      .when(move({ remove: [HERE] }))
      .thenRefused('unsupported_change', /drop it instead/);
    given(created())
      .when(move({ add: [THERE], remove: [HERE] }))
      .then(moving({ add: [THERE], remove: [HERE] }));
  });

  test('a table that would live nowhere once the changes ahead are done', () => {
    given(inTwo, moving({ remove: [THERE] }))
      .when(move({ remove: [HERE] }, [], 'then'))
      .thenRefused('unsupported_change', /drop it instead/);
  });

  test('a table that is dropped, or is to be, or whose creation failed', () => {
    given(created(), dropping())
      .when(move({ add: [THERE] }))
      .thenRefused('table_dropped');
    given(created(), dropping(), dropped())
      .when(move({ add: [THERE] }))
      .thenRefused('table_dropped');
    given(creating(), failed('create', 'table.create'))
      .when(move({ add: [THERE] }))
      .thenRefused('table_failed');
  });

  test('a type that the new engine does not know', () => {
    const point: Column = {
      ...column({ name: 'a', type: 'text' }),
      type: 'native',
      native: { engine: 'postgres', type: 'point' },
    };
    given(created({ columns: [ID, point], databases: [THERE] }))
      .when(move({ add: [HERE] }))
      .thenRefused('unsupported_change', /which sqlite cannot build/);
  });

  test('what the new engine does not build', () => {
    given(created({ columns: [ID, column({ name: 'a', type: 'text', unique: true })] }))
      .when(move({ add: [ELSEWHERE] }, [engineOf('mysql')]))
      .thenRefused('unsupported_change', /^mysql: a cannot be unique/);
  });
});

describe('in its turn', () => {
  test('the table is built where it was added', () => {
    given(created())
      .when(move({ add: [THERE] }))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE, THERE], dropped: false })
      .thenDone(moved([HERE, THERE]))
      .thenTableIs({ databases: [HERE, THERE], set_aside: [] });
  });

  test('it is kept where it was removed, and is no exception there any more', () => {
    given(inTwo)
      .when(move({ remove: [THERE] }))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE] })
      .thenDone(moved([HERE], [THERE]), LATER)
      .thenTableIs({ databases: [HERE], set_aside: [keptThere] });
  });

  test('it comes back with its rows where it was kept, and is kept there no more', () => {
    const again = { ...moved([HERE, THERE]), saga_id: 'again', back: [THERE] };
    given(removedThere)
      .when(move({ add: [THERE] }, [], 'again'))
      .inTurn()
      .thenDone(again, null, [appliedStep(THERE, 'restore_table', [ID])])
      .thenTableIs({ databases: [HERE, THERE], set_aside: [] });
  });

  test('what was kept in several places goes on being kept in the others', () => {
    const inThree = created({ databases: [HERE, THERE, ELSEWHERE] });
    given(inThree, moving({ remove: [THERE, ELSEWHERE] }), moved([HERE], [THERE, ELSEWHERE]), {
      ...moved([HERE, THERE]),
      saga_id: 'again',
      back: [THERE],
    }).thenTableIs({ set_aside: [{ ...keptThere, databases: [ELSEWHERE] }] });
  });

  test('one that changes nothing has nothing to do', () => {
    given(created())
      .when(move({ add: [HERE] }))
      .inTurn()
      .itIs('nothing');
  });

  test('a removal behind an add that failed is refused', () => {
    given(created(), moving({ add: [THERE] }))
      .when(move({ remove: [THERE] }, [], 'then'))
      .inTurn(failed('move', 'table.databases'))
      .itIs({ refused: /the table lives elsewhere by now/ });
  });

  test('an add behind a removal that failed is refused', () => {
    given(inTwo, moving({ remove: [THERE] }))
      .when(move({ add: [THERE] }, [], 'then'))
      .inTurn(failed('move', 'table.databases'))
      .itIs({ refused: /the table lives elsewhere by now/ });
  });

  test('a removal from everywhere, behind an add that failed, is refused', () => {
    given(created(), moving({ add: [THERE] }))
      .when(move({ remove: [HERE] }, [], 'then'))
      .inTurn(failed('move', 'table.databases'))
      .itIs({ refused: /^the table would live nowhere/ });
  });

  test('behind a creation or a restore that failed it is refused', () => {
    given(creating())
      .when(move({ add: [THERE] }))
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /the table's creation failed/ });
    given(created(), dropping(), dropped(), restoring())
      .when(move({ add: [THERE] }))
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });
});

describe('in a database', () => {
  const byId: Index = {
    name: 'by_id',
    columns: [{ name: 'id', order: 'asc' }],
    unique: false,
    called: namesInDatabases('first', 'by_id', 'indexes'),
  };
  const withIndex = [changingIndexes({ op: 'create', index: byId }), indexesChanged(byId)];
  const again = move({ add: [THERE] }, [], 'again');

  test('where it is added the table is built, and where it lives already nothing is asked', async () => {
    const turn = given(created())
      .when(move({ add: [THERE] }))
      .inTurn();
    await turn
      .on(THERE)
      .itMeets({ columns: [], indexes: [] })
      .itAsks({ do: 'create_table', table: 'first', columns: [ID] });
    await turn
      .on(HERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks();
  });

  test('it is built with its indexes', async () => {
    await given(created(), withIndex)
      .when(move({ add: [THERE] }))
      .inTurn()
      .on(THERE)
      .itMeets({ columns: [], indexes: [] })
      .itAsks(
        { do: 'create_table', table: 'first', columns: [ID] },
        { do: 'create_index', table: 'first', index: byId },
      );
  });

  test('where it is removed it is set aside', async () => {
    await given(inTwo)
      .when(move({ remove: [THERE] }))
      .inTurn()
      .on(THERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'drop_table', table: 'first' });
  });

  test('where it was kept it comes back with its rows', async () => {
    await given(removedThere)
      .when(again)
      .inTurn()
      .on(THERE, { move: [droppedTable(THERE, [ID])] })
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'restore_table', table: ASIDE, to: 'first', former: FOUND });
  });

  test('it comes back with the indexes that it had, and those that were made since are made there', async () => {
    const old: Index = { ...byId, name: 'old', columns: [{ name: 'id', order: 'desc' }], called: ['first_old'] };
    await given(removedThere, withIndex)
      .when(again)
      .inTurn()
      .on(THERE, { move: [droppedTable(THERE, [ID], [old])] })
      .itAsks(
        { do: 'restore_table', table: ASIDE, to: 'first', former: FOUND, indexes: [old] },
        { do: 'drop_index', table: 'first', index: old },
        { do: 'create_index', table: 'first', index: byId },
      );
  });

  test('other columns than then, and it cannot come back', async () => {
    const more = column({ name: 'more', type: 'text' });
    await given(removedThere, columnsChanged([ID, more]))
      .when(again)
      .inTurn()
      .on(THERE, { move: [droppedTable(THERE, [ID])] })
      .itCannot('unsupported_change', /the columns of first are not what they were/);
  });
});

describe('a database that is lost', () => {
  test('is let go, with the reason', () => {
    given(inTwo).when(lose(THERE)).then(losing(THERE));
  });

  test('only where the table lives, is to live, or is kept', () => {
    given(created()).when(lose(THERE)).then(losing());
    given(created(), moving({ add: [THERE] }))
      .when(lose(THERE))
      .then(losing(THERE));
    given(removedThere).when(lose(THERE)).then(losing(THERE));
  });

  test('is for good, and nothing of it is kept', () => {
    given(inTwo).when(lose(THERE)).itMeans({ names: [], destroys: [], bringsTo: [], isForGood: true });
    given(inTwo)
      .when(lose(THERE))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE], dropped: false })
      .thenDone(lost([HERE], THERE))
      .thenTableIs({ databases: [HERE], set_aside: [], let_go: { e: { at: RECORDED_AT, name: 'first' } } });
  });

  test('what was kept there is kept no more, what is kept elsewhere is', () => {
    given(removedThere, columnsChanged([ID], LATER), lost([HERE], THERE)).thenTableIs({
      databases: [HERE],
      set_aside: [{ saga_id: 'columns', what: 'part', reversible_until: LATER }],
    });
  });

  test('ends a table that lived nowhere else, and shows where it was last', () => {
    given(created(), columnsChanged([ID], LATER))
      .when(lose(HERE))
      .inTurn()
      .itIs('go')
      .itLeaves({ databases: [HERE], dropped: true })
      .thenDone(lost([], HERE))
      .thenTableIs({ exists: false, ended: 'dropped', databases: [HERE], reversible_until: null, set_aside: [] });
  });

  test('can be let go of a table that is dropped', () => {
    given(inTwo, dropping(), dropped()).when(lose(THERE)).then(losing(THERE)).inTurn().itIs('go');
  });

  test('is nothing to a dropped table of which nothing is kept', () => {
    given(inTwo, dropping(), dropped(), purged('drop')).when(lose(THERE)).inTurn().itIs('nothing');
  });

  test('behind an add that failed there is nothing to let go', () => {
    given(created(), moving({ add: [THERE] }))
      .when((considered) => decideLost(considered, [THERE], 'it burned', 'lost'))
      .inTurn(failed('move', 'table.databases'))
      .itIs('nothing');
  });

  test('is known by the change that lets it go', () => {
    expect(letsGoOf(changeOf(losing(THERE)), THERE.id)).toBe(true);
    expect(letsGoOf(changeOf(losing(THERE)), HERE.id)).toBe(false);
    expect(letsGoOf(changeOf(moving({ remove: [THERE] })), THERE.id)).toBe(false);
  });
});

test('one that failed leaves the table where it lived, and tells the error', () => {
  given(created(), moving({ add: [THERE] }), failed('move', 'table.databases')).thenTableIs({
    databases: [HERE],
    set_aside: [],
    last_error: SOME_ERROR,
  });
});

describe('what history says', () => {
  test('of where it came to and where it went from', () => {
    given(created(), moving({ add: [THERE, ELSEWHERE] }), moved([HERE, THERE, ELSEWHERE])).thenHistorySays(
      'Building the table on there, elsewhere was requested.',
      'The table now lives on default, there, elsewhere.',
    );
    given(inTwo, moving({ remove: [THERE] }), moved([HERE], [THERE])).thenHistorySays(
      'Removing it from there was requested.',
      'The table now lives on default.',
    );
    given(inTwo, moving({ add: [ELSEWHERE], remove: [THERE] })).thenHistorySays(
      'Building the table on elsewhere and removing it from there was requested.',
    );
    given(created(), moving({})).thenHistorySays('No move was requested.');
  });

  test('of a database that is lost', () => {
    const requested = 'The database there is lost: letting the table go there was requested (it burned).';
    given(inTwo, losing(THERE), lost([HERE], THERE)).thenHistorySays(
      requested,
      'The table was let go in there, which is lost; it lives on default.',
    );
    given(created({ databases: [THERE] }), losing(THERE), lost([], THERE)).thenHistorySays(
      requested,
      'The table was let go in its last database, which is lost; nothing of it is kept.',
    );
  });
});
