import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engineOf, parseUrl } from '#byodb';
import { query } from '../../../testing/fixtures.js';
import { refusing } from './refusing.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply } from './service.js';
import { stateOf } from './state.js';

const ON = ['pg', 'my', 'file'] as const;
type Name = (typeof ON)[number];

let scene: Scene<Name>;
let urls: Record<Name, string>;
beforeAll(async () => {
  scene = await threeEngines(ON);
  ({ urls } = scene);
});
afterAll(() => scene.close());

/** What the driver says: of one realm of modules, which need not be this one's, so that it is no Error here. */
const TWICE = { message: expect.stringMatching(/unique|duplicate/i) };

const call = (method: string, path: string, body?: object): Promise<Reply> => scene.s.call(method, path, body, WAIT);
const done = (path: string, body: object): Promise<Reply['body']> => scene.done(path, body);

/** A table with three rows on all of them. */
const given = (name: string, databases: readonly Name[] = ON): Promise<string> =>
  scene.create(name, {
    databases,
    columns: [
      { name: 'id', type: 'integer', primary_key: true, generated: true },
      { name: 'mail', type: 'string', length: 80 },
      { name: 'age', type: 'integer' },
      { name: 'town', type: 'string', length: 80 },
    ],
    rows: [1, 2, 3].map((age) => ({ mail: `m${age}`, age, town: 'same' })),
  });

const index = (tableId: string, ...indexes: object[]): Promise<Reply['body']> =>
  done(
    '/table/index',
    indexes.length === 1 ? { table_id: tableId, index: indexes[0] } : { table_id: tableId, indexes },
  );

const BY_MAIL = { name: 'by_mail', columns: ['mail', { name: 'age', order: 'desc' }] };
const SHOWN_BY_MAIL = {
  name: 'by_mail',
  columns: [
    { name: 'mail', order: 'asc' },
    { name: 'age', order: 'desc' },
  ],
  unique: false,
};

async function shown(tableId: string): Promise<Record<string, object>> {
  return (await call('GET', `/tables/${tableId}`)).body['table'].indexes as Record<string, object>;
}

/** What each database itself has, without the uniques of columns: `name (columns)`. */
async function found(table: string, databases: readonly Name[] = ON): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const name of databases) {
    const address = parseUrl(urls[name]);
    const connection = engineOf(address.engine).open(address);
    try {
      const live = (await connection.look((session) => session.introspect(table)))!;
      all[name] = connection.engine
        .indexes(live)
        .map((one) => {
          const members = one.columns.map((c) => (c.order === 'desc' ? `${c.name} desc` : c.name));
          return `${one.valid ? '' : 'broken '}${one.unique ? 'unique ' : ''}${one.name} (${members.join(', ')})`;
        })
        .sort();
    } finally {
      await connection.close();
    }
  }
  return all;
}
const onAll = (...indexes: string[]): Record<string, string[]> => ({ pg: indexes, my: indexes, file: indexes });

