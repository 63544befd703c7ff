import { expect, test } from '@jest/globals';
import { column } from '../../testing/stream.js';
import { given } from '../../testing/spec-kit.js';
import { created, changingIndexes, ID, indexesChanged } from '../../testing/table-events.js';
import { ddlOf } from './ddl.js';

const note = column({ name: 'note', type: 'text' });
const index = {
  name: 'by_note',
  columns: [{ name: 'note', order: 'desc' as const }],
  unique: true,
  called: ['n', 'n_1'],
};

test('a table is built with its indexes, under the first of their names', () => {
  const { table } = given(
    created({ columns: [ID, note] }),
    changingIndexes({ op: 'create', index }),
    indexesChanged(index),
  );
  const { ddl } = ddlOf(table);
  expect(ddl.postgres.at(-1)).toBe('create unique index "n" on "first" ("note" desc)');
  expect(ddl.sqlite.at(-1)).toBe('CREATE UNIQUE INDEX "n" ON "first"("note" DESC)');
});

test('an engine that cannot make one of its indexes says why, and builds nothing', () => {
  const { table } = given(
    created({ columns: [ID, note] }),
    changingIndexes({ op: 'create', index }),
    indexesChanged(index),
  );
  const { ddl, missing } = ddlOf(table);
  expect([ddl.mysql, missing]).toEqual([[], { mysql: 'note cannot be in an index: text has no whole index' }]);
});
