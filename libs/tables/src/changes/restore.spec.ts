import { describe, test } from '@jest/globals';
import type { Index } from '#byodb';
import { ASIDE, droppedTable, FOUND } from '../../testing/past-steps.js';
import { given } from '../../testing/spec-kit.js';
import { RECORDED_AT, SOME_ERROR } from '../../testing/stream.js';
import {
  created,
  creating,
  columnsChanged,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  LATER,
  purged,
  purging,
  renamed,
  renaming,
  restored,
  restoring,
  THERE,
  TOO_LATE,
} from '../../testing/table-events.js';
import type { Considered } from '../table/table.js';
import type { EventOf, RequestEvent } from './index.js';
import { decideRestore } from './restore.js';

const restoreAs =
  (as?: string, now = RECORDED_AT) =>
  (considered: Considered): RequestEvent =>
    decideRestore(considered, as, Date.parse(now), 'restore');
const under = (name: string): EventOf<'TableRestoreRequested'> => ({
  type: 'TableRestoreRequested',
  saga_id: 'restore',
  name,
});

const afterDrop = [...created(), dropping(), dropped()];
const MILLISECOND_BEFORE = new Date(Date.parse(LATER) - 1).toISOString();

describe('what is asked for', () => {
  test('a dropped table is to come back under the name that it has by then', () => {
    given(afterDrop).when(restoreAs()).then(restoring('first'));
  });

  test('it can come back under another name', () => {
    given(afterDrop).when(restoreAs('third')).then(under('third'));
  });

  test('a table of which the drop is on its way can come back', () => {
    given(created(), dropping()).when(restoreAs()).then(restoring('first'));
  });

  test('a table that is not dropped is to stay as it is', () => {
    given(created()).when(restoreAs()).then(restoring('first'));
    given(created()).when(restoreAs('first')).then(under('first'));
  });

  test('to the last moment of its time', () => {
    given(afterDrop).when(restoreAs(undefined, MILLISECOND_BEFORE)).then(restoring('first'));
  });

  test('while it is pending nothing is destroyed, and both its names are reserved', () => {
    given(afterDrop)
      .when(restoreAs('third'))
      .itMeans({ names: ['third', 'third'], destroys: [], bringsBack: true, isForGood: false });
    given(created(), renaming('second'), dropping())
      .when(restoreAs())
      .itMeans({ names: ['second', 'first'] });
  });
});

describe('what is refused', () => {
  test('a table whose creation failed', () => {
    given(creating(), failed('create', 'table.create')).when(restoreAs()).thenRefused('table_failed');
  });

  test('another name for a table that is not dropped: that is a rename', () => {
    given(created())
      .when(restoreAs('third'))
      .thenRefused('unsupported_change', /rename it instead/);
  });

  test('a table that was kept until now', () => {
    given(afterDrop)
      .when(restoreAs(undefined, LATER))
      .thenRefused('retention_expired', /kept aside until 2026-02-01/);
    given(afterDrop).when(restoreAs(undefined, TOO_LATE)).thenRefused('retention_expired');
  });

  test('a table that was purged', () => {
    given(afterDrop, purging('drop'), purged('drop')).when(restoreAs()).thenRefused('retention_expired');
  });

  test('a table of which the purge is on its way', () => {
    given(afterDrop, purging('drop')).when(restoreAs()).thenRefused('retention_expired');
  });

  test('a table of which only columns are kept', () => {
    given(created(), columnsChanged([ID], LATER), dropping(), dropped(null))
      .when(restoreAs())
      .thenRefused('retention_expired');
  });
});

describe('in its turn', () => {
  test('a dropped table comes back with all that it is', () => {
    given(afterDrop)
      .when(restoreAs())
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', dropped: false })
      .thenDone(restored('first'))
      .thenTableIs({ name: 'first', exists: true, ended: null, reversible_until: null, set_aside: [], columns: [ID] });
  });

  test('columns that were set aside before stay aside', () => {
    given(created(), columnsChanged([ID], LATER), dropping(), dropped(), restoring(), restored()).thenTableIs({
      set_aside: [{ saga_id: 'columns', what: 'part', reversible_until: LATER }],
    });
  });

  test.each([
    { as: undefined, end: failed('rename', 'table.rename'), name: 'first' },
    { as: undefined, end: renamed('second'), name: 'second' },
    { as: 'third', end: failed('rename', 'table.rename'), name: 'third' },
    { as: 'third', end: renamed('second'), name: 'third' },
  ])('asked to be $as, behind a rename that ends as $end.type, it brings back $name', ({ as, end, name }) => {
    given(created(), renaming('second'), dropping())
      .when(restoreAs(as))
      .inTurn(end, dropped())
      .itIs('go')
      .itLeaves({ name, dropped: false })
      .thenDone(restored(name))
      .thenTableIs({ name, exists: true });
  });

  test('behind a drop that failed there is nothing to do, and another name is not taken', () => {
    given(created(), dropping())
      .when(restoreAs('third'))
      .inTurn(failed('drop', 'table.drop'))
      .itIs('nothing')
      .thenDone(restored('first'))
      .thenTableIs({ name: 'first', exists: true });
  });

  test('behind a drop of which nothing was kept it is refused', () => {
    given(created(), dropping())
      .when(restoreAs())
      .inTurn(dropped(null))
      .itIs({ refused: /not there any more, not even set aside/ });
  });

  test('behind a creation that failed it is refused', () => {
    given(creating())
      .when(restoreAs())
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /not there any more/ });
  });
});

describe('in a database', () => {
  const before = { drop: [droppedTable(HERE, [ID])] };

  test('it asks for what the drop set aside there, as it was found', async () => {
    await given(afterDrop)
      .when(restoreAs())
      .inTurn()
      .on(HERE, before)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'restore_table', table: ASIDE, to: 'first', former: FOUND });
  });

  test('under another name', async () => {
    await given(afterDrop)
      .when(restoreAs('third'))
      .inTurn()
      .on(HERE, before)
      .itAsks({ do: 'restore_table', table: ASIDE, to: 'third', former: FOUND });
  });

  test('with the indexes that it had there', async () => {
    const byId: Index = { name: 'by_id', columns: [{ name: 'id', order: 'asc' }], unique: false, called: ['by_id'] };
    await given(afterDrop)
      .when(restoreAs())
      .inTurn()
      .on(HERE, { drop: [droppedTable(HERE, [ID], [byId])] })
      .itAsks({ do: 'restore_table', table: ASIDE, to: 'first', former: FOUND, indexes: [byId] });
  });

  test('where nothing of it is set aside it cannot come back', async () => {
    await given(afterDrop)
      .when(restoreAs())
      .inTurn()
      .on(THERE, before)
      .itCannot('drift_detected', /nothing of the table is set aside in this database/);
  });
});

test('one that failed leaves the table dropped and kept, and tells the error', () => {
  given(afterDrop, restoring(), failed('restore', 'table.restore')).thenTableIs({
    exists: false,
    ended: 'dropped',
    reversible_until: LATER,
    set_aside: [{ saga_id: 'drop', what: 'table', reversible_until: LATER }],
    last_error: SOME_ERROR,
  });
});

test('what history says', () => {
  given(afterDrop, restoring(), restored()).thenHistorySays(
    'Restoring the table as first was requested.',
    'The table was restored as first on every database.',
  );
});
