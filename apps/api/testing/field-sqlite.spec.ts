import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { FieldCase } from './field-case.js';
import type { Service } from './service.js';

let fresh: Fresh;
let field: FieldCase;
let s: Service;
beforeAll(async () => {
  fresh = await freshSqlite();
  await query(fresh.url, 'pragma journal_mode = delete');
  await query(fresh.url, 'create table before (id integer primary key)');
  ({ field, s } = await FieldCase.start(fresh));
});
afterAll(async () => {
  await s.stop();
  await fresh.drop();
});

/** The texts of a table and what hangs on it, as SQLite leaves them: it quotes names when it renames. */
async function texts(table: string): Promise<string[]> {
  const rows = await query<{ sql: string }>(
    fresh.url,
    'select sql from sqlite_schema where tbl_name = ? and sql is not null order by type, name',
    [table],
  );
  return rows.map(({ sql }) =>
    sql
      .replaceAll(/"(\w+)"/g, '$1')
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/ ?([(),]) ?/g, '$1')
      .toLowerCase(),
  );
}

test('x2, D2: the foreign keys of what was dropped act on nobody, and come back', async () => {
  await field.sql(
    'create table users (id integer primary key, name text)',
    'create table posts (id integer primary key, title text, author_id int constraint a references users ' +
      '(id) on delete cascade, editor_id int, foreign key (editor_id) references users (id))',
    'create table logs (id integer primary key, user_id int references users (id), boss int references logs (id))',
    "insert into users values (1, 'a'), (2, 'b'), (3, 'c')",
    "insert into posts values (10, 'x', 1, null), (20, 'y', null, 2)",
    'insert into logs values (1, 3, null), (2, 3, 1)',
  );
  const [users, posts, logs] = (await field.adopt('users', 'posts', 'logs')) as [string, string, string];
  const before = [await texts('posts'), await texts('logs')];
  await field.done(field.column(posts, { name: 'author_id' }));
  await field.done(field.column(posts, { name: 'editor_id' }));
  await field.done(field.call('/table/delete', { table_id: logs }));
  await field.sql('delete from users where id = 1', 'delete from users where id = 2', 'delete from users where id = 3');
  expect(await field.sql('select id from posts order by id')).toEqual([{ id: 10 }, { id: 20 }]);
  await field.rejected(
    field.call('/table/revert', { table_id: posts, version: 2 }),
    'rows_conflict',
    /1 row\(s\) do not fit foreign key .* of posts/,
  );
  await field.rejected(
    field.call('/table/restore', { table_id: logs }),
    'rows_conflict',
    /2 row\(s\) do not fit foreign key .* of logs/,
  );
  await field.sql("insert into users values (1, 'a'), (2, 'b'), (3, 'c')");
  await field.done(field.call('/table/revert', { table_id: posts, version: 2 }));
  await field.done(field.call('/table/restore', { table_id: logs }));
  expect([await texts('posts'), await texts('logs')]).toEqual(before);
  expect(await field.sql('select * from posts order by id')).toEqual([
    { id: 10, title: 'x', author_id: 1, editor_id: null },
    { id: 20, title: 'y', author_id: null, editor_id: 2 },
  ]);
  await expect(field.sql("insert into posts values (30, 'z', 9, null)")).rejects.toMatchObject({
    message: expect.stringMatching(/FOREIGN KEY/),
  });
  await field.done(field.call('/table/delete', { table_id: posts }));
  await field.done(field.call('/table/delete', { table_id: logs }));
  await field.done(field.call('/table/delete', { table_id: users }));
  await field.rejected(
    field.call('/table/restore', { table_id: posts }),
    'dependents_exist',
    /users, to which it refers, is not there/,
  );
});