describe('an index', () => {
  test('is created, replaced, renamed and dropped on every database, and shown', async () => {
    const id = await given('people');
    const made = await index(id, BY_MAIL);
    expect(made['saga'].kind).toBe('index.create');
    expect(made['table'].indexes).toEqual({ by_mail: SHOWN_BY_MAIL });
    expect(await found('people')).toEqual(onAll('people_by_mail (mail, age desc)'));

    expect((await index(id, { name: 'by_mail', columns: ['age'], unique: true }))['saga'].kind).toBe('indexes.change');
    const after = await found('people');
    for (const name of ON) {
      expect(after[name]).toHaveLength(1);
      expect(after[name]![0]).toMatch(/^unique people_by_mail\w* \(age\)$/);
    }

    expect((await index(id, { name: 'by_mail', rename_to: 'by_age' }))['saga'].kind).toBe('index.rename');
    expect(await found('people')).toEqual(onAll('unique people_by_age (age)'));
    for (const name of ON)
      await expect(query(urls[name], `insert into people (mail, age) values ('x', 1)`)).rejects.toMatchObject(TWICE);

    expect((await index(id, { name: 'by_age' }))['saga'].kind).toBe('index.drop');
    expect(await shown(id)).toEqual({});
    expect(await found('people')).toEqual(onAll());
    for (const name of ON) await query(urls[name], `insert into people (mail, age) values ('x', 1)`);
  });

  test('of several in one change all are made, or none', async () => {
    const id = await given('several');
    const { saga, table } = await index(id, BY_MAIL, { name: 'by_town', columns: ['town'] });
    expect(saga.kind).toBe('indexes.change');
    expect(Object.keys(table.indexes as object)).toEqual(['by_mail', 'by_town']);
    const before = await stateOf(urls, 'several');
    const refused = await call('POST', '/table/index', {
      table_id: id,
      indexes: [
        { name: 'by_age', columns: ['age'] },
        { name: 'one_town', columns: ['town'], unique: true },
      ],
    });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ code: 'saga_rejected', saga: { error: { code: 'rows_conflict' } } });
    expect(refused.body['saga'].error.message).toMatch(/^\(town\) is not unique: 3 row\(s\) of several .* at \{"id":/);
    expect(refused.body['saga'].error.details).toMatchObject({ count: 3, example: { id: expect.any(String) } });
    expect(await stateOf(urls, 'several')).toEqual(before);
    expect(Object.keys(await shown(id))).toEqual(['by_mail', 'by_town']);
  });

  test('is put back everywhere when one database refuses', async () => {
    const id = await given('refusing');
    await index(id, BY_MAIL);
    const before = await stateOf(urls, 'refusing');
    for (const tag of ['CREATE INDEX', 'ALTER INDEX']) {
      const relent = await refusing(urls.pg, tag);
      const ask = tag === 'CREATE INDEX' ? { name: 'by_town', columns: ['town'] } : { name: 'by_mail' };
      const refused = await call('POST', '/table/index', { table_id: id, index: ask });
      expect([tag, refused.status, refused.body['code']]).toEqual([tag, 422, 'saga_compensated']);
      await relent();
      expect(await stateOf(urls, 'refusing')).toEqual(before);
      expect(await shown(id)).toEqual({ by_mail: SHOWN_BY_MAIL });
    }
  });

  test('that changes nothing touches nothing', async () => {
    const id = await given('idle');
    await index(id, BY_MAIL);
    const before = await stateOf(urls, 'idle');
    const { saga } = await index(id, BY_MAIL);
    expect((saga.steps as { status: string }[]).map(({ status }) => status)).toEqual(ON.map(() => 'skipped'));
    expect(await stateOf(urls, 'idle')).toEqual(before);
  });

  test('on PostgreSQL is built while others write, where the table has rows', async () => {
    const [filled, empty] = [await given('filled', ['pg']), await given('emptied', ['pg'])];
    await query(urls.pg, 'delete from emptied');
    const statements = async (id: string): Promise<string[]> =>
      ((await index(id, BY_MAIL))['saga'].steps as { statements?: string[] }[]).flatMap(
        (step) => step.statements ?? [],
      );
    expect(await statements(filled)).toContainEqual(
      expect.stringMatching(/^create index concurrently "filled_by_mail"/),
    );
    expect(await statements(empty)).toContainEqual(expect.stringMatching(/^create index "emptied_by_mail"/));
  });

  test('that a foreign key rests on is not dropped', async () => {
    const id = await given('referred', ['pg', 'my']);
    await index(id, { name: 'one_mail', columns: ['mail'], unique: true });
    for (const name of ['pg', 'my'] as const)
      await query(
        urls[name],
        'create table referring (id integer primary key, mail varchar(80), constraint to_mail foreign key (mail) ' +
          `references referred (mail))${name === 'my' ? ' character set utf8mb4 collate utf8mb4_bin' : ''}`,
      );
    const refused = await call('POST', '/table/index', { table_id: id, index: { name: 'one_mail' } });
    expect(refused.body).toMatchObject({ code: 'saga_rejected', saga: { error: { code: 'dependents_exist' } } });
    expect(refused.body['saga'].error.message).toMatch(/to_mail.* depend on index one_mail of referred/);
  });
});

