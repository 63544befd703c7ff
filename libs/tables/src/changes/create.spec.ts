import { describe, test } from '@jest/globals';
import { engineOf, type Column, type Index, type Managed } from '#byodb';
import { given } from '../../testing/spec-kit.js';
import { column, RECORDED_AT, SOME_ERROR } from '../../testing/stream.js';
import { created, creating, failed, HERE, ID, renaming, THERE } from '../../testing/table-events.js';
import { decideCreate, defaultColumns } from './create.js';
import type { RequestEvent } from './index.js';

const POINT: Column = {
  ...column({ name: 'place', type: 'text' }),
  type: 'native',
  native: { engine: 'postgres', type: 'point' },
};
const table = (columns: Column[]): Managed => ({ columns, indexes: [] });
const ORIGIN = { table_id: 'another', version: 3 };

const plainly = (): RequestEvent => decideCreate('first', table([ID]), [HERE], [engineOf('sqlite')], 'create');
const asReplay = (): RequestEvent => decideCreate('first', table([ID]), [HERE], [engineOf('sqlite')], 'create', ORIGIN);

describe('what is asked for', () => {
  test('a table of these columns on these databases', () => {
    given()
      .when(() =>
        decideCreate('first', table([ID]), [HERE, THERE], [engineOf('sqlite'), engineOf('postgres')], 'create'),
      )
      .then(creating({ databases: [HERE, THERE] }));
  });

  test('a replay says which version of which table it builds', () => {
    given()
      .when(asReplay)
      .then({ ...creating(), origin: ORIGIN });
  });

  test('its name is reserved, and nothing is destroyed', () => {
    given()
      .when(plainly)
      .itMeans({ names: ['first'], destroys: [], bringsBack: false, isForGood: false });
  });

  test('without columns it has a numbered key, a name and two times', () => {
    given()
      .when(() => decideCreate('first', table(defaultColumns()), [HERE], [engineOf('sqlite')], 'create'))
      .then(
        creating({
          columns: [
            column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
            column({ name: 'name', type: 'text' }),
            column({ name: 'created_at', type: 'timestamp' }),
            column({ name: 'updated_at', type: 'timestamp' }),
          ],
        }),
      );
  });
});

describe('what is refused', () => {
  test('a type that only another engine knows', () => {
    given()
      .when(() =>
        decideCreate('first', table([ID, POINT]), [HERE], [engineOf('postgres'), engineOf('sqlite')], 'create'),
      )
      .thenRefused('unsupported_change', /place has a type of postgres's own \(point\), which sqlite cannot build/);
  });

  test('a type that its own engine knows is refused by none where it is at home', () => {
    given()
      .when(() => decideCreate('first', table([ID, POINT]), [HERE], [engineOf('postgres')], 'create'))
      .then(creating({ columns: [ID, POINT] }));
  });

  test('what one of the engines does not build, though the others do', () => {
    const text = column({ name: 'text', type: 'text', unique: true });
    given()
      .when(() => decideCreate('first', table([ID, text]), [HERE], [engineOf('sqlite'), engineOf('mysql')], 'create'))
      .thenRefused('unsupported_change', /^mysql: text cannot be unique/);
  });
});

describe('until it is done', () => {
  test('the table is not there and has no columns, but is foreseen', () => {
    given()
      .when(plainly)
      .inTurn()
      .itIs('go')
      .itLeaves({ name: 'first', columns: [ID], dropped: false });
    given(creating()).thenTableIs({ name: 'first', exists: false, columns: [], databases: [HERE], ended: null });
  });

  test('a replay is told apart, and the table knows where it comes from', () => {
    given(creating()).thenTableIs({ origin: null });
    given({ ...creating(), origin: ORIGIN }).thenTableIs({ origin: ORIGIN });
  });
});

describe('in a database', () => {
  test('it meets nothing, and asks for the table', async () => {
    await given()
      .when(plainly)
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [], indexes: [] })
      .itAsks({ do: 'create_table', table: 'first', columns: [ID] });
  });

  test('a replay asks for the indexes behind the table', async () => {
    const byId: Index = { name: 'by_id', columns: [{ name: 'id', order: 'desc' }], unique: false, called: ['by_id'] };
    const withIndex = { columns: [ID], indexes: [byId] };
    await given()
      .when(() => decideCreate('first', withIndex, [HERE], [engineOf('sqlite')], 'create', ORIGIN))
      .inTurn()
      .on(HERE)
      .itMeets({ columns: [], indexes: [] })
      .itAsks(
        { do: 'create_table', table: 'first', columns: [ID] },
        { do: 'create_index', table: 'first', index: byId },
      );
  });
});

describe('its end', () => {
  test('the table stands on all of its databases', () => {
    given()
      .when(plainly)
      .inTurn()
      .thenDone({ type: 'TableCreated', saga_id: 'create' })
      .thenTableIs({ exists: true, ended: null, columns: [ID], pending: [], last_error: null });
  });

  test('a change that was asked for meanwhile waits still', () => {
    given(creating(), renaming('second'), created().slice(1)).thenTableIs({
      name: 'first',
      exists: true,
      pending: [
        {
          saga_id: 'rename',
          change: { kind: 'table.rename', from: 'first', name: 'second' },
          requested_at: RECORDED_AT,
        },
      ],
    });
  });

  test('one that failed is never a table', () => {
    given(creating(), failed('create', 'table.create')).thenTableIs({
      exists: false,
      ended: 'failed',
      columns: [],
      pending: [],
      last_error: SOME_ERROR,
    });
  });
});

test('what history says', () => {
  given(created({ databases: [HERE, THERE] })).thenHistorySays(
    'Creation of table first on default, there was requested.',
    'The table was created on every database.',
  );
});
