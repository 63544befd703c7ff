import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { query } from '../../../testing/fixtures.js';
import { FieldCase, onEachEngine, type FieldCases } from './field-case.js';

// Kinds of faults that public reports tell of other tools, each with its source. Names, tables and rows are made up.

let cases: FieldCases;
let pg: FieldCase;
let maria: FieldCase;
let lite: FieldCase;
beforeAll(async () => {
  cases = await onEachEngine();
  ({ pg, maria, lite } = cases);
});
afterAll(async () => {
  await cases.stop();
});

const create = async (table: string): Promise<string> =>
  String(Object.values((await maria.sql(`show create table \`${table}\``))[0]!)[1]);

describe('PostgreSQL', () => {
  // pgplex/pgschema#355
  test('7: what is unique with NULLS NOT DISTINCT is none of the portable ones, and comes back with its column', async () => {
    await pg.sql(
      'create table seats (id int primary key, hall int, row_ int, note text)',
      'create unique index seats_once on seats (hall, row_) include (note) nulls not distinct',
      'create unique index seats_note on seats (note) nulls not distinct',
    );
    const [seats] = (await pg.adopt('seats')) as [string];
    const indexes = (): Promise<object[]> =>
      pg.sql(`select indexname as n, indexdef as d from pg_indexes where tablename = 'seats' order by 1`);
    const before = await indexes();
    expect((await pg.get(`/tables/${seats}`)).body['table'].columns['note'].unique).toBe(false);
    for (const name of ['row_', 'note']) await pg.done(pg.column(seats, { name }));
    await pg.done(pg.call('/table/revert', { table_id: seats, version: 2 }));
    expect(await indexes()).toEqual(before);
  });

  // Schema-Smith/SchemaSmith#407, supabase/pg-toolbelt#235, pgplex/pgschema#592
  test('2: exclusion, statistics, storage, comment, grants and clustering come back with their columns, and a replica identity is not lost', async () => {
    await pg.sql(
      'create extension if not exists btree_gist',
      `create table book (id int primary key, room int, during int4range, note text default 'x', n int not ` +
        'null, exclude using gist (room with =, during with &&))',
      'create statistics book_stat on note, n from book',
      'alter table book alter note set statistics 500, alter note set storage external',
      'create unique index book_n on book (n)',
      'alter table book replica identity using index book_n',
      'create index book_room on book (room)',
      'alter table book cluster on book_room',
      'grant select (note, n) on book to public',
      `comment on column book.note is 'said'`,
      `comment on index book_room is 'once'`,
      `insert into book values (1, 1, '[1,5)', 'a', 1)`,
    );
    const [book] = (await pg.adopt('book')) as [string];
    const look = async (): Promise<object[]> => [
      await pg.sql(
        'select conname as n, pg_get_constraintdef(oid) as d from pg_constraint where conrelid = ' +
          `'book'::regclass order by 1`,
      ),
      await pg.sql(
        'select indexrelid::regclass::text as n, indisclustered as c, indisreplident as r, ' +
          `obj_description(indexrelid) as o from pg_index where indrelid = 'book'::regclass order by 1`,
      ),
      await pg.sql(
        'select stxname as n, cardinality(stxkeys::int2[]) as k from pg_statistic_ext where stxrelid = ' +
          `'book'::regclass`,
      ),
      await pg.sql(
        'select attname as n, attstattarget as s, attstorage as st, attacl::text as a, ' +
          `col_description(attrelid, attnum) as c from pg_attribute where attrelid = 'book'::regclass and ` +
          'attnum > 0 and not attisdropped order by 1',
      ),
    ];
    const before = await look();
    await pg.rejected(pg.column(book, { name: 'n' }), 'dependents_exist', /^replica identity book_n depend on book\.n/);
    for (const name of ['room', 'note']) await pg.done(pg.column(book, { name }));
    await pg.sql('insert into book (id, n) values (2, 2)', 'delete from book where id = 2');
    await pg.done(pg.call('/table/revert', { table_id: book, version: 2 }));
    expect(await look()).toEqual(before);
  });

  // LucasSantana-Dev/Lucky#1837, cockroachdb/cockroach#72456, xataio/pgroll#348, fatkodima/online_migrations#36
  test('5: a type that an index or a check could not be read with is refused beforehand', async () => {
    await pg.sql(
      'create table typed (id int primary key, code text, state text, who text, words text, n int, d date)',
      'create index typed_code on typed (code text_pattern_ops)',
      `create index typed_state on typed (id) where state = 'open'`,
      `alter table typed add constraint typed_who check (who <> '')`,
      'create index typed_words on typed (lower(words))',
      'create index typed_n on typed ((n + 1)) where n > 0',
      `alter table typed add constraint typed_d check (d > '2020-01-01' and n is not null)`,
    );
    const [typed] = (await pg.adopt('typed')) as [string];
    for (const [name, what] of [
      ['code', 'index typed_code'],
      ['state', 'index typed_state'],
      ['who', 'check typed_who'],
      ['words', 'index typed_words'],
    ] as const) {
      await pg.rejected(
        pg.column(typed, { name, type: 'integer' }),
        'dependents_exist',
        new RegExp(`^${what} depend on typed\\.${name}$`),
      );
    }
    for (const change of [
      { name: 'code', type: 'string', length: 20 },
      { name: 'n', type: 'decimal', precision: 20, scale: 2 },
      { name: 'd', type: 'timestamp' },
    ])
      await pg.done(pg.column(typed, change));
  });

  // lachlan2k/phatcrack#35, narenaryan/Vidura#12
  test('5: values that are too long for an index are told before one is made', async () => {
    await pg.sql(
      'create table pages (id int primary key, body text)',
      `insert into pages values (1, repeat('x', 100000)), (2, (select string_agg(md5(i::text), '') from ` +
        'generate_series(1, 90) i))',
    );
    const [pages] = (await pg.adopt('pages')) as [string];
    await pg.rejected(
      pg.column(pages, { name: 'body', unique: true }),
      'rows_conflict',
      /^1 value\(s\) of body are too long for an index.*"id":"2"/,
    );
    await pg.sql('delete from pages where id = 2');
    await pg.done(pg.column(pages, { name: 'body', unique: true }));
  });

  // dolthub/doltgresql#2197
  test('5: a column with a default is not added to a table whose rows another one holds', async () => {
    await pg.sql(
      'create table inner_ (id int primary key, n int)',
      'create table outer_ (id int primary key, was inner_)',
    );
    const [inner] = (await pg.adopt('inner_')) as [string];
    await pg.rejected(
      pg.column(inner, { name: 'more', type: 'integer', default: 3 }),
      'dependents_exist',
      /^column was of outer_ depend on inner_/,
    );
    await pg.done(pg.column(inner, { name: 'more', type: 'integer' }));
  });

  // baserow/baserow#3424, greenplum-db/gpdb#15459, Yeraze/meshmonitor#3751
  test('1: a table that gets no more columns keeps those that are dropped, and says why it gets none', async () => {
    await pg.sql(
      'create table worn (id int primary key, a int, b int)',
      'insert into worn values (1, 2, 3)',
      `do $$ begin for i in 1..1590 loop alter table worn add c int; alter table worn drop c; end loop; end $$`,
    );
    const [worn] = (await pg.adopt('worn')) as [string];
    await pg.done(pg.column(worn, { name: 'a' }));
    await pg.sql(
      'do $$ begin for i in 1..7 loop alter table worn add c int; alter table worn drop c; end loop; end $$',
    );
    await pg.rejected(
      pg.column(worn, { name: 'more', type: 'integer' }),
      'unsupported_change',
      /worn has had 1600 columns/,
    );
    await pg.done(pg.call('/table/revert', { table_id: worn, version: 2 }));
    expect(await pg.sql('select * from worn')).toEqual([{ id: 1, a: 2, b: 3 }]);
  });

  // elitan/terradb#73, doctrine/dbal#79
  test('6: what is asked for by name and is no table of theirs is told by what it is', async () => {
    await pg.sql(
      'create extension if not exists btree_gist',
      'create table ref_sys (id int primary key)',
      'alter extension btree_gist add table ref_sys',
      'create view seen as select 1 as one',
      'create sequence drawn',
    );
    for (const [name, why] of [
      ['ref_sys', /^ref_sys in field cannot be taken.*btree_gist/],
      ['seen', /^seen in field cannot be taken.*: it is a view/],
    ] as const)
      await pg.rejected(pg.call('/databases/field/adopt', { tables: [name] }), 'unsupported_change', why);
    await pg.sql('alter extension btree_gist drop table ref_sys');
  });

  // golang-migrate/migrate#282, mattes/migrate#217
  test('9: a change that somebody else refused leaves nothing behind that must be put right before the next one', async () => {
    await pg.sql(
      'create table open_ (id int primary key, n int)',
      `create function frozen() returns event_trigger language plpgsql as $$ begin raise exception 'nobody ` +
        `changes this today'; end $$`,
    );
    const [open] = (await pg.adopt('open_')) as [string];
    await pg.sql(
      `create event trigger no_changes on ddl_command_start when tag in ('ALTER TABLE') execute function frozen()`,
    );
    const refused = await pg.column(open, { name: 'n', rename_to: 'm' });
    expect([refused.body['saga'].status, refused.body['saga'].error.message]).toEqual([
      'compensated',
      expect.stringContaining('nobody changes this today'),
    ]);
    await pg.sql('drop event trigger no_changes');
    await pg.done(pg.column(open, { name: 'n', rename_to: 'm' }));
  });
});