test('x2: a column that refers to its own table goes and comes back', async () => {
  await field.sql(
    'create table branch (id integer primary key, title text, above int references branch (id))',
    "insert into branch values (1, 'root', null), (2, 'left', 1), (3, 'right', 1)",
  );
  const [branch] = (await field.adopt('branch')) as [string];
  const before = await texts('branch');
  await field.done(field.column(branch, { name: 'above' }));
  await field.sql('delete from branch where id = 1');
  await field.rejected(
    field.call('/table/revert', { table_id: branch, version: 2 }),
    'rows_conflict',
    /2 row\(s\) do not fit foreign key above of branch/,
  );
  await field.sql("insert into branch values (1, 'root')");
  await field.done(field.call('/table/revert', { table_id: branch, version: 2 }));
  expect(await texts('branch')).toEqual(before);
  expect(await field.sql('select * from branch order by id')).toEqual([
    { id: 1, title: 'root', above: null },
    { id: 2, title: 'left', above: 1 },
    { id: 3, title: 'right', above: 1 },
  ]);
});

test('x2: the other members of a primary key stay NOT NULL without it, whether they say so or not', async () => {
  await field.sql(
    'create table tags (item text, tag text -- free\n, rank_ int, primary key (item, tag))',
    "insert into tags values ('a', 'x', 1), ('a', 'y', 2)",
    'create table marks (item text, mark text collate nocase, at int, primary key (item, mark, at)) without rowid',
    "insert into marks values ('a', 'x', 1)",
  );
  const [tags, marks] = (await field.adopt('tags', 'marks')) as [string, string];
  const before = [await texts('tags'), await texts('marks')];
  await field.done(field.column(tags, { name: 'item' }));
  await expect(field.sql('insert into tags (tag, rank_) values (null, 3)')).rejects.toMatchObject({
    message: expect.stringContaining('NOT NULL constraint failed: tags.tag'),
  });
  await field.done(field.call('/table/revert', { table_id: tags, version: 2 }));
  await field.done(field.column(marks, { name: 'mark' }));
  await field.done(field.column(marks, { name: 'at' }));
  await expect(field.sql('insert into marks (item) values (null)')).rejects.toMatchObject({
    message: expect.stringContaining('NOT NULL constraint failed: marks.item'),
  });
  await field.done(field.call('/table/revert', { table_id: marks, version: 2 }));
  expect([await texts('tags'), await texts('marks')]).toEqual(before);
  expect(await field.sql('select * from tags order by tag')).toEqual([
    { item: 'a', tag: 'x', rank_: 1 },
    { item: 'a', tag: 'y', rank_: 2 },
  ]);
  await field.sql("insert into tags values ('b', null, 3)");
  expect((await field.column(tags, { name: 'item' })).body['saga'].error).toMatchObject({
    code: 'rows_conflict',
    message: expect.stringContaining('tags.tag'),
  });
  expect(await texts('tags')).toEqual(before[0]);
});

test('x4: writes without a list of columns and select * mean what they say after a drop', async () => {
  await field.sql(
    "create table people (id integer primary key, nick varchar(50) not null default 'none', name varchar(50))",
    'create index people_nick on people (nick, name)',
    "insert into people values (1, 'nick1', 'name1')",
  );
  const [people] = (await field.adopt('people')) as [string];
  const before = await texts('people');
  await field.done(field.column(people, { name: 'nick' }));
  await field.sql("insert into people values (2, 'name2')");
  expect(await field.sql('select * from people order by id')).toEqual([
    { id: 1, name: 'name1' },
    { id: 2, name: 'name2' },
  ]);
  await field.done(field.call('/table/revert', { table_id: people, version: 2 }));
  expect(await field.sql('select * from people order by id')).toEqual([
    { id: 1, nick: 'nick1', name: 'name1' },
    { id: 2, nick: 'none', name: 'name2' },
  ]);
  expect(await texts('people')).toEqual(before);
});

