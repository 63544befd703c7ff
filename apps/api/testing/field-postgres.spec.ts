import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freshPostgres, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply } from './service.js';

/** What went wrong in the field, each by its id, with its right answer. Names, tables and rows are made up. */
let s: Awaited<ReturnType<typeof service>>;
let pg: Fresh;

beforeAll(async () => {
  [s, pg] = [await service(), await freshPostgres()];
  expect((await s.call('POST', '/databases', { name: 'x', url: pg.url })).status).toBe(201);
});
afterAll(async () => {
  await s.stop();
  await pg.drop();
});

const run = async (...statements: string[]): Promise<void> => {
  for (const statement of statements) await query(pg.url, statement);
};
const rows = (sql: string): Promise<Record<string, unknown>[]> => query(pg.url, sql);
const outcome = ({ status, body }: Reply): unknown => [status, body['saga']?.status ?? body['code'], body['detail']];

async function adopt(...tables: string[]): Promise<Record<string, string>> {
  const answer = await s.call('POST', '/databases/x/adopt', { tables }, WAIT);
  expect(outcome(answer)).toEqual([200, 'completed', undefined]);
  const all = (await s.call('GET', '/tables?limit=500')).body['tables'] as { name: string; table_id: string }[];
  return Object.fromEntries(tables.map((name) => [name, all.find((table) => table.name === name)!.table_id]));
}

async function done(path: string, body: object): Promise<Reply['body']> {
  const answer = await s.call('POST', path, body, WAIT);
  expect([path, ...(outcome(answer) as unknown[])]).toEqual([path, 200, 'completed', undefined]);
  return answer.body;
}

/** The dry run says so, the change is rejected with it, and nothing was touched. */
async function refused(path: string, body: object, code: string, ...says: string[]): Promise<void> {
  const dry = (await s.call('POST', `${path}?dry_run=true`, body)).body;
  expect(dry['plan'].blocked_by).toMatchObject({ code });
  const answer = await s.call('POST', path, body, WAIT);
  expect([answer.status, answer.body['saga'].status, answer.body['saga'].error.code]).toEqual([422, 'rejected', code]);
  for (const one of says) expect(answer.body['saga'].error.message).toContain(one);
  expect(answer.body['saga'].error.message).not.toContain('_saga_');
}

const versionOf = async (id: string): Promise<number> =>
  (await s.call('GET', `/tables/${id}`)).body['table'].version as number;

describe('x2, D2: foreign keys of what is set aside', () => {
  test('neither take rows along nor hold their parents, and come back as they were', async () => {
    await run(
      'create table users (id int primary key, name varchar(20))',
      `create table posts (id int primary key, title varchar(20), author_id int, editor_id int,
        constraint a foreign key (author_id) references users (id) on delete cascade,
        constraint e foreign key (editor_id) references users (id))`,
      'create table logs (id int primary key, user_id int, foreign key (user_id) references users (id))',
      `insert into users values (1,'a'),(2,'b'),(3,'c'),(4,'d')`,
      `insert into posts values (10,'x',1,null),(20,'y',null,2),(30,'z',4,4)`,
      'insert into logs values (1,3)',
    );
    const { posts, logs } = (await adopt('users', 'posts', 'logs')) as { posts: string; logs: string };
    const version = await versionOf(posts);
    await done('/table/column', { table_id: posts, column: { name: 'author_id' } });
    await done('/table/column', { table_id: posts, column: { name: 'editor_id' } });
    await done('/table/delete', { table_id: logs });
    for (const id of [1, 2, 3]) await run(`delete from users where id = ${id}`);
    expect(await rows('select id from posts order by id')).toEqual([{ id: 10 }, { id: 20 }, { id: 30 }]);
    // The rows that the keys would not have let go: the way back names them, and waits.
    await refused('/table/revert', { table_id: posts, version }, 'rows_conflict', 'foreign key');
    await run(`insert into users values (2, 'b')`);
    await refused('/table/revert', { table_id: posts, version }, 'rows_conflict', 'foreign key a of posts');
    await refused('/table/restore', { table_id: logs }, 'rows_conflict', 'foreign key logs_user_id_fkey of logs');
    // The parent is called otherwise meanwhile: it is the same one.
    await run(`insert into users values (1,'a'),(3,'c')`, 'alter table users rename to people');
    await done('/table/restore', { table_id: logs });
    await done('/table/revert', { table_id: posts, version });
    expect(
      await rows(
        `select conname as n, pg_get_constraintdef(oid) as d from pg_constraint where contype = 'f' and ` +
          `conrelid in ('posts'::regclass, 'logs'::regclass) order by 1`,
      ),
    ).toEqual([
      { n: 'a', d: 'FOREIGN KEY (author_id) REFERENCES people(id) ON DELETE CASCADE' },
      { n: 'e', d: 'FOREIGN KEY (editor_id) REFERENCES people(id)' },
      { n: 'logs_user_id_fkey', d: 'FOREIGN KEY (user_id) REFERENCES people(id)' },
    ]);
    expect(await rows('select id, author_id, editor_id from posts order by id')).toEqual([
      { id: 10, author_id: 1, editor_id: null },
      { id: 20, author_id: null, editor_id: 2 },
      { id: 30, author_id: 4, editor_id: 4 },
    ]);
  });

  test('a dropped child does not keep its parent from being dropped, and waits for it on the way back', async () => {
    await run(
      'create table p2 (id int primary key)',
      'create table c2 (id int primary key, p_id int references p2 on delete cascade)',
      'insert into p2 values (1)',
      'insert into c2 values (1, 1)',
    );
    const { p2, c2 } = (await adopt('p2', 'c2')) as { p2: string; c2: string };
    await done('/table/delete', { table_id: c2 });
    await done('/table/delete', { table_id: p2 });
    await refused('/table/restore', { table_id: c2 }, 'dependents_exist', 'p2');
    await done('/table/restore', { table_id: p2 });
    await done('/table/restore', { table_id: c2 });
    await run('delete from p2');
    expect(await rows('select * from c2')).toEqual([]);
  });
});