describe('MariaDB', () => {
  // phpmyadmin/phpmyadmin#19367
  test('4: a table of an engine without transactions or foreign keys is changed like any other', async () => {
    await maria.sql(
      'create table old_ (id int primary key auto_increment, at timestamp(6) not null default ' +
        'current_timestamp(6), n varchar(20), fulltext key (n)) engine=MyISAM charset=latin1',
      `insert into old_ (n) values ('5')`,
    );
    const [old] = (await maria.adopt('old_')) as [string];
    const before = await create('old_');
    await maria.done(maria.column(old, { name: 'at', rename_to: 'made' }));
    await maria.done(maria.column(old, { name: 'n' }));
    await maria.done(maria.call('/table/revert', { table_id: old, version: 2 }));
    expect(await create('old_')).toBe(before);
  });

  // balderdashy/waterline#1092
  test('2: a key that numbers its rows goes on where it was when it comes back', async () => {
    await maria.sql(
      'create table tickets (id int primary key auto_increment, a int)',
      'insert into tickets (a) values (1), (2), (3)',
      'delete from tickets where id = 3',
    );
    const [tickets] = (await maria.adopt('tickets')) as [string];
    await maria.done(maria.column(tickets, { name: 'id' }));
    await maria.sql('insert into tickets (a) values (4)');
    await maria.done(maria.call('/table/revert', { table_id: tickets, version: 2 }));
    await maria.sql('insert into tickets (a) values (5)');
    expect(await maria.sql('select * from tickets order by id')).toEqual([
      { id: 1, a: 1 },
      { id: 2, a: 2 },
      { id: 4, a: 4 },
      { id: 5, a: 5 },
    ]);
  });

  // sequelize/sequelize#9653, frappe/erpnext#31400
  test('5: one key too many is refused beforehand', async () => {
    await maria.sql(
      'create table many (id int primary key, last_ int, ' +
        `${Array.from({ length: 62 }, (_, i) => `c${i} int`).join(', ')}, ` +
        `${Array.from({ length: 62 }, (_, i) => `key (c${i})`).join(', ')})`,
    );
    const [many] = (await maria.adopt('many')) as [string];
    await maria.done(maria.column(many, { name: 'last_', unique: true }));
    await maria.rejected(
      maria.column(many, { name: 'c0', unique: true }),
      'unsupported_change',
      /many has 64 keys, and a table has at most 64/,
    );
    await maria.rejected(
      maria.column(many, { name: 'more', type: 'integer', unique: true }),
      'unsupported_change',
      /many has 64 keys/,
    );
  });

  // orisintel/laravel-online-migrator#7, fleetdm/fleet#3176
  test('3: what was written under another sql_mode names a column all the same', async () => {
    const under = (mode: string, sql: string): Promise<object[]> =>
      query(`${maria.url}?multipleStatements=true`, `set sql_mode = '${mode}'; ${sql}`);
    await maria.sql(
      'create table orders (id int primary key, total int, note varchar(20), kind int, path varchar(20))',
      'create table log_ (n int)',
    );
    await under(
      'ANSI_QUOTES',
      'create trigger orders_bi before insert on orders for each row set new."note" = concat(\'n\', new."total")',
    );
    await under(
      'ANSI_QUOTES',
      'create trigger log_bi before insert on log_ for each row insert into "orders" ("id", "kind") values (new.n, 1)',
    );
    await under(
      'NO_BACKSLASH_ESCAPES',
      "create trigger orders_bu before update on orders for each row set @path = concat('\\', new.path, 'x')",
    );
    const [orders] = (await maria.adopt('orders')) as [string];
    await maria.rejected(
      maria.column(orders, { name: 'total' }),
      'dependents_exist',
      /^trigger orders_bi depend on orders\.total/,
    );
    await maria.rejected(
      maria.column(orders, { name: 'note', rename_to: 'remark' }),
      'dependents_exist',
      /^trigger orders_bi depend/,
    );
    await maria.rejected(maria.column(orders, { name: 'kind' }), 'dependents_exist', /^trigger log_bi depend/);
    await maria.rejected(maria.column(orders, { name: 'path' }), 'dependents_exist', /^trigger orders_bu depend/);
    await maria.sql('drop trigger log_bi');
    await under('ANSI_QUOTES', 'create procedure count_orders() select count(*) from "orders"');
    await maria.rejected(
      maria.call('/table/rename', { table_id: orders, name: 'purchases' }),
      'dependents_exist',
      /^procedure count_orders depend/,
    );
  });

  // cakephp/phinx#2069, lecaillon/Evolve#157
  test('3: what hangs on a table from another database is found, and named with that', async () => {
    const here = new URL(maria.url).pathname.slice(1);
    const there = `${here}_there`;
    await maria.sql(
      'create table base (id int primary key, n int)',
      'create table base2 (id int primary key)',
      `create database ${there}`,
    );
    try {
      const [base, base2] = (await maria.adopt('base', 'base2')) as [string, string];
      const drop = (): ReturnType<FieldCase['call']> => maria.call('/table/delete', { table_id: base });
      await maria.sql(
        `create table ${there}.kid (id int primary key, b int, constraint kid_base foreign key (b) ` +
          `references ${here}.base (id))`,
      );
      await maria.rejected(drop(), 'dependents_exist', /^foreign key \w+_there\.kid\.kid_base depend on base/);
      await maria.sql(`drop table ${there}.kid`, `create view ${there}.seen as select n from ${here}.base`);
      await maria.rejected(
        maria.column(base, { name: 'n' }),
        'dependents_exist',
        /^view \w+_there\.seen depend on base\.n/,
      );
      await maria.sql(
        `drop view ${there}.seen`,
        `create table ${there}.source (id int primary key)`,
        `create trigger ${there}.copied after insert on ${there}.source for each row insert into ` +
          `${here}.base values (new.id, 1)`,
      );
      await maria.rejected(drop(), 'dependents_exist', /^trigger \w+_there\.copied depend on base/);
      await maria.sql(
        `drop trigger ${there}.copied`,
        `create procedure ${there}.count_base() select count(*) from ${here}.base`,
      );
      await maria.rejected(drop(), 'dependents_exist', /^procedure \w+_there\.count_base depend on base/);
      // Its own table of that name is meant.
      await maria.sql(`create procedure ${there}.count_base2() select count(*) from base2`);
      await maria.done(maria.call('/table/delete', { table_id: base2 }));
    } finally {
      await maria.sql(`drop database ${there}`);
    }
  });

  // typeorm/typeorm#4658, PomeloFoundation/Pomelo.EntityFrameworkCore.MySql#183, erkexzcx/flightlesssomething#135
  test('7: defaults and ON UPDATE with a precision are kept by renames and drops, and are no rows that somebody changed', async () => {
    await maria.sql(
      'create table stamped (id int primary key auto_increment, n varchar(20), made datetime(6) not null ' +
        'default current_timestamp(6), at timestamp(3) not null default current_timestamp(3) on update ' +
        `current_timestamp(3) comment 'it''s', doc json, k int not null default (1 + 1))`,
      `insert into stamped (n, at, made, doc) values ('1', '2020-01-01 10:00:00.5', '2020-01-01 10:00:00.5', '{}')`,
    );
    const [id] = (await maria.adopt('stamped')) as [string];
    const [before, rows] = [await create('stamped'), await maria.sql('select * from stamped')];
    await maria.done(maria.column(id, { name: 'at', rename_to: 'changed' }));
    await maria.done(maria.column(id, { name: 'made', rename_to: 'created' }));
    await maria.done(maria.column(id, { name: 'doc', rename_to: 'docs' }));
    await maria.done(maria.column(id, { name: 'n', type: 'integer' }));
    await maria.done(maria.column(id, { name: 'k' }));
    expect(await maria.sql('select changed from stamped')).toEqual([{ changed: (rows[0] as { at: unknown }).at }]);
    await maria.done(maria.call('/table/revert', { table_id: id, version: 2 }));
    expect(await create('stamped')).toBe(before);
    expect(await maria.sql('select * from stamped')).toEqual(rows);
    await maria.done(maria.column(id, { name: 'at' }));
    await maria.sql('update stamped set n = 2');
    await maria.done(maria.call('/table/revert', { table_id: id, version: 2 }));
    expect(await create('stamped')).toBe(before);
  });
});

