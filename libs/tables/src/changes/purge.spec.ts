import { describe, test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import { RECORDED_AT, SOME_ERROR } from '../../testing/stream.js';
import {
  columnsChanged,
  created,
  dropped,
  dropping,
  failed,
  HERE,
  ID,
  LATER,
  purged,
  purging,
  renaming,
  restored,
  restoring,
} from '../../testing/table-events.js';
import type { Considered } from '../table/table.js';
import type { EventOf, RequestEvent } from './index.js';
import { decidePurge } from './purge.js';

const ask =
  (of?: string) =>
  (considered: Considered): RequestEvent =>
    decidePurge(considered, of, 'it is secret', 'purge');
const early = (...of: string[]): EventOf<'PurgeRequested'> => ({ ...purging(...of), reason: 'it is secret' });
const inTime =
  (...of: string[]) =>
  (): RequestEvent =>
    purging(...of);

/** What the columns and a second change of them set aside. */
const parts = [...created(), columnsChanged([ID], LATER), { ...columnsChanged([ID], LATER), saga_id: 'more' }];
const whole = [...parts, dropping(), dropped()];
const reverting: EventOf<'TableRevertRequested'> = {
  type: 'TableRevertRequested',
  saga_id: 'revert',
  to_version: 2,
  name: 'first',
  ops: [],
};

describe('what is asked for', () => {
  test('all that is kept, with the reason', () => {
    given(parts).when(ask()).then(early('columns', 'more'));
  });

  test('what one saga set aside', () => {
    given(parts).when(ask('more')).then(early('more'));
  });

  test('a dropped table goes with all that was set aside of it, and a part of it alone', () => {
    given(whole)
      .when(ask('drop'))
      .then(early('columns', 'more', 'drop'));
    given(whole).when(ask('more')).then(early('more'));
  });

  test('a saga that set aside two things is named once', () => {
    given(parts, columnsChanged([ID], LATER))
      .when(ask())
      .then(early('columns', 'more'));
  });

  test('what another purge is to destroy is not asked for again', () => {
    given(parts, { ...purging('columns'), saga_id: 'other' })
      .when(ask())
      .then(early('more'));
  });

  test('it destroys what it names, for good', () => {
    given(parts)
      .when(ask('more'))
      .itMeans({ names: [], destroys: ['more'], bringsBack: false, isForGood: true });
  });
});

describe('what is refused', () => {
  test('a table of which nothing is kept', () => {
    given(created())
      .when(ask())
      .thenRefused('retention_expired', /nothing of the table is kept aside/);
  });

  test('a saga of which nothing is kept', () => {
    given(parts)
      .when(ask('rename'))
      .thenRefused('retention_expired', /nothing that saga rename set aside/);
  });

  test('what a purge is to destroy already', () => {
    given(parts, { ...purging('columns', 'more'), saga_id: 'other' })
      .when(ask())
      .thenRefused('retention_expired');
    given(parts, { ...purging('more'), saga_id: 'other' })
      .when(ask('more'))
      .thenRefused('retention_expired');
  });

  test('anything, while a restore or a revert may bring it back', () => {
    given(whole, restoring())
      .when(ask('columns'))
      .thenRefused('retention_expired', /brings back what is kept/);
    given(parts, reverting)
      .when(ask('more'))
      .thenRefused('retention_expired', /brings back what is kept/);
  });

  test('not when that one failed', () => {
    given(whole, restoring(), failed('restore', 'table.restore')).when(ask('columns')).then(early('columns'));
  });
});

describe('in its turn', () => {
  test('what it names is destroyed, the table stays as it is', () => {
    given(parts)
      .when(ask('columns'))
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', columns: [ID], dropped: false })
      .thenDone(purged('columns'))
      .thenTableIs({ exists: true, set_aside: [{ saga_id: 'more', what: 'part', reversible_until: LATER }] });
  });

  test('of a dropped table nothing is left', () => {
    given(whole)
      .when(ask())
      .inTurn()
      .thenDone(purged('columns', 'more', 'drop'))
      .thenTableIs({ exists: false, ended: 'dropped', set_aside: [] });
  });

  test('it is refused where what it names has gone', () => {
    given(parts, { ...purging('more'), saga_id: 'other' })
      .when(inTime('columns', 'more'))
      .inTurn({ ...purged('more'), saga_id: 'other' })
      .itIs({ refused: /came back, or went, meanwhile/ });
  });

  test('it is refused where the table came back', () => {
    given(whole, restoring())
      .when(inTime('columns', 'more', 'drop'))
      .inTurn(restored())
      .itIs({ refused: /came back, or went, meanwhile/ });
  });

  test('at its time a part does not go without the table that was dropped meanwhile', () => {
    given(parts, dropping())
      .when(inTime('columns'))
      .inTurn(dropped())
      .itIs({ refused: /came back, or went, meanwhile/ });
    given(parts, dropping()).when(inTime('columns')).inTurn(failed('drop', 'table.drop')).itIs('go');
  });

  test('one that was asked for may be of a part of a dropped table', () => {
    given(parts, dropping()).when(ask('columns')).inTurn(dropped()).itIs('go');
  });
});

test('in a database it asks nothing of the table itself: what is kept there goes by the steps that set it aside', async () => {
  await given(parts)
    .when(ask())
    .inTurn()
    .on(HERE)
    .itMeets({ columns: [ID], indexes: [] })
    .itAsks();
});

describe("one that is nobody's change", () => {
  test('leaves the error of the last change as it is', () => {
    given(parts, renaming('second'), failed('rename', 'table.rename'), purging('more'), purged('more')).thenTableIs({
      last_error: SOME_ERROR,
    });
  });

  test('tells no error when it could not be, and is tried again a minute later', () => {
    given(parts, purging('more'), failed('purge', 'table.purge')).thenTableIs({
      last_error: null,
      no_purge_before: new Date(Date.parse(RECORDED_AT) + 60_000).toISOString(),
      set_aside: given(parts).table.set_aside,
    });
  });
});

test('what history says', () => {
  const done = 'What was set aside was destroyed on every database.';
  given(parts, purging('more'), purged('more')).thenHistorySays(
    'The retention time of something set aside was over: its purge was requested.',
    done,
  );
  given(parts, early('more'), purged('more')).thenHistorySays(
    'Destroying something set aside before its time was requested: it is secret.',
    done,
  );
});
