import { expect, test } from '@jest/globals';
import type { ColumnBody } from './columns.js';
import { expectedValues, play, type ModelTable, type Outcome } from './model.js';
import type { Change, ChangeItem } from './plan-items.js';

function item(change: Change): ChangeItem {
  return {
    item: 'change',
    seq: 0,
    table: 0,
    change,
    rows: 0,
    abortAfterMs: null,
    twice: false,
    poisoned: false,
    pauseMs: 0,
  };
}
const create = item({
  what: 'create',
  name: 't',
  databases: ['default'],
  occupied: null,
  entries: [
    { uid: 0, body: { name: 'k0', type: 'integer', primary_key: true } },
    { uid: 1, body: { name: 'a', type: 'string', length: 20 } },
  ],
});
const columns = (...entries: [number, ColumnBody][]): ChangeItem =>
  item({ what: 'columns', entries: entries.map(([uid, body]) => ({ uid, body })) });

function played(...steps: [ChangeItem, Outcome][]): ModelTable | string | undefined {
  return steps.reduce<ModelTable | string | undefined>(
    (table, [step, outcome]) => (typeof table === 'string' ? table : play(table, step, 'id', outcome)),
    undefined,
  );
}

test('only what completed moves the model', () => {
  const add = columns([2, { name: 'b', type: 'integer', default: 5 }]);
  expect(played([create, 'completed'], [add, 'compensated'])).toEqual({
    ...(played([create, 'completed']) as ModelTable),
    names: expect.any(Map),
  });
  expect(played([create, 'rejected'])).toMatchObject({ exists: false, dropped: false });
  expect(played([create, 'completed'], [add, 'completed'])).toMatchObject({
    columns: [
      { name: 'k0', nullable: false },
      { name: 'a', length: 20 },
      { name: 'b', default: 5, nullable: true },
    ],
  });
});

test('what is not named stays, and a type named alone takes its own length', () => {
  const table = played(
    [create, 'completed'],
    [columns([1, { name: 'A', rename_to: 'b', nullable: false }], [1, { name: 'b', unique: true }]), 'completed'],
    [columns([1, { name: 'b', type: 'string' }]), 'completed'],
  );
  expect(table).toMatchObject({ columns: [{}, { uid: 1, name: 'b', nullable: false, unique: true, length: 255 }] });
});

test('what completed and makes no sense is told', () => {
  expect(played([create, 'completed'], [columns([9, { name: 'gone' }]), 'completed'])).toMatch(/makes no sense/);
  expect(
    played(
      [create, 'completed'],
      [item({ what: 'drop' }), 'completed'],
      [item({ what: 'rename', name: 'u' }), 'completed'],
    ),
  ).toMatch(/does not exist/);
  expect(played([create, 'rejected'], [item({ what: 'restore' }), 'completed'])).toMatch(/never came to be/);
  // Nothing to restore: it alters nothing, and completes.
  expect(played([create, 'completed'], [item({ what: 'restore' }), 'completed'])).toEqual({
    ...(played([create, 'completed']) as ModelTable),
    past: expect.any(Array),
  });
});

test('a written value follows its column through renames; a name that stood for two columns says nothing', () => {
  const items = [
    create,
    columns([1, { name: 'a', rename_to: 'b' }]),
    columns([2, { name: 'x', type: 'text' }]),
    columns([2, { name: 'x' }]),
    columns([3, { name: 'x', type: 'text' }]),
  ].map((i, seq) => ({ ...i, seq }));
  const table = played(...items.map((i): [ChangeItem, Outcome] => [i, 'completed'])) as ModelTable;
  const row = {
    table: 0,
    database: 'default',
    key: 1,
    certain: true,
    lastWriteAt: 0,
    values: [
      { name: 'a', allowed: ['one'] },
      { name: 'x', allowed: ['two'] },
      { name: 'b', allowed: ['three'] },
    ],
  };
  expect([...expectedValues(table, row)]).toEqual([['b', ['three']]]);
});

test('a name borne for a moment, by a column that was undone, makes what was written to it uncertain', () => {
  const add = columns([2, { name: 'x', type: 'text' }]);
  const row = {
    table: 0,
    database: 'default',
    key: 1,
    certain: true,
    lastWriteAt: 0,
    values: [{ name: 'x', allowed: ['one'] }],
  };
  const table = played([create, 'completed'], [add, 'compensated'], [{ ...add, seq: 1 }, 'completed']) as ModelTable;
  expect(table.columns.map((c) => c.name)).toEqual(['k0', 'a', 'x']);
  expect([...expectedValues(table, row)]).toEqual([]);
  expect([...expectedValues(played([create, 'completed'], [add, 'completed']) as ModelTable, row)]).toEqual([
    ['x', ['one']],
  ]);
});

test('a storm: reverts go by version, moves keep what is left behind in mind, and what a hand did stands', () => {
  const at = (
    table: ModelTable | string | undefined,
    change: Change,
    version: number,
    outcome: Outcome,
    done = {},
  ): ModelTable | string => play(table as ModelTable | undefined, item(change), 'id', outcome, version, done);
  let table = at(undefined, create.change, 2, 'completed');
  table = at(table, { what: 'columns', entries: [{ uid: 1, body: { name: 'a' } }] }, 4, 'completed');
  expect(table).toMatchObject({ columns: [{ name: 'k0' }] });
  expect(at(table, { what: 'revert', part: 0 }, 6, 'completed', { version: 3 })).toMatchObject({
    columns: [{ name: 'k0' }, { name: 'a' }],
    loose: true,
  });
  expect(at(table, { what: 'revert', part: 0 }, 6, 'completed', { version: 1 })).toMatch(/never was/);
  expect(at(table, { what: 'databases', add: ['b'], remove: ['default'] }, 6, 'completed')).toMatchObject({
    databases: ['b'],
    left: new Set(['default']),
  });
  const hand = { what: 'drift', hand: 'add', as: 'adopt', dice: 0, uid: 9 } as const;
  const done = { database: 'default', name: 'd9' };
  expect(at(table, hand, 6, 'completed', done)).toMatchObject({
    columns: [{ name: 'k0' }, { name: 'd9' }],
    extras: new Map([['default', new Set()]]),
  });
  expect(at(table, hand, 6, 'rejected', done)).toMatchObject({
    columns: [{ name: 'k0' }],
    extras: new Map([['default', new Set(['d9'])]]),
  });
  expect(at(table, { ...hand, as: 'ignore' }, 6, 'completed', done)).toMatchObject({
    columns: [{ name: 'k0' }],
    extras: new Map([['default', new Set(['d9'])]]),
  });
});