describe('the name of an index in databases', () => {
  test('never collides, whatever tables and indexes are called', async () => {
    const [one, other] = [await given('a_b'), await given('a')];
    await index(one, { name: 'c', columns: ['mail'] });
    await index(other, { name: 'b_c', columns: ['mail'] });
    expect(await found('a_b')).toEqual(onAll('a_b_c (mail)'));
    const names = await found('a');
    expect(names['my']).toEqual(['a_b_c (mail)']);
    for (const name of ['pg', 'file'])
      expect(names[name]).toEqual([expect.stringMatching(/^a_b_c_[0-9a-f]{8} \(mail\)$/)]);
    await index(other, { name: 'b_c' });
    expect(await found('a')).toEqual(onAll());
    expect(await found('a_b')).toEqual(onAll('a_b_c (mail)'));
  });

  test('has an end, and a hash behind it then', async () => {
    const table = `t${'x'.repeat(46)}`;
    const id = await given(table);
    const name = `i${'y'.repeat(46)}`;
    await index(id, { name, columns: ['mail'] }, { name: `${name}z`, columns: ['age'] });
    const names = await found(table);
    for (const one of ON) {
      expect(names[one]).toHaveLength(2);
      for (const text of names[one]!) expect(text).toMatch(/^tx+_iy+_[0-9a-f]{8} \((mail|age)\)$/);
    }
    expect(Object.keys(await shown(id))).toEqual([name, `${name}z`]);
  });

  test('stays when the table is renamed, and a new table of that name gets another one', async () => {
    const id = await given('first_name');
    await index(id, BY_MAIL);
    await done('/table/rename', { table_id: id, name: 'second_name' });
    const again = await given('first_name');
    await index(again, BY_MAIL);
    await index(id, { name: 'by_mail' });
    expect(await found('second_name')).toEqual(onAll());
    for (const names of Object.values(await found('first_name')))
      expect(names).toEqual([expect.stringMatching(/^first_name_by_mail\w* \(mail, age desc\)$/)]);
  });
});

test('a table that is restored under another name keeps its index, whoever has the name of that by now', async () => {
  const id = await given('taken');
  await index(id, BY_MAIL);
  await done('/table/delete', { table_id: id });
  const other = await given('taken');
  await index(other, BY_MAIL);
  await done('/table/restore', { table_id: id, as: 'taken_back' });
  for (const names of Object.values(await found('taken_back'))) {
    expect(names).toEqual([expect.stringMatching(/^\w+ \(mail, age desc\)$/)]);
  }
  for (const name of ON)
    expect((await call('GET', `/databases/${name}/drift`)).body['drift']).not.toContainEqual(
      expect.objectContaining({ table: 'taken_back' }),
    );
  await index(id, { name: 'by_mail', rename_to: 'by_post' });
  expect(await found('taken_back')).toEqual(onAll('taken_back_by_post (mail, age desc)'));
  await index(id, { name: 'by_post' });
  expect(await found('taken_back')).toEqual(onAll());
  expect(await found('taken')).toEqual(onAll('taken_by_mail (mail, age desc)'));
});