describe('SQLite', () => {
  // drizzle-team/drizzle-orm#5782, Arize-ai/phoenix#15039, sqlalchemy/alembic#1112
  test('1: a rebuild takes no row of another table along, and every index stays as it was written', async () => {
    await lite.sql(
      "create table chats (id integer primary key, mode text not null default 'a', at int)",
      'create table messages (id integer primary key, chat int references chats (id) on delete cascade, ' +
        'other int references chats on delete set null)',
      'create index chats_at on chats (at desc, mode collate nocase)',
      'create unique index chats_mode on chats (mode) where at > 3',
      'create index chats_lower on chats (lower(mode))',
      `insert into chats values (1, 'x', 1), (2, 'x', 2)`,
      'insert into messages values (1, 1, 2)',
    );
    const [chats] = (await lite.adopt('chats')) as [string];
    const objects = (): Promise<object[]> =>
      lite.sql(`select sql from sqlite_schema where tbl_name = 'chats' and type = 'index'`);
    const before = await objects();
    await lite.done(lite.column(chats, { name: 'mode', nullable: true, default: 'b' }));
    await lite.done(lite.column(chats, { name: 'mode', type: 'string', length: 30 }));
    expect(await lite.sql('select * from messages')).toEqual([{ id: 1, chat: 1, other: 2 }]);
    expect(await objects()).toEqual(before);
    expect(await lite.sql('pragma foreign_key_check')).toEqual([]);
  });

  // metabase/metabase#44886, seerr-team/seerr#3496
  test('2: a way back that rows written since do not fit names them, one reason after the other, and is there when they do', async () => {
    await lite.sql(
      'create table held (id integer primary key, code text not null, mail text unique)',
      "insert into held values (1, 'a', 'm')",
    );
    const [held] = (await lite.adopt('held')) as [string];
    const back = (): ReturnType<FieldCase['call']> => lite.call('/table/revert', { table_id: held, version: 2 });
    await lite.done(
      lite.call('/table/column', {
        table_id: held,
        columns: [
          { name: 'code', nullable: true },
          { name: 'mail', unique: false },
        ],
      }),
    );
    await lite.sql("insert into held values (2, null, 'm')");
    await lite.rejected(back(), 'rows_conflict', /^code is NULL in 1 row\(s\), for example at \{"id":"2"\}/);
    await lite.sql("update held set code = 'b' where id = 2");
    await lite.rejected(back(), 'rows_conflict', /^mail is not unique: 2 row\(s\)/);
    await lite.sql("update held set mail = 'n' where id = 2");
    await lite.done(back());
  });

  // simonw/sqlite-utils#586, sqlalchemy/alembic#1207, tursodatabase/turso#9047
  test('3: a view that names another column, and a trigger that reads one of the same name elsewhere, hold nothing and go on', async () => {
    await lite.sql(
      'create table goods (id integer primary key, c text, d text)',
      'create view goods_c as select id, c from goods',
      'create table sources (c text)',
      'create table noted (c text)',
      "insert into sources values ('s')",
      'create trigger goods_ai after insert on goods begin insert into noted select c from sources; end',
    );
    const [goods] = (await lite.adopt('goods')) as [string];
    await lite.done(lite.column(goods, { name: 'd' }));
    await lite.done(lite.column(goods, { name: 'c', rename_to: 'sort' }));
    await lite.sql("insert into goods (sort) values ('x')");
    expect([await lite.sql('select * from goods_c'), await lite.sql('select * from noted')]).toEqual([
      [{ id: 1, sort: 'x' }],
      [{ c: 's' }],
    ]);
  });

  // simonw/sqlite-utils#134, duckdb/duckdb-sqlite#140
  test('4: a virtual table whose module only its owner has does not hold the tables beside it', async () => {
    await lite.sql('create table places (id integer primary key, name text not null, note text)');
    const file = new Database(lite.url.slice('sqlite:'.length));
    file.unsafeMode();
    file.pragma('writable_schema = on');
    file.exec(
      `insert into sqlite_schema (type, name, tbl_name, rootpage, sql) values ('table', 'near', 'near', 0, ` +
        `'CREATE VIRTUAL TABLE near using VirtualSpatialIndex(x)')`,
    );
    file.close();
    const [places] = (await lite.adopt('places')) as [string];
    await lite.done(lite.column(places, { name: 'note', rename_to: 'remark' }));
    await lite.done(lite.column(places, { name: 'name', nullable: true }));
    await lite.done(lite.call('/table/rename', { table_id: places, name: 'spots' }));
    await lite.done(lite.call('/table/delete', { table_id: places }));
    await lite.done(lite.call('/table/restore', { table_id: places }));
  });
});