test('x4, D4: a statement without a list of columns meets no dropped one', async () => {
  await run(
    'create table k (id int primary key, x int, y int)',
    'insert into k values (1, 5, 6)',
    'create table bare (x int, y int)',
  );
  const { k, bare } = (await adopt('k', 'bare')) as { k: string; bare: string };
  const version = await versionOf(k);
  await done('/table/column', { table_id: k, column: { name: 'x' } });
  await run('insert into k values (2, 99)');
  expect(await rows('select * from k order by id')).toEqual([
    { id: 1, y: 6 },
    { id: 2, y: 99 },
  ]);
  await done('/table/revert', { table_id: k, version });
  expect(await rows('select * from k order by id')).toEqual([
    { id: 1, y: 6, x: 5 },
    { id: 2, y: 99, x: null },
  ]);
  expect(Object.keys((await s.call('GET', `/tables/${k}`)).body['table'].columns)).toEqual(['id', 'y', 'x']);
  // Without a key its rows cannot be told apart: the plan says so.
  const dropped = await s.call('POST', '/table/column?dry_run=true', { table_id: bare, column: { name: 'x' } });
  expect(dropped.body['plan'].steps.map((step: { operation: string }) => step.operation)).toEqual(['drop_column']);
});

test('x3: a dropped column refuses no insert, by its domain or by its default, and both come back', async () => {
  await run(
    'create domain must as int not null check (value < 100)',
    `create function boom() returns int language plpgsql as $$ begin raise exception 'boom'; end $$`,
    'create table strict (id serial primary key, a must, n int)',
    'create table loud (id serial primary key, v int default boom(), n int)',
    'insert into strict (a, n) values (1, 1)',
    'insert into loud (v, n) values (1, 1)',
  );
  const { strict, loud } = (await adopt('strict', 'loud')) as { strict: string; loud: string };
  const [v1, v2] = [await versionOf(strict), await versionOf(loud)];
  await done('/table/column', { table_id: strict, column: { name: 'a' } });
  await done('/table/column', { table_id: loud, column: { name: 'v' } });
  await run('insert into strict (n) values (2)', 'insert into loud (n) values (2)');
  await refused('/table/revert', { table_id: strict, version: v1 }, 'rows_conflict', 'must');
  await run('delete from strict where n = 2');
  await done('/table/revert', { table_id: strict, version: v1 });
  await done('/table/revert', { table_id: loud, version: v2 });
  await expect(run('insert into strict (n) values (3)')).rejects.toThrow('does not allow null');
  await expect(run('insert into loud (n) values (3)')).rejects.toThrow('boom');
  expect(await rows('select a, n from strict')).toEqual([{ a: 1, n: 1 }]);
});

test('p5: a table whose numbers another one takes is not dropped', async () => {
  await run(
    'create table old_items (id serial primary key, n int)',
    'create table new_items (like old_items including defaults)',
  );
  const { old_items: id } = (await adopt('old_items')) as { old_items: string };
  await refused('/table/delete', { table_id: id }, 'dependents_exist', 'default new_items.id');
});

