import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { service, WAIT, type Reply, type Service } from './service.js';

// Cases from the field, by their ids, on SQLite: each a file of somebody's own, adopted; the plain ones are in
// field-sqlite.spec.ts.

let s: Service;
let dir: string;
let serial = 0;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'field-sqlite-'));
  s = await service();
});
afterAll(async () => {
  await s.stop();
  rmSync(dir, { recursive: true });
});

interface File {
  file: string;
  database: string;
  /** Ids of the adopted tables, by name. */
  ids: Record<string, string>;
  /** What their program does: foreign keys on. */
  run(...statements: string[]): void;
  all(sql: string): unknown[];
  /** The text that the file keeps of an object. */
  text(name: string): string | undefined;
}

/** What SQL of this build cannot say: the owner's program has a collation, or takes double quotes for texts. */
type Rewrite = [from: string, to: string];

async function given(
  statements: string[],
  { rewrite = [], adopt = 'all' }: { rewrite?: Rewrite[]; adopt?: 'all' | string[] } = {},
): Promise<File> {
  const database = `f${++serial}`;
  const file = join(dir, `${database}.db`);
  const open = (): Database.Database => {
    const db = new Database(file);
    db.pragma('foreign_keys = on');
    return db;
  };
  const use = <T>(work: (db: Database.Database) => T): T => {
    const db = open();
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  use((db) => {
    for (const sql of statements) db.exec(sql);
    if (rewrite.length === 0) return;
    db.unsafeMode(true);
    db.pragma('writable_schema = on');
    for (const [from, to] of rewrite) db.prepare('update sqlite_schema set sql = replace(sql, ?, ?)').run(from, to);
  });
  expect((await s.call('POST', '/databases', { name: database, url: `sqlite:${file}` })).status).toBe(201);
  const adopted = await s.call('POST', `/databases/${database}/adopt`, { tables: adopt }, WAIT);
  expect([adopted.status, adopted.body]).toEqual([200, expect.anything()]);
  const { tables } = (await s.call('GET', `/tables?database=${database}&limit=500`)).body as {
    tables: { name: string; table_id: string }[];
  };
  return {
    file,
    database,
    ids: Object.fromEntries(tables.map((table) => [table.name, table.table_id])),
    run: (...all) =>
      use((db) => {
        for (const sql of all) db.exec(sql);
      }),
    all: (sql) => use((db) => db.prepare(sql).all()),
    text: (name) =>
      use((db) => db.prepare('select sql from sqlite_schema where name = ?').pluck().get(name) as string | undefined),
  };
}

const column = (table_id: string, change: object): Promise<Reply> =>
  s.call('POST', '/table/column', { table_id, column: change }, WAIT);
const drop = (table_id: string): Promise<Reply> => s.call('POST', '/table/delete', { table_id }, WAIT);
const restore = (table_id: string, as?: string): Promise<Reply> =>
  s.call('POST', '/table/restore', { table_id, ...(as === undefined ? {} : { as }) }, WAIT);
const revert = (table_id: string, version: number): Promise<Reply> =>
  s.call('POST', '/table/revert', { table_id, version }, WAIT);
const rename = (table_id: string, name: string): Promise<Reply> =>
  s.call('POST', '/table/rename', { table_id, name }, WAIT);
const version = async (table_id: string): Promise<number> =>
  (await s.call('GET', `/tables/${table_id}`)).body['table'].version as number;

function completed(reply: Reply): void {
  expect([reply.status, reply.body['detail'] ?? null, reply.body['saga']?.error ?? null]).toEqual([200, null, null]);
}
/** Before anything was touched, with a code and the names. */
function rejected(reply: Reply, code: string, message: RegExp): void {
  expect([reply.status, reply.body['saga']?.status, reply.body['saga']?.error?.code]).toEqual([422, 'rejected', code]);
  expect(reply.body['saga'].error.message).toMatch(message);
  expect(reply.body['saga'].error.message).not.toMatch(/_saga_/);
}

describe('set aside is inert', () => {
  const BLOG = [
    'create table users (id int primary key, name varchar(20))',
    `create table posts (id int primary key, title varchar(20), author_id int, editor_id int,
      constraint a foreign key (author_id) references users (id) on delete cascade,
      constraint e foreign key (editor_id) references users (id))`,
    'create table logs (id int primary key, user_id int, foreign key (user_id) references users (id))',
    "insert into users values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
    "insert into posts values (10, 'x', 1, null), (20, 'y', null, 2), (30, 'z', 4, 4)",
    'insert into logs values (1, 3)',
  ];

  test('x2: foreign keys of what was dropped neither delete nor refuse, and come back to the letter', async () => {
    const f = await given(BLOG);
    const before = [f.text('posts'), f.text('logs')];
    const at = await version(f.ids['posts']!);
    completed(await column(f.ids['posts']!, { name: 'author_id' }));
    completed(await column(f.ids['posts']!, { name: 'editor_id' }));
    completed(await drop(f.ids['logs']!));
    f.run('delete from users where id = 1', 'delete from users where id = 2', 'delete from users where id = 3');
    expect(f.all('select * from posts')).toEqual([
      { id: 10, title: 'x' },
      { id: 20, title: 'y' },
      { id: 30, title: 'z' },
    ]);
    // Rows that fit no more are told, not bent; once they are there again everything comes back.
    rejected(await revert(f.ids['posts']!, at), 'rows_conflict', /1 row\(s\) do not fit foreign key [ae] of posts/);
    rejected(await restore(f.ids['logs']!), 'rows_conflict', /1 row\(s\) do not fit foreign key user_id of logs/);
    f.run("insert into users values (1, 'a'), (2, 'b'), (3, 'c')");
    completed(await revert(f.ids['posts']!, at));
    completed(await restore(f.ids['logs']!));
    expect([f.text('posts'), f.text('logs')]).toEqual(before);
    expect(f.all('select * from posts')).toEqual([
      { id: 10, title: 'x', author_id: 1, editor_id: null },
      { id: 20, title: 'y', author_id: null, editor_id: 2 },
      { id: 30, title: 'z', author_id: 4, editor_id: 4 },
    ]);
    f.run('delete from users where id = 1');
    expect(f.all('select id from posts')).toEqual([{ id: 20 }, { id: 30 }]);
    expect(() => f.run('delete from users where id = 3')).toThrow('FOREIGN KEY');
  });

  test("D2: a dropped child keeps its rows when its parent's go, and its parent can be dropped after it", async () => {
    const f = await given([
      'create table p3 (id integer primary key)',
      'create table c3 (id integer primary key, p_id int references p3 on delete cascade)',
      'insert into p3 values (1)',
      'insert into c3 values (1, 1)',
    ]);
    completed(await drop(f.ids['c3']!));
    completed(await drop(f.ids['p3']!));
    rejected(await restore(f.ids['c3']!), 'dependents_exist', /foreign key p_id of c3 .* p3/);
    completed(await restore(f.ids['p3']!));
    f.run('delete from p3', 'insert into p3 values (1)');
    completed(await restore(f.ids['c3']!));
    expect(f.all('select * from c3')).toEqual([{ id: 1, p_id: 1 }]);
    expect(f.text('c3')).toBe('CREATE TABLE c3 (id integer primary key, p_id int references p3 on delete cascade)');
  });

  test('x2: rows that matched nothing before are no reason to refuse the way back, and new ones are', async () => {
    const f = await given([
      'create table p (id integer primary key)',
      'create table c (id integer primary key, p int references p, gone int references nowhere (x))',
      'insert into p values (1)',
      'pragma foreign_keys = off',
      'insert into c values (1, 1, null), (2, 77, 5)',
    ]);
    const at = await version(f.ids['c']!);
    completed(await drop(f.ids['c']!));
    completed(await restore(f.ids['c']!));
    completed(await column(f.ids['c']!, { name: 'p' }));
    completed(await revert(f.ids['c']!, at));
    expect(f.all('select * from c')).toEqual([
      { id: 1, p: 1, gone: null },
      { id: 2, p: 77, gone: 5 },
    ]);
    expect(f.text('c')).toBe(
      'CREATE TABLE c (id integer primary key, p int references p, gone int references nowhere (x))',
    );
    completed(await drop(f.ids['c']!));
    f.run('delete from p');
    rejected(await restore(f.ids['c']!), 'rows_conflict', /^1 row\(s\) do not fit foreign key p of c.*"id":"1"/);
  });

  test('x3: no default runs for a column that was dropped, and none is lost', async () => {
    const f = await given([
      'create table u (id integer primary key, v int default (abs(-9223372036854775808)), w text not null ' +
        "default 'w', n int)",
      'insert into u (id, v, n) values (1, 5, 1)',
    ]);
    const at = await version(f.ids['u']!);
    completed(await column(f.ids['u']!, { name: 'v' }));
    completed(await column(f.ids['u']!, { name: 'w' }));
    f.run('insert into u (n) values (2)');
    completed(await revert(f.ids['u']!, at));
    expect(f.all('select * from u')).toEqual([
      { id: 1, v: 5, w: 'w', n: 1 },
      { id: 2, v: null, w: 'w', n: 2 },
    ]);
    expect(() => f.run('insert into u (n) values (3)')).toThrow('integer overflow');
  });

  test('x4, D4: writes without a column list, and select *, do not meet a dropped column', async () => {
    const text =
      'CREATE TABLE people ( -- who\n  id int primary key, -- the key\n  nick varchar(50) /* short */ ' +
      'unique, -- what they are called\n  name varchar(50) -- in full\n)';
    const f = await given([
      text,
      'create index by_both on people (nick, name)',
      "insert into people values (1, 'n1', 'name1'), (null, 'n0', 'a'), (null, 'n00', 'a')",
    ]);
    const at = await version(f.ids['people']!);
    completed(await column(f.ids['people']!, { name: 'nick' }));
    f.run("insert into people values (2, 'name2')");
    expect(f.all('select * from people where id is not null')).toEqual([
      { id: 1, name: 'name1' },
      { id: 2, name: 'name2' },
    ]);
    completed(await revert(f.ids['people']!, at));
    expect(f.text('people')).toBe(text);
    expect(f.text('by_both')).toBe('CREATE INDEX by_both on people (nick, name)');
    expect(f.all('select * from people order by rowid')).toEqual([
      { id: 1, nick: 'n1', name: 'name1' },
      { id: null, nick: 'n0', name: 'a' },
      { id: null, nick: 'n00', name: 'a' },
      { id: 2, nick: null, name: 'name2' },
    ]);
  });

  test.each([
    ['a composite key', 'CREATE TABLE t (a text, b int, v blob, w int, primary key (b, a)) WITHOUT ROWID'],
    ['a key that is the rowid', 'CREATE TABLE t (a text, b INTEGER PRIMARY KEY AUTOINCREMENT, v blob, w int)'],
    ['a strict table', 'CREATE TABLE t (a TEXT, b INT PRIMARY KEY, v BLOB, w INT) STRICT'],
  ])('x4: values come back by %s, of rows that are still there', async (_, text) => {
    const f = await given([
      text,
      "insert into t (a, b, v, w) values ('x', 1, x'00ff', 1), ('y', 2, null, 2), ('z', 9223372036854775807, x'01', 3)",
    ]);
    const at = await version(f.ids['t']!);
    completed(await column(f.ids['t']!, { name: 'v' }));
    f.run('delete from t where w = 2', 'update t set w = 7 where w = 1');
    completed(await revert(f.ids['t']!, at));
    expect(f.all('select a, hex(v) as v, w from t order by w')).toEqual([
      { a: 'z', v: '01', w: 3 },
      { a: 'x', v: '00FF', w: 7 },
    ]);
    expect(f.text('t')).toBe(text);
  });

  test("x5: a trigger's name that was taken meanwhile is told before anything is touched", async () => {
    const f = await given([
      'create table o (n int)',
      'create table other (n int)',
      'create trigger o_bi after insert on o begin select 1; end',
    ]);
    completed(await drop(f.ids['o']!));
    f.run('create trigger o_bi after insert on other begin select 1; end');
    rejected(await restore(f.ids['o']!), 'table_name_taken', /a trigger named o_bi is there already/);
    completed(await restore(f.ids['o']!, 'p'));
  });
});

describe("what only the owner's program has", () => {
  const TRACKS = [
    'create table tracks (id integer primary key, title text collate NOCASE, rating int)',
    'create index tracks_title on tracks (title)',
    "insert into tracks (title) values ('abc')",
    'create table z (a int primary key, b int)',
    'insert into z values (1, 2)',
  ];

  test('s5: what could not be made again is not dropped, and does not stand in the way of other tables', async () => {
    const f = await given(TRACKS, { rewrite: [['collate NOCASE', 'collate PHONE']] });
    rejected(await drop(f.ids['tracks']!), 'unsupported_change', /table tracks .*collation PHONE/);
    rejected(await column(f.ids['tracks']!, { name: 'rating', rename_to: 'stars' }), 'unsupported_change', /PHONE/);
    const dry = await s.call('POST', '/table/delete?dry_run=true', { table_id: f.ids['tracks'] });
    expect(dry.body['plan'].blocked_by.code).toBe('unsupported_change');
    // It could not be taken away again.
    rejected(await column(f.ids['tracks']!, { name: 'note', type: 'text' }), 'unsupported_change', /PHONE/);
    completed(await rename(f.ids['z']!, 'y'));
    completed(await column(f.ids['z']!, { name: 'a', rename_to: 'aa' }));
    completed(await column(f.ids['z']!, { name: 'b' }));
    completed(await drop(f.ids['z']!));
    completed(await restore(f.ids['z']!));
    expect(f.all('select * from y')).toEqual([{ aa: 1 }]);
  });

  test('s5: an index over a collation or a function of theirs', async () => {
    const f = await given(
      [
        'create table a (t text)',
        'create index a_t on a (t collate NOCASE)',
        'create table b (t text)',
        'create index b_t on b (lower(t))',
      ],
      {
        rewrite: [
          ['collate NOCASE', 'collate PHONE'],
          ['lower(t)', 'own_hash(t)'],
        ],
      },
    );
    rejected(await drop(f.ids['a']!), 'unsupported_change', /index a_t sorts by the collation PHONE/);
    rejected(await drop(f.ids['b']!), 'unsupported_change', /index b_t calls the function own_hash/);
  });

  test('s1: texts in double quotes', async () => {
    const f = await given(
      [
        "create table tasks (id integer primary key, title text not null, state text not null default 'open' " +
          "check (state in ('open','done')), note text)",
        'create table x (a int)',
        "insert into tasks (title) values ('t')",
      ],
      {
        rewrite: [
          ["'open'", '"open"'],
          ["'done'", '"done"'],
        ],
      },
    );
    const at = await version(f.ids['tasks']!);
    completed(await rename(f.ids['x']!, 'y'));
    completed(await column(f.ids['tasks']!, { name: 'title', nullable: true }));
    completed(await column(f.ids['tasks']!, { name: 'note', type: 'string' }));
    completed(await column(f.ids['tasks']!, { name: 'title', rename_to: 'subject' }));
    completed(await drop(f.ids['tasks']!));
    completed(await restore(f.ids['tasks']!));
    completed(await revert(f.ids['tasks']!, at));
    expect(f.all('select * from tasks')).toEqual([{ id: 1, title: 't', state: 'open', note: null }]);
    expect(() => f.run("insert into tasks (title, state) values ('u', 'lost')")).toThrow('CHECK');
  });

  test('s3: STRICT tables take the strict name of the same class, and history what was asked for', async () => {
    const f = await given(['create table s (id integer primary key, a text) strict', "insert into s values (1, 'a')"]);
    for (const type of ['string', 'boolean', 'decimal', 'uuid', 'date', 'bigint', 'smallint', 'float', 'time']) {
      completed(await column(f.ids['s']!, { name: `c_${type}`, type }));
    }
    completed(await column(f.ids['s']!, { name: 'a', type: 'string', length: 20 }));
    completed(await column(f.ids['s']!, { name: 'c_string', type: 'text', nullable: true }));
    completed(await column(f.ids['s']!, { name: 'c_boolean', type: 'integer', unique: true }));
    const { table } = (await s.call('GET', `/tables/${f.ids['s']}`)).body as {
      table: { columns: Record<string, { type: string }> };
    };
    expect(
      Object.entries(table.columns)
        .slice(2)
        .map(([name, { type }]) => `${name} ${type}`),
    ).toEqual(expect.arrayContaining(['c_string text', 'c_boolean integer', 'c_decimal decimal', 'c_uuid uuid']));
    expect((await s.call('GET', `/databases/${f.database}/drift`)).body['drift']).toEqual([]);
    expect(f.text('s')).toMatch(/strict$/);
  });

  test('a broken view or trigger elsewhere stands in the way of nothing that does not need it, and is named where it does', async () => {
    const f = await given([
      'create table a (id integer primary key, n int)',
      'create table b (a int references a)',
      'create table c (n int)',
      'create view v as select * from gone',
      'insert into c values (1)',
    ]);
    completed(await rename(f.ids['c']!, 'd'));
    completed(await column(f.ids['c']!, { name: 'n', rename_to: 'm' }));
    completed(await column(f.ids['a']!, { name: 'n' }));
    rejected(
      await rename(f.ids['a']!, 'aa'),
      'unsupported_change',
      /^view v is broken \(no such table: main.gone\).*\(foreign key b\): mend or drop view v first/,
    );
    completed(await drop(f.ids['c']!));
    completed(await restore(f.ids['c']!));
    expect(f.all('select * from d')).toEqual([{ m: 1 }]);
  });
});

describe('dependents', () => {
  test('x8: what SQLite carries along in a rename is done', async () => {
    const f = await given([
      'create table album (id integer primary key, name varchar(20))',
      'create table track (id integer primary key, album_id int references album (id))',
      'create view albums as select id, name from album',
      'create table log (n int)',
      'create trigger logged after insert on track begin insert into log select id from album where id = ' +
        'new.album_id; end',
      "insert into album values (1, 'x')",
    ]);
    completed(await rename(f.ids['album']!, 'record'));
    completed(await column(f.ids['album']!, { name: 'id', rename_to: 'key' }));
    completed(await column(f.ids['album']!, { name: 'name', type: 'string', length: 60 }));
    f.run('insert into track values (1, 1)');
    expect([f.all('select * from log'), f.all('select count(*) as n from albums')]).toEqual([[{ n: 1 }], [{ n: 1 }]]);
    expect(() => f.run('insert into track values (2, 9)')).toThrow('FOREIGN KEY');
    rejected(await drop(f.ids['album']!), 'dependents_exist', /view albums.*trigger logged|foreign key track/);
  });
});

describe('left as found', () => {
  test("names of other people, keywords and a table's own name as a column", async () => {
    const text =
      'CREATE TABLE [order] ("order" integer primary key, [select] int default 3, `a.b` text, "größe" int ' +
      'check ("order".größe > 0), key int unique)';
    const f = await given([
      text,
      'create index "group" on "order" ("select", key)',
      'insert into "order" values (1, 2, \'x\', 4, 5)',
    ]);
    const at = await version(f.ids['order']!);
    completed(await column(f.ids['order']!, { name: 'select' }));
    completed(await revert(f.ids['order']!, at));
    expect([f.text('order'), f.text('group')]).toEqual([text, 'CREATE INDEX "group" on "order" ("select", key)']);
    completed(await drop(f.ids['order']!));
    completed(await restore(f.ids['order']!));
    expect(f.text('order')).toBe(text);
    expect(f.all('select * from "order"')).toEqual([{ order: 1, select: 2, 'a.b': 'x', größe: 4, key: 5 }]);
  });

  test('s7: journal mode, statistics and every setting of the file', async () => {
    const f = await given([
      'pragma page_size = 8192',
      'pragma auto_vacuum = full',
      'create table t (id integer primary key, v text not null, w int)',
      'create index t_w on t (w)',
      "insert into t (v, w) values ('a', 1), ('b', 1)",
      'analyze',
      'pragma user_version = 7',
      'pragma application_id = 99',
    ]);
    const settings = (): unknown[] =>
      ['journal_mode', 'page_size', 'auto_vacuum', 'encoding', 'user_version', 'application_id'].flatMap((name) =>
        f.all(`pragma ${name}`),
      );
    const statistics = f.all('select * from sqlite_stat1 order by tbl, idx');
    expect(settings()).toEqual([
      { journal_mode: 'delete' },
      { page_size: 8192 },
      { auto_vacuum: 1 },
      { encoding: 'UTF-8' },
      { user_version: 7 },
      { application_id: 99 },
    ]);
    const before = settings();
    completed(await column(f.ids['t']!, { name: 'v', nullable: true }));
    expect(settings()).toEqual(before);
    expect(f.all('select * from sqlite_stat1 order by tbl, idx')).toEqual(statistics);
    expect(existsSync(`${f.file}-wal`)).toBe(false);
  });

  test('Critical: SQL in a declared type', async () => {
    const core = join(s.dir, 'core.db');
    const beside = join(dir, 'beside.db');
    const f = await given([
      `create table v (id integer primary key, a "int); commit; attach database '${beside}' as c; create ` +
        'table c.pwned (x); --" not null, b text)',
      "insert into v values (1, 2, 'x')",
    ]);
    const text = f.text('v');
    const at = await version(f.ids['v']!);
    completed(await column(f.ids['v']!, { name: 'a' }));
    completed(await revert(f.ids['v']!, at));
    completed(await drop(f.ids['v']!));
    completed(await restore(f.ids['v']!));
    expect(existsSync(beside)).toBe(false);
    expect(f.text('v')).toBe(text);
    expect(existsSync(core)).toBe(true);
  });
});
