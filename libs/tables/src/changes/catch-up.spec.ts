import { describe, test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import { SOME_ERROR } from '../../testing/stream.js';
import {
  created,
  creating,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  renaming,
  restoring,
} from '../../testing/table-events.js';
import type { EventOf, RequestEvent } from './index.js';

/** Nothing is decided here: the command asks it of every table that lives in the database. */
const asked: EventOf<'CatchUpRequested'> = { type: 'CatchUpRequested', saga_id: 'catch-up', database: HERE };
const caughtUp: EventOf<'CaughtUp'> = { type: 'CaughtUp', saga_id: 'catch-up', database: HERE };
const catchUp = (): RequestEvent => asked;

test('it reserves no name, destroys nothing, and brings back nothing', () => {
  given(created())
    .when(catchUp)
    .itMeans({ names: [], destroys: [], bringsTo: [], bringsBack: false, isForGood: false });
});

describe('in its turn', () => {
  test('history stays as it is: the database follows', () => {
    const { name, columns, databases, set_aside: kept } = given(created()).table;
    given(created())
      .when(catchUp)
      .inTurn()
      .itIs('go')
      .itLeaves({ name, columns, databases, dropped: false })
      .thenDone(caughtUp)
      .thenTableIs({ name, columns, databases, set_aside: kept, pending: [], last_error: null });
  });

  test('behind a rename that failed the table has the name that it had', () => {
    given(created(), renaming('second'))
      .when(catchUp)
      .inTurn(failed('rename', 'table.rename'))
      .itIs('go')
      .itLeaves({ name: 'first', columns: [ID] });
  });

  test('behind a drop it is refused, behind one that failed it goes', () => {
    given(created(), dropping())
      .when(catchUp)
      .inTurn(dropped())
      .itIs({ refused: /the table is dropped/ });
    given(created(), dropping()).when(catchUp).inTurn(failed('drop', 'table.drop')).itIs('go');
  });

  test('behind a creation or a restore that failed it is refused', () => {
    given(creating())
      .when(catchUp)
      .inTurn(failed('create', 'table.create'))
      .itIs({ refused: /the table's creation failed/ });
    given(created(), dropping(), dropped(), restoring())
      .when(catchUp)
      .inTurn(failed('restore', 'table.restore'))
      .itIs({ refused: /the table is dropped/ });
  });
});

test('one that failed leaves the table as it was, and tells the error', () => {
  given(created(), asked, failed('catch-up', 'database.catch_up')).thenTableIs({
    name: 'first',
    exists: true,
    columns: [ID],
    last_error: SOME_ERROR,
  });
});

test('in a database it asks for nothing by itself: the steps that are missing there are repeated', async () => {
  await given(created())
    .when(catchUp)
    .inTurn()
    .on(HERE)
    .itMeets({ columns: [ID], indexes: [] })
    .itAsks();
});

test('what history says', () => {
  given(created(), asked, caughtUp).thenHistorySays(
    'Bringing default to what history says was requested.',
    'What default lacked was done there.',
  );
});