test('x4: what a NOT NULL or unique column held comes back, and rows that do not fit are told', async () => {
  await field.sql(
    'create table held (id integer primary key, code text not null, mail text unique)',
    "insert into held values (1, 'a', 'm1'), (2, 'b', 'm2')",
  );
  const [held] = (await field.adopt('held')) as [string];
  await field.done(field.column(held, { name: 'code' }));
  await field.done(field.column(held, { name: 'mail' }));
  await field.sql('insert into held values (3)');
  await field.rejected(
    field.call('/table/revert', { table_id: held, version: 2 }),
    'rows_conflict',
    /1 row\(s\) were written without code/,
  );
  await field.sql('delete from held where id = 3');
  await field.done(field.call('/table/revert', { table_id: held, version: 2 }));
  expect(await field.sql('select * from held order by id')).toEqual([
    { id: 1, code: 'a', mail: 'm1' },
    { id: 2, code: 'b', mail: 'm2' },
  ]);
});

test('x5: names of indexes and triggers are free while a table is set aside; under another name it brings others', async () => {
  const make = [
    'create table o (id integer primary key, n int)',
    'create index o_n_i on o (n)',
    'create trigger o_bi before insert on o begin select 1; end',
  ];
  await field.sql(...make, 'insert into o values (1, 5)');
  const [o] = (await field.adopt('o')) as [string];
  await field.done(field.call('/table/delete', { table_id: o }));
  await field.sql(...make);
  await field.done(field.call('/table/restore', { table_id: o, as: 'o_old' }));
  expect(await field.sql('select * from o_old')).toEqual([{ id: 1, n: 5 }]);
  expect(await field.sql("select name from sqlite_schema where tbl_name = 'o_old' order by name")).toEqual([
    { name: 'o_bi_2' },
    { name: 'o_n_i_2' },
    { name: 'o_old' },
  ]);
});

test('s2: a virtual table over the table depends on it', async () => {
  await field.sql(
    'create table notes (id integer primary key, words text, free int)',
    "create virtual table notes_fts using fts5(words, content='notes', content_rowid='id')",
  );
  const [notes] = (await field.adopt('notes')) as [string];
  const refused = (reply: ReturnType<typeof field.call>): Promise<void> =>
    field.rejected(reply, 'dependents_exist', /virtual table notes_fts/);
  await refused(field.call('/table/rename', { table_id: notes, name: 'papers' }));
  await refused(field.column(notes, { name: 'words', rename_to: 'text' }));
  await refused(field.column(notes, { name: 'words' }));
  await refused(field.call('/table/delete', { table_id: notes }));
  await field.done(field.column(notes, { name: 'free' }));
});

test('x7: a trigger that names the table does not hold its column of the same name', async () => {
  await field.sql(
    'create table town (id integer primary key, town text, mayor text, seen text)',
    "create trigger town_seen after insert on town begin update town set seen = 'now' where rowid = new.rowid; end",
    'create trigger town_mayor after update of mayor on town when new.mayor is distinct from town begin ' +
      'delete from town where town.id < 0; end',
  );
  const [town] = (await field.adopt('town')) as [string];
  await field.rejected(
    field.column(town, { name: 'town' }),
    'dependents_exist',
    /^trigger town_mayor depend on town\.town/,
  );
  await field.sql('drop trigger town_mayor');
  await field.done(field.column(town, { name: 'town' }));
  await field.sql('insert into town (id) values (1)');
  await field.done(field.call('/table/revert', { table_id: town, version: 2 }));
  expect(await field.sql('select * from town')).toEqual([{ id: 1, town: null, mayor: null, seen: 'now' }]);
  await field.sql(
    'create table keyless (keyless text, seen text)',
    "create trigger keyless_seen after insert on keyless begin update keyless set seen = 'now' where " +
      'rowid = new.rowid; end',
  );
  const [keyless] = (await field.adopt('keyless')) as [string];
  const before = await texts('keyless');
  await field.done(field.column(keyless, { name: 'keyless' }));
  await field.sql("insert into keyless values (null, '')");
  await field.done(field.call('/table/revert', { table_id: keyless, version: 2 }));
  expect([await texts('keyless'), await field.sql('select * from keyless')]).toEqual([
    before,
    [{ keyless: null, seen: 'now' }],
  ]);
});

