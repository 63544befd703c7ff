import { test } from '@jest/globals';
import { given } from '../../testing/spec-kit.js';
import { SOME_ERROR } from '../../testing/stream.js';
import { created, failed, renaming } from '../../testing/table-events.js';
import type { EventOf } from '../changes/index.js';

const undone = (database: string | null): EventOf<'ChangeCompensated'> => ({
  type: 'ChangeCompensated',
  saga_id: 'rename',
  kind: 'table.rename',
  error: { ...SOME_ERROR, database },
});

test.each([
  {
    end: failed('rename', 'table.rename'),
    says: 'The change (table.rename) was rejected, and nothing was touched: rows do not fit',
  },
  {
    end: undone('there'),
    says: 'The change (table.rename) failed on there and was undone everywhere: rows do not fit',
  },
  {
    end: undone(null),
    says: 'The change (table.rename) failed and was undone everywhere: rows do not fit',
  },
])('history says how a change ended that was not done: $says', ({ end, says }) => {
  given(created(), renaming('second'), end).thenHistorySays('A rename from first to second was requested.', says);
});