describe('history', () => {
  test('walks, compares, tells and replays indexes', async () => {
    const id = await given('walked', ['file']);
    await index(id, BY_MAIL);
    await done('/table/column', { table_id: id, column: { name: 'mail', rename_to: 'email' } });
    await index(id, { name: 'by_town', columns: ['town'] });
    const at = async (version: number): Promise<object> =>
      (await call('POST', '/table/show', { table_id: id, version })).body['table'].indexes as object;
    expect(await at(2)).toEqual({});
    expect(await at(4)).toEqual({ by_mail: SHOWN_BY_MAIL });
    const renamed = { ...SHOWN_BY_MAIL, columns: [{ name: 'email', order: 'asc' }, SHOWN_BY_MAIL.columns[1]] };
    expect(await at(6)).toEqual({ by_mail: renamed });
    const there = (await call('POST', '/table/show', { table_id: id, database: 'file' })).body['table'];
    expect(Object.keys(there.indexes as object)).toEqual(['by_mail', 'by_town']);
    const { body: diff } = await call('GET', `/tables/${id}/diff?from=4`);
    expect(diff['indexes']).toMatchObject({ added: [{ name: 'by_town' }], removed: [], altered: [] });
    const { events } = (await call('GET', `/tables/${id}/history`)).body as { events: { summary: string }[] };
    expect(events.map(({ summary }) => summary)).toEqual(
      expect.arrayContaining([
        'Create index by_mail (mail, age desc): requested.',
        'The indexes were changed on every database; they are now by_mail.',
      ]),
    );
    const replayed = (await call('POST', '/table/replay', { table_id: id })).body;
    expect(replayed['ddl'].postgres).toContain('create index "walked_by_town" on "walked" ("town")');
    for (const [i, database] of (['pg', 'my'] as const).entries()) {
      await done('/table/replay', { table_id: id, database, as: `replayed_${i}` });
      expect(await found(`replayed_${i}`, [database])).toEqual({
        [database]: ['walked_by_mail (email, age desc)', 'walked_by_town (town)'],
      });
    }
  });

  test('goes back: dropped ones return, later ones go, with the columns that came and went', async () => {
    const id = await given('reverted');
    await index(id, BY_MAIL, { name: 'one_age', columns: ['age'], unique: true });
    const before = await found('reverted');
    await index(id, { name: 'by_mail' }, { name: 'one_age', rename_to: 'sole_age' });
    await done('/table/column', {
      table_id: id,
      columns: [{ name: 'mail' }, { name: 'nick', type: 'string', length: 20 }],
    });
    await index(id, { name: 'by_nick', columns: ['nick'] });
    const dry = await scene.s.call('POST', '/table/revert?dry_run=true', { table_id: id, version: 4 });
    expect(dry.body['plan']).toMatchObject({ blocked_by: null, reversible: true });
    await done('/table/revert', { table_id: id, version: 4 });
    expect(await found('reverted')).toEqual(before);
    expect(Object.keys(await shown(id)).sort()).toEqual(['by_mail', 'one_age']);
    for (const name of ON)
      expect(await query(urls[name], 'select mail from reverted order by id')).toEqual(
        ['m1', 'm2', 'm3'].map((mail) => ({ mail })),
      );
  });

  test('goes back behind an index that came before a column was altered, and stays that way', async () => {
    const id = await given('altered');
    await index(id, { name: 'one_mail', columns: ['mail'], unique: true });
    const withIndex = await stateOf(urls, 'altered');
    await done('/table/column', { table_id: id, column: { name: 'mail', length: 120, default: 'none' } });
    expect(Object.values(await found('altered'))).toEqual(ON.map(() => ['unique altered_one_mail (mail)']));
    await done('/table/revert', { table_id: id, version: 4 });
    expect(await stateOf(urls, 'altered')).toEqual(withIndex);
    await done('/table/column', { table_id: id, column: { name: 'mail', length: 120 } });
    await done('/table/revert', { table_id: id, version: 2 });
    expect(await found('altered')).toEqual(onAll());
    for (const name of ON) await query(urls[name], `insert into altered (mail, age) values ('m1', 1)`);
  });

  test('a dropped table comes back with its indexes, and a database that it is added to gets them', async () => {
    const id = await given('moving', ['pg']);
    await index(id, BY_MAIL);
    await done('/table/delete', { table_id: id });
    await done('/table/restore', { table_id: id });
    expect(await found('moving', ['pg'])).toEqual({ pg: ['moving_by_mail (mail, age desc)'] });
    await done('/table/databases', { table_id: id, add: ['my', 'file'] });
    expect(await found('moving')).toEqual(onAll('moving_by_mail (mail, age desc)'));
    await done('/table/databases', { table_id: id, remove: ['my'] });
    await index(id, { name: 'by_mail' }, { name: 'by_age', columns: ['age'] });
    await done('/table/databases', { table_id: id, add: ['my'] });
    expect(await found('moving')).toEqual(onAll('moving_by_age (age)'));
    expect(Object.keys(await shown(id))).toEqual(['by_age']);
  });
});

