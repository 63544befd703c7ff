import { describe, test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import { column, SOME_ERROR } from '../../testing/stream.js';
import { changingColumns, failed, HERE, ID, renaming } from '../../testing/table-events.js';
import type { EventOf } from './index.js';
import { decideRename } from './rename.js';

/** Nothing is decided here: the command looks at the database, and asks for what it found. */
const adopting: EventOf<'TableAdoptionRequested'> = {
  type: 'TableAdoptionRequested',
  saga_id: 'adopt',
  name: 'first',
  columns: [ID],
  databases: [HERE],
};
const adopted: EventOf<'TableAdopted'> = { type: 'TableAdopted', saga_id: 'adopt' };

describe('a table that others made', () => {
  test('reserves its name, and destroys nothing', () => {
    given()
      .when(() => adopting)
      .itMeans({ names: ['first'], destroys: [], bringsTo: [], bringsBack: false, isForGood: false });
  });

  test('is not there, and has no columns, until it is adopted', () => {
    given(adopting).thenTableIs({
      name: 'first',
      exists: false,
      ended: null,
      columns: [],
      databases: [HERE],
      origin: null,
    });
  });

  test('is managed as it stood from then on', () => {
    given()
      .when(() => adopting)
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', columns: [ID], dropped: false })
      .thenDone(adopted)
      .thenTableIs({ exists: true, ended: null, columns: [ID], pending: [], last_error: null });
  });

  test('can be changed at once, as what it will be', () => {
    given(adopting)
      .when((considered) => decideRename(considered, 'second', 'rename'))
      .then(renaming('second'))
      .inTurn(adopted)
      .itIs('go')
      .itLeaves({ name: 'second', columns: [ID] });
    const added = column({ name: 'a', type: 'text' });
    given(adopting)
      .when(() => changingColumns({ op: 'add', column: added }))
      .inTurn(adopted)
      .itLeaves({ columns: [ID, added] });
  });
});

describe('an adoption that failed', () => {
  test('leaves a table that is none, and tells the error', () => {
    given(adopting, failed('adopt', 'database.adopt')).thenTableIs({
      exists: false,
      ended: 'failed',
      columns: [],
      last_error: SOME_ERROR,
    });
  });

  test('takes the changes behind it with it: what is there is not ours', () => {
    given(adopting)
      .when((considered) => decideRename(considered, 'second', 'rename'))
      .inTurn(failed('adopt', 'database.adopt'))
      .itIs({ refused: /the table's creation failed/ });
    given(adopting, failed('adopt', 'database.adopt'))
      .when((considered) => decideRename(considered, 'second', 'rename'))
      .thenRefused('table_failed');
  });
});

test('in a database it meets the table as it is, and asks for nothing', async () => {
  await given()
    .when(() => adopting)
    .inTurn()
    .on(HERE)
    .itMeets({ columns: [ID], indexes: [] })
    .itAsks();
});

test('what history says', () => {
  given(adopting, adopted).thenHistorySays(
    'Taking table first of default under management was requested.',
    'The table as it stands was taken under management; nothing was touched.',
  );
});