test('s3: a STRICT table takes every type, under a name that it knows', async () => {
  await field.sql('create table strictly (id integer primary key, a text) strict');
  const [strictly] = (await field.adopt('strictly')) as [string];
  for (const type of [
    'integer',
    'text',
    'double',
    'binary',
    'string',
    'boolean',
    'decimal',
    'timestamp',
    'uuid',
    'json',
  ])
    await field.done(field.column(strictly, { name: `x_${type}`, type }));
});

test('x8: renames that SQLite carries are done', async () => {
  await field.sql(
    'create table album (id integer primary key, title varchar(20))',
    'create table track (id integer primary key, album_id int references album (id))',
    'create view titles as select title from album',
    "insert into album values (1, 'a')",
    'insert into track values (1, 1)',
  );
  const [album] = (await field.adopt('album')) as [string];
  await field.done(field.column(album, { name: 'title', rename_to: 'name' }));
  await field.done(field.column(album, { name: 'id', rename_to: 'album_id' }));
  await field.done(field.column(album, { name: 'name', type: 'string', length: 80 }));
  await field.done(field.call('/table/rename', { table_id: album, name: 'records' }));
  expect(await field.sql('select * from titles')).toEqual([{ name: 'a' }]);
  await expect(field.sql('insert into track values (2, 9)')).rejects.toMatchObject({
    message: expect.stringMatching(/FOREIGN KEY/),
  });
  await field.sql('drop view titles');
});

test('s7: a file stays in the journal mode in which it was found', async () => {
  expect(await field.sql('pragma journal_mode')).toEqual([{ journal_mode: 'delete' }]);
});

/** As its owner's own program made it, with what that is built or loaded with. */
async function python(script: string): Promise<void> {
  await promisify(execFile)('python3', [
    '-c',
    `import sqlite3\nc = sqlite3.connect(${JSON.stringify(fresh.url.slice('sqlite:'.length))})\n${script}\nc.commit()`,
  ]);
}

test('s1: texts in double quotes do not stand in the way', async () => {
  await python(
    "c.executescript('''create table tasks (id integer primary key, title text not null, state text " +
      'not null default "open" check (state in ("open","done")), note text)\'\'\')',
  );
  await field.sql("insert into tasks (title) values ('a')");
  const [tasks] = (await field.adopt('tasks')) as [string];
  await field.done(field.column(tasks, { name: 'note', rename_to: 'remark' }));
  await field.done(field.column(tasks, { name: 'title', nullable: true }));
  await field.done(field.column(tasks, { name: 'remark' }));
  await field.done(field.call('/table/delete', { table_id: tasks }));
  await field.done(field.call('/table/restore', { table_id: tasks }));
  expect(await field.sql('select title, state from tasks')).toEqual([{ title: 'a', state: 'open' }]);
  await expect(field.sql("insert into tasks (title, state) values ('b', 'else')")).rejects.toMatchObject({
    message: expect.stringMatching(/CHECK/),
  });
});

// Last: while such an index stands in a file, nothing in it can be renamed.
test("s5: what only its owner's program could make again is not dropped", async () => {
  await python(
    'c.create_collation("PHONE", lambda a, b: 0)\nc.executescript("create table tracks (id integer ' +
      'primary key, title text collate PHONE, rating int); create index tracks_title on tracks (title); ' +
      "insert into tracks (title) values ('abc')\")",
  );
  const [tracks] = (await field.adopt('tracks')) as [string];
  const refused = (reply: ReturnType<typeof field.call>): Promise<void> =>
    field.rejected(reply, 'unsupported_change', /sorts by the collation PHONE, which only its owner.s program has/);
  await refused(field.call('/table/delete', { table_id: tracks }));
  await refused(field.column(tracks, { name: 'rating', rename_to: 'stars' }));
  await refused(field.column(tracks, { name: 'title' }));
});