describe.each(ON)('drift of indexes on %s', (where) => {
  const others = ON.filter((name) => name !== where);
  const dropByHand = (table: string, name: string): Promise<unknown> =>
    query(urls[where], where === 'my' ? `drop index ${name} on ${table}` : `drop index ${name}`);
  const drift = async (table: string): Promise<object[]> =>
    ((await call('GET', `/databases/${where}/drift`)).body['drift'] as { table: string; differences: object[] }[])
      .filter((one) => one.table === table)
      .flatMap((one) => one.differences);
  const resolve = (tableId: string, as: string): Promise<Reply> =>
    call('POST', `/databases/${where}/drift/resolve`, { table_id: tableId, as });

  test('one that somebody dropped is told, and put back by restore', async () => {
    const table = `gone_${where}`;
    const id = await given(table);
    await index(id, BY_MAIL);
    await query(urls[where], `create index theirs_${where} on ${table} (town)`);
    expect(await drift(table)).toEqual([]);
    await dropByHand(table, `${table}_by_mail`);
    expect(await drift(table)).toEqual([
      { column: null, expected: 'index by_mail (mail, age desc)', found: 'no index by_mail' },
    ]);
    const meanwhile = await call('POST', '/table/column', { table_id: id, column: { name: 'x', type: 'integer' } });
    expect(meanwhile.body).toMatchObject({ code: 'saga_rejected', saga: { error: { code: 'drift_detected' } } });
    expect((await resolve(id, 'restore')).status).toBe(200);
    expect(await drift(table)).toEqual([]);
    expect((await found(table, [where]))[where]).toEqual([
      `${table}_by_mail (mail, age desc)`,
      `theirs_${where} (town)`,
    ]);
  });

  test('adopt: the others follow', async () => {
    const table = `other_${where}`;
    const id = await given(table);
    await index(id, BY_MAIL);
    await dropByHand(table, `${table}_by_mail`);
    await query(urls[where], `create unique index ${table}_by_mail on ${table} (mail)`);
    expect(await drift(table)).toHaveLength(1);
    expect((await resolve(id, 'adopt')).status).toBe(200);
    expect(await shown(id)).toEqual({
      by_mail: { name: 'by_mail', columns: [{ name: 'mail', order: 'asc' }], unique: true },
    });
    for (const name of others)
      expect((await found(table, [name]))[name]).toEqual([expect.stringMatching(/^unique other_\w+ \(mail\)$/)]);
    for (const name of ON)
      expect((await call('GET', `/databases/${name}/drift`)).body['drift']).not.toContainEqual(
        expect.objectContaining({ table }),
      );
  });

  test('ignore: that database goes on without, and the others keep theirs', async () => {
    const table = `left_${where}`;
    const id = await given(table);
    await index(id, BY_MAIL);
    await dropByHand(table, `${table}_by_mail`);
    expect((await resolve(id, 'ignore')).status).toBe(200);
    expect(await drift(table)).toEqual([]);
    expect(await shown(id)).toEqual({ by_mail: SHOWN_BY_MAIL });
    await done('/table/column', { table_id: id, column: { name: 'mail', rename_to: 'email' } });
    await index(id, { name: 'by_town', columns: ['town'] });
    expect((await found(table, [where]))[where]).toEqual([`${table}_by_town (town)`]);
    await index(id, { name: 'by_mail' });
    expect(await found(table)).toEqual(onAll(`${table}_by_town (town)`));
    expect(await drift(table)).toEqual([]);
  });
});

describe.each(ON)('adoption on %s', (where) => {
  test('takes indexes into history that every engine could have, and leaves the rest as they are', async () => {
    const table = `found_${where}`;
    await query(
      urls[where],
      `create table ${table} (id integer not null primary key, mail varchar(40), age integer, town varchar(40))`,
    );
    await query(urls[where], `create unique index ${table}_pair on ${table} (age desc, town)`);
    await query(urls[where], `create index ${table}_mail on ${table} (mail)`);
    await query(urls[where], `create unique index ${table}_sole on ${table} (town)`);
    const odd = { pg: '(lower(mail))', my: '(mail(3))', file: '(lower(mail))' }[where];
    await query(urls[where], `create index ${table}_odd on ${table} ${odd}`);
    const { table: adopted } = await done(`/databases/${where}/adopt`, { tables: [table] });
    const id = adopted.table_id as string;
    expect(adopted.indexes).toEqual({
      [`${table}_mail`]: { name: `${table}_mail`, columns: [{ name: 'mail', order: 'asc' }], unique: false },
      [`${table}_pair`]: {
        name: `${table}_pair`,
        columns: [
          { name: 'age', order: 'desc' },
          { name: 'town', order: 'asc' },
        ],
        unique: true,
      },
    });
    expect(adopted.columns.town.unique).toBe(true);

    // They go with a column, come back with it, and are dropped by name.
    const before = (await stateOf({ [where]: urls[where] }, table))[where]!;
    await done('/table/column', { table_id: id, column: { name: 'mail' } });
    expect(Object.keys(await shown(id))).toEqual([`${table}_pair`]);
    await done('/table/revert', { table_id: id, version: 2 });
    expect(Object.keys(await shown(id)).sort()).toEqual([`${table}_mail`, `${table}_pair`]);
    expect((await found(table, [where]))[where]).toContain(`${table}_mail (mail)`);
    // On some engines the column stands last now; the indexes are what they were.
    if (where === 'my') expect((await stateOf({ [where]: urls[where] }, table))[where]).toEqual(before);
    await index(id, { name: `${table}_pair` });
    expect(Object.keys(await shown(id))).toEqual([`${table}_mail`]);
    expect((await found(table, [where]))[where]!.join()).not.toContain('pair');
  });
});
