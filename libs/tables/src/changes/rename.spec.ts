import { describe, test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import {
  created,
  creating,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  renamed,
  renaming,
  restoring,
} from '../../testing/table-events.js';
import type { RequestEvent } from './index.js';
import { decideRename } from './rename.js';
import type { Considered } from '../table/table.js';

const toSecond = (considered: Considered): RequestEvent => decideRename(considered, 'second', 'rename');
const toThird = (considered: Considered): RequestEvent => decideRename(considered, 'third', 'again');

describe('what is asked for', () => {
  test('a rename says what the table is called and what it is to be called', () => {
    given(created()).when(toSecond).then(renaming('second'));
  });

  test('behind another rename it starts from the name to come', () => {
    given(created(), renaming('second'))
      .when(toThird)
      .then({ type: 'TableRenameRequested', saga_id: 'again', from: 'second', name: 'third' });
  });

  test('a table that is still to be made can be renamed', () => {
    given(creating()).when(toSecond).then(renaming('second'));
  });

  test('a dropped table that is to come back can be renamed', () => {
    given(created(), dropping(), dropped(), restoring()).when(toSecond).then(renaming('second'));
  });

  test('the new name is reserved, and nothing is destroyed', () => {
    given(created())
      .when(toSecond)
      .itMeans({ names: ['second'], destroys: [], bringsTo: [], bringsBack: false, isForGood: false });
  });
});

describe('what is refused', () => {
  test('a dropped table', () => {
    given(created(), dropping(), dropped()).when(toSecond).thenRefused('table_dropped');
  });

  test('a table of which a drop is on its way', () => {
    given(created(), dropping())
      .when(toSecond)
      .thenRefused('table_dropped', /a drop is on its way/);
  });

  test('a table whose creation failed', () => {
    given(creating(), failed('create', 'table.create'))
      .when(toSecond)
      .thenRefused('table_failed', /creation failed/);
  });
});

describe('in its turn', () => {
  test('a table gets its new name', () => {
    given(created())
      .when(toSecond)
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'second' })
      .thenDone(renamed('second'))
      .thenTableIs({ name: 'second', exists: true, pending: [], last_error: null });
  });

  test('behind a rename that failed it still gets the name that was asked for', () => {
    given(created(), renaming('second'))
      .when(toThird)
      .inTurn(failed('rename', 'table.rename'))
      .itIs('go')
      .itLeaves({ name: 'third' });
  });

  test('back to a name that it never lost, it has nothing to do', () => {
    given(created(), renaming('second'))
      .when((considered) => decideRename(considered, 'first', 'again'))
      .inTurn(failed('rename', 'table.rename'))
      .itIs('nothing')
      .itLeaves({ name: 'first' });
  });

  test('another case of letters is another name', () => {
    given(created())
      .when((considered) => decideRename(considered, 'First', 'rename'))
      .inTurn()
      .itIs('go');
  });

  test('behind a creation that failed it is refused', () => {
    given(creating())
      .when(toSecond)
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /the table's creation failed/ });
  });

  test('behind a restore that failed it is refused', () => {
    given(created(), dropping(), dropped(), restoring())
      .when(toSecond)
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });
});

describe('in a database', () => {
  test('it meets the table, and asks for its new name', async () => {
    await given(created())
      .when(toSecond)
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [ID], indexes: [] })
      .itAsks({ do: 'rename_table', table: 'first', to: 'second' });
  });

  test('behind a rename that failed it starts from the name that the table has', async () => {
    await given(created(), renaming('second'))
      .when(toThird)
      .inTurn(failed('rename', 'table.rename'))
      .on(HERE)
      .itAsks({ do: 'rename_table', table: 'first', to: 'third' });
  });
});

test('one that failed leaves the name and tells the error', () => {
  given(created(), renaming('second'), failed('rename', 'table.rename')).thenTableIs({ name: 'first', pending: [] });
});

test('what history says', () => {
  given(created(), renaming('second'), renamed('second')).thenHistorySays(
    'A rename from first to second was requested.',
    'The table was renamed to second on every database.',
  );
});