test.each<[string, string[], object[], string]>([
  [
    'as an argument',
    [
      'create trigger film_fulltext before insert or update on film for each row execute function ' +
        `tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description')`,
    ],
    [{ name: 'title', rename_to: 'headline' }, { name: 'description' }, { name: 'fulltext', rename_to: 'words' }],
    'trigger film_fulltext',
  ],
  [
    'as (NEW).column',
    [
      'create function f1() returns trigger language plpgsql as $$ begin if (NEW) . "kind" is null then ' +
        'return null; end if; return new; end $$',
      'create trigger t1 before insert on film for each row execute function f1()',
    ],
    [{ name: 'kind' }, { name: 'kind', rename_to: 'sort' }],
    'trigger t1',
  ],
  [
    'as Old.Column',
    [
      'create function f2() returns trigger language plpgsql as $$ begin return case when Old./* so */Kind ' +
        `= 'x' then null else new end; end $$`,
      'create trigger t2 before update on film for each row execute function f2()',
    ],
    [{ name: 'kind' }],
    'trigger t2',
  ],
  [
    'in WHEN',
    [
      `create function f3() returns trigger language plpgsql as $$ begin return new; end $$`,
      `create trigger t3 before update on film for each row when (new.kind = 'x') execute function f3()`,
    ],
    [{ name: 'kind' }],
    'trigger t3',
  ],
  [
    'in UPDATE OF',
    [
      `create function f4() returns trigger language plpgsql as $$ begin return new; end $$`,
      `create trigger t4 before update of kind on film for each row execute function f4()`,
    ],
    [{ name: 'kind' }],
    'trigger t4',
  ],
])('p13: a column that a trigger names %s', async (_how, statements, columns, says) => {
  await run(
    'create table film (id int primary key, title text, description text, fulltext tsvector, kind text)',
    ...statements,
  );
  const { film } = (await adopt('film')) as { film: string };
  for (const column of columns) await refused('/table/column', { table_id: film, column }, 'dependents_exist', says);
  const trigger = says.slice('trigger '.length);
  await run(`drop trigger ${trigger} on film`);
  await done('/table/delete', { table_id: film });
});

test('p3: what was added to a partitioned table, or to one with children, goes again from all of them', async () => {
  await run(
    'create table ev (id int, at date not null, n int, primary key (id, at)) partition by range (at)',
    `create table ev_24 partition of ev for values from ('2024-01-01') to ('2025-01-01')`,
    'create table ev_rest partition of ev default',
    'create table mother (id int primary key)',
    'create table child () inherits (mother)',
    `insert into ev values (1, '2024-05-05', 1)`,
  );
  const ids = await adopt('ev', 'mother');
  for (const [name, id] of Object.entries(ids)) {
    const version = await versionOf(id);
    await done('/table/column', {
      table_id: id,
      column: { name: 'extra', type: 'string', nullable: false, default: 'y' },
    });
    await done('/table/revert', { table_id: id, version });
    const part = name === 'ev' ? 'ev_24' : 'child';
    await run(name === 'ev' ? `insert into ev_24 values (7, '2024-06-06', 2)` : 'insert into child (id) values (7)');
    expect(
      await rows(
        `select attname as n from pg_attribute where attrelid = '${part}'::regclass and attnum > 0 and ` +
          `attname = 'extra'`,
      ),
    ).toEqual([]);
    await done('/table/revert', { table_id: id, version: version + 2 });
    expect(await rows(`select extra from ${part} where id = 7`)).toEqual([{ extra: 'y' }]);
  }
  await refused(
    '/table/column',
    { table_id: ids['ev']!, column: { name: 'n', unique: true } },
    'unsupported_change',
    'partition',
  );
  await refused('/table/delete', { table_id: ids['ev']! }, 'dependents_exist', 'partition ev_24');
  await refused('/table/column', { table_id: ids['ev']!, column: { name: 'at' } }, 'dependents_exist', 'partition key');
});

test('p4: an own CHECK is carried by a rename, and goes and comes with its column', async () => {
  await run(
    'create table doc (id int primary key, num int check (num > 0), low int, high int, check (low < high))',
    'insert into doc values (1, 5, 1, 2)',
  );
  const { doc } = (await adopt('doc')) as { doc: string };
  const version = await versionOf(doc);
  await done('/table/column', { table_id: doc, column: { name: 'num', rename_to: 'number' } });
  await done('/table/column', { table_id: doc, columns: [{ name: 'number' }, { name: 'high' }] });
  await run('insert into doc (id, low) values (2, 9)');
  await done('/table/revert', { table_id: doc, version });
  expect(
    await rows(
      `select conname as n, pg_get_constraintdef(oid) as d from pg_constraint where contype = 'c' and ` +
        `conrelid = 'doc'::regclass order by 1`,
    ),
  ).toEqual([
    { n: 'doc_check', d: 'CHECK ((low < high))' },
    { n: 'doc_num_check', d: 'CHECK ((num > 0))' },
  ]);
  await expect(run('insert into doc (id, num) values (3, 0)')).rejects.toThrow('doc_num_check');
});

