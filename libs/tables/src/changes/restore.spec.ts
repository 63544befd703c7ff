import { expect, test } from '@jest/globals';
import { completeColumn } from '#byodb';
import { consider, outlook } from '../table/outlook.js';
import { evolve } from '../table/evolve.js';
import type { DatabaseRef } from '../table/event-parts.js';
import type { Table } from '../table/table.js';
import { decideCreate } from './create.js';
import { decideDrop } from './drop.js';
import type { TableEvent } from './index.js';
import { decideRename } from './rename.js';
import { decideRestore, restoredAs } from './restore.js';

const AT = '2026-01-01T00:00:00.000Z';
const LATER = '2026-02-01T00:00:00.000Z';
const on: DatabaseRef[] = [{ id: 'd', name: 'default', engine: 'sqlite' }];
const columns = [completeColumn({ name: 'id', type: 'integer', primary_key: true }).column];
const error = { code: 'table_name_taken', message: 'taken', database: null, step_id: null };

function play(table: Table | null, ...events: TableEvent[]): Table {
  let version = table?.version ?? 0;
  return events.reduce<Table | null>(
    (seen, event) => evolve(seen, event, { version: (version += 1), recorded_at: AT, table_id: 't' }),
    table,
  )!;
}

/** A table `first` with a rename to `second` and a drop on their way. */
function renamedAndDropped(): Table {
  const table = play(null, decideCreate('first', columns, on, [], 'create'), {
    type: 'TableCreated',
    saga_id: 'create',
  });
  const renaming = play(table, decideRename(consider(table), 'second', 'rename'));
  return play(renaming, decideDrop(consider(renaming), 'drop'));
}

test.each([
  { as: undefined, renamed: false, name: 'first' },
  { as: undefined, renamed: true, name: 'second' },
  { as: 'third', renamed: false, name: 'third' },
  { as: 'third', renamed: true, name: 'third' },
])('a restore as $as behind a rename (comes true: $renamed) brings back $name', ({ as, renamed, name }) => {
  const before = renamedAndDropped();
  const asked = play(before, decideRestore(consider(before), as, Date.parse(AT), 'restore'));
  const renameEnds: TableEvent = renamed
    ? { type: 'TableRenamed', saga_id: 'rename', name: 'second' }
    : { type: 'ChangeRejected', saga_id: 'rename', kind: 'table.rename', error };
  const inTurn = play(asked, renameEnds, { type: 'TableDropped', saga_id: 'drop', reversible_until: LATER });
  const { change } = inTurn.pending[0]!;
  expect(change.kind === 'table.restore' && restoredAs(inTurn, change)).toBe(name);
  expect(outlook(inTurn).name).toBe(name);
});
