import { describe, test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import { SOME_ERROR } from '../../testing/stream.js';
import {
  columnsChanged,
  created,
  creating,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  LATER,
  renamed,
  renaming,
  restored,
  restoring,
} from '../../testing/table-events.js';
import type { Considered } from '../table/table.js';
import { decideDrop } from './drop.js';
import type { RequestEvent } from './index.js';

const drop = (considered: Considered): RequestEvent => decideDrop(considered, 'drop');
const dropAgain = (considered: Considered): RequestEvent => decideDrop(considered, 'again');

describe('what is asked for', () => {
  test('the whole table is to be set aside', () => {
    given(created()).when(drop).then(dropping());
  });

  test('a table that is still to be made can be dropped', () => {
    given(creating()).when(drop).then(dropping());
  });

  test('a table that is to come back can be dropped again', () => {
    given(created(), dropping(), dropped(), restoring())
      .when(dropAgain)
      .then({ type: 'TableDropRequested', saga_id: 'again' });
  });

  test('it reserves no name, and destroys nothing: it can be undone', () => {
    given(created()).when(drop).itMeans({ names: [], destroys: [], bringsBack: false, isForGood: false });
  });
});

describe('what is refused', () => {
  test('a table that is dropped', () => {
    given(created(), dropping(), dropped()).when(dropAgain).thenRefused('table_dropped');
  });

  test('a table of which a drop is on its way', () => {
    given(created(), dropping()).when(dropAgain).thenRefused('table_dropped');
  });

  test('a table whose creation failed', () => {
    given(creating(), failed('create', 'table.create')).when(drop).thenRefused('table_failed');
  });

  test('not a table whose drop failed', () => {
    given(created(), dropping(), failed('drop', 'table.drop'))
      .when(dropAgain)
      .then({ type: 'TableDropRequested', saga_id: 'again' });
  });
});

describe('in its turn', () => {
  test('a table is set aside, and kept', () => {
    given(created())
      .when(drop)
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', dropped: true })
      .thenDone(dropped(LATER))
      .thenTableIs({
        name: 'first',
        exists: false,
        ended: 'dropped',
        reversible_until: LATER,
        set_aside: [{ saga_id: 'drop', what: 'table', reversible_until: LATER }],
      });
  });

  test('a table of which nothing is kept is dropped all the same', () => {
    given(created(), dropping(), dropped(null)).thenTableIs({
      exists: false,
      ended: 'dropped',
      reversible_until: null,
      set_aside: [],
    });
  });

  test('what was set aside of it before is kept beside it', () => {
    const { columns } = given(created()).table;
    given(created(), columnsChanged(columns, LATER), dropping(), dropped()).thenTableIs({
      set_aside: [
        { saga_id: 'columns', what: 'part', reversible_until: LATER },
        { saga_id: 'drop', what: 'table', reversible_until: LATER },
      ],
    });
  });

  test('behind a rename that failed it goes under the name that it has', () => {
    given(created(), renaming('second'))
      .when(drop)
      .inTurn(failed('rename', 'table.rename'))
      .itIs('go')
      .itLeaves({ name: 'first', dropped: true });
  });

  test('behind a creation that failed it is refused', () => {
    given(creating())
      .when(drop)
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /the table's creation failed/ });
  });

  test('behind a restore that failed it is refused, since the table is dropped still', () => {
    given(created(), dropping(), dropped(), restoring())
      .when(dropAgain)
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });

  test('behind a restore that came true it goes', () => {
    given(created(), dropping(), dropped(), restoring()).when(dropAgain).inTurn(restored()).itIs('go');
  });
});

describe('in a database', () => {
  test('it meets the table, and asks to set it aside', async () => {
    await given(created())
      .when(drop)
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'drop_table', table: 'first' });
  });

  test('behind a rename it asks for it under its new name', async () => {
    await given(created(), renaming('second'))
      .when(drop)
      .inTurn(renamed('second'))
      .on(HERE)
      .itAsks({ do: 'drop_table', table: 'second' });
  });
});

test('one that failed leaves the table as it was, and tells the error', () => {
  given(created(), dropping(), failed('drop', 'table.drop')).thenTableIs({
    exists: true,
    ended: null,
    set_aside: [],
    last_error: SOME_ERROR,
  });
});

describe('what history says', () => {
  test('of a table that is kept', () => {
    given(created(), dropping(), dropped(LATER)).thenHistorySays(
      'A drop of the table was requested.',
      'The table was dropped on every database; it can be restored until 2026-02-01T00:00:00.000Z.',
    );
  });

  test('of one of which nothing is kept', () => {
    given(created(), dropping(), dropped(null)).thenHistorySays(
      'A drop of the table was requested.',
      'The table was dropped on every database.',
    );
  });
});