test('x8: what PostgreSQL carries along itself is renamed', async () => {
  await run(
    'create table album (id int primary key, title text)',
    'create table track (id int primary key, album_id int references album (id))',
    'create view titles as select id, title from album',
    'create materialized view counted as select count(title) from album',
    'create publication news for table album',
    'insert into album values (1, $$one$$)',
    'create function count_albums() returns bigint language plpgsql as $$ begin return (select count(*) ' +
      'from album); end $$',
  );
  const { album } = (await adopt('album')) as { album: string };
  await done('/table/column', {
    table_id: album,
    columns: [
      { name: 'id', rename_to: 'nr' },
      { name: 'title', rename_to: 'name' },
    ],
  });
  // What would break is known by its text alone.
  await refused('/table/rename', { table_id: album, name: 'albums' }, 'dependents_exist', 'function count_albums()');
  await run('drop function count_albums()');
  await done('/table/rename', { table_id: album, name: 'albums' });
  expect(await rows('select * from titles')).toEqual([{ id: 1, title: 'one' }]);
  await run('insert into track values (1, 1)');
  await expect(run('insert into track values (2, 2)')).rejects.toThrow('track_album_id_fkey');
  await refused(
    '/table/column',
    { table_id: album, column: { name: 'name' } },
    'dependents_exist',
    'view titles',
    'materialized view counted',
  );
  await refused('/table/delete', { table_id: album }, 'dependents_exist', 'foreign key', 'publication news');
});

test("m6 on PostgreSQL: a type that a column's own foreign key could not follow is refused beforehand", async () => {
  await run(
    'create table parent (id int primary key)',
    'create table kid (id int primary key, parent_id int references parent (id))',
    'insert into parent values (1)',
    'insert into kid values (1, 1)',
  );
  const { kid } = (await adopt('kid')) as { kid: string };
  await done('/table/column', { table_id: kid, column: { name: 'parent_id', type: 'bigint' } });
  await refused(
    '/table/column',
    { table_id: kid, column: { name: 'parent_id', type: 'string' } },
    'dependents_exist',
    'foreign key kid_parent_id_fkey',
  );
});

test.each([
  ['film_id', 'actor_id'],
  ['actor_id', 'film_id'],
])(
  'x1: both columns of a key come back with it, and with what hung on both, whichever went first: %s, %s',
  async (first, second) => {
    const table = `film_actor_${first}`;
    await run(
      `create table ${table} (actor_id int, note text, film_id int, rank int, primary key (actor_id, film_id))`,
      `create index ${table}_both on ${table} (film_id, actor_id)`,
      `create unique index ${table}_rank on ${table} (rank, note)`,
      `insert into ${table} values (1, 'a', 1, 1), (1, 'b', 2, 2)`,
    );
    const { [table]: id } = (await adopt(table)) as Record<string, string>;
    const version = await versionOf(id!);
    // Taken out by the key, which goes after it and must be back before it.
    await done('/table/column', { table_id: id, column: { name: 'note' } });
    for (const name of [first, second]) await done('/table/column', { table_id: id, column: { name } });
    await done('/table/revert', { table_id: id, version });
    expect(
      await rows(
        `select pg_get_indexdef(indexrelid) as d from pg_index where indrelid = '${table}'::regclass order by 1`,
      ),
    ).toEqual([
      { d: `CREATE INDEX ${table}_both ON public.${table} USING btree (film_id, actor_id)` },
      { d: `CREATE UNIQUE INDEX ${table}_pkey ON public.${table} USING btree (actor_id, film_id)` },
      { d: `CREATE UNIQUE INDEX ${table}_rank ON public.${table} USING btree (rank, note)` },
    ]);
    expect(await rows(`select actor_id, film_id, note, rank from ${table} order by rank`)).toEqual([
      { actor_id: 1, film_id: 1, note: 'a', rank: 1 },
      { actor_id: 1, film_id: 2, note: 'b', rank: 2 },
    ]);
  },
);

test('x1: a key keeps the order of its members when one of them comes back', async () => {
  await run(
    'create table stops (line bigint not null, place bigint not null, edition bigint not null, seq ' +
      'bigint not null, primary key (line, edition, seq))',
    'insert into stops values (1, 2, 3, 4)',
  );
  const { stops } = (await adopt('stops')) as { stops: string };
  const version = await versionOf(stops);
  for (const name of ['line', 'place', 'edition', 'seq']) {
    await done('/table/column', { table_id: stops, column: { name } });
    await done('/table/revert', { table_id: stops, version });
  }
  const { columns } = (await s.call('GET', `/tables/${stops}`)).body['table'];
  expect(Object.keys(columns)).toEqual(['line', 'edition', 'seq', 'place']);
  expect(await rows('select * from stops')).toEqual([{ line: '1', edition: '3', seq: '4', place: '2' }]);
  expect(
    await rows("select pg_get_constraintdef(oid) as key from pg_constraint where conrelid = 'stops'::regclass"),
  ).toEqual([{ key: 'PRIMARY KEY (line, edition, seq)' }]);
});
