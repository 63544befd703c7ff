import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, freshRedis, freshSqlite, query, type Row } from '../../../testing/fixtures.js';
import { startMariadb } from '../../../testing/servers.js';
import { FieldCase, onEachEngine, type FieldCases } from './field-case.js';
import { service, WAIT, type Service } from './service.js';

// Kinds 8, 9 and 10 of faults that public reports tell of other tools, each with its source: what is right already and
// stays so, what there is no way on from, and whose something is. Names, tables and rows are made up.

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

describe('8: right whatever the server, its settings and its texts', () => {
  // bonny/WordPress-Simple-History#435, PyMySQL/mysqlclient#422, sysown/proxysql#3469
  test('a server that limits joins, takes its own character set, begins every transaction read only and alters in one way alone is changed', async () => {
    const server = await startMariadb({
      args: ['--skip-character-set-client-handshake', '--character-set-server=latin1'],
    });
    const owner = (sql: string): Promise<Row[]> =>
      query<Row>(`${server.url}/shop?multipleStatements=true`, `set names utf8mb4, sql_mode = ''; ${sql}`);
    await query(server.url, 'create database shop character set utf8mb4');
    await query(server.url, 'create database core');
    await owner(
      "create table `größe` (id int primary key auto_increment, `straße` varchar(20) default 'ä' comment 'ü', " +
        "n varchar(10)); insert into `größe` (`straße`, n) values ('äöü', '12'), ('ß€', '13')",
    );
    const settings = [
      'max_join_size = 3',
      'tx_read_only = 1',
      'autocommit = 0',
      'completion_type = 1',
      "alter_algorithm = 'NOCOPY'",
      "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_ZERO_DATE'",
      'sql_safe_updates = 1',
      'group_concat_max_len = 4',
      'foreign_key_checks = 0',
      "default_storage_engine = 'MyISAM'",
    ];
    for (const setting of settings) await query(server.url, `set global ${setting}`);
    const s = await service({ CORE_DATABASE_URL: `${server.url}/core` });
    try {
      const url = `${server.url}/shop`;
      expect((await s.call('POST', '/databases', { name: 'shop', url })).status).toBe(201);
      expect((await s.call('POST', '/databases/shop/adopt', { tables: 'all' }, WAIT)).status).toBe(200);
      const [{ table_id }] = (await s.call('GET', '/tables?database=shop')).body['tables'] as [{ table_id: string }];
      for (const column of [
        { name: 'straße', default: "ö\\'" },
        { name: 'straße', nullable: false },
        { name: 'n', type: 'integer' },
        { name: 'id', type: 'bigint' },
        { name: 'straße' },
      ])
        expect(await s.call('POST', '/table/column', { table_id, column }, WAIT)).toMatchObject({ status: 200 });
      expect(await s.call('POST', '/table/revert', { table_id, version: 2 }, WAIT)).toMatchObject({ status: 200 });
      expect(await s.call('POST', '/table/create', { name: 'made', databases: ['shop'] }, WAIT)).toMatchObject({
        status: 200,
      });
    } finally {
      await s.stop();
    }
    const seen = (sql: string): Promise<Row[]> =>
      query<Row>(`${server.url}/shop?multipleStatements=true`, `set names utf8mb4, max_join_size = default; ${sql}`);
    const rows = (await seen('select * from `größe`')) as unknown as [unknown, object[]];
    expect(rows[1]).toEqual([
      { id: 1, straße: 'äöü', n: '12' },
      { id: 2, straße: 'ß€', n: '13' },
    ]);
    const [, [made]] = (await seen('show create table made')) as unknown as [unknown, [Row]];
    expect(String(made['Create Table'])).toContain('ENGINE=InnoDB');
    const [, [kept]] = (await seen('show create table `größe`')) as unknown as [unknown, [Row]];
    expect(String(kept['Create Table'])).toContain("varchar(20) DEFAULT 'ä' COMMENT 'ü'");
    await server.remove();
  });

  // npgsql/efcore.pg#1661
  test('PostgreSQL: a collation for which texts of other bytes are one is converted from, changed and given back', async () => {
    await pg.sql(
      "create collation no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
      'create table words (id int primary key, w text collate no_case, n varchar(20) collate no_case, u text collate ' +
        'no_case unique)',
      "insert into words values (1, '12', '7', 'A'), (2, '13', '8', 'b')",
    );
    const [words] = (await pg.adopt('words')) as [string];
    const columns = (): Promise<object[]> =>
      pg.sql(
        "select attname as n, attcollation::regcollation::text as c, format_type(atttypid, atttypmod) as t from pg_attribute where attrelid = 'words'::regclass and attnum > 0 and not attisdropped order by 1",
      );
    const [before, rows] = [await columns(), await pg.sql('select id, w, n, u from words order by id')];
    await pg.rejected(pg.column(words, { name: 'u', type: 'timestamp' }), 'lossy_conversion', /^2 value\(s\) of u/);
    for (const column of [
      { name: 'w', type: 'integer' },
      { name: 'n', type: 'string', length: 2 },
      { name: 'n', unique: true },
      { name: 'u' },
    ])
      await pg.done(pg.column(words, column));
    await pg.done(pg.call('/table/revert', { table_id: words, version: 2 }));
    expect([await columns(), await pg.sql('select id, w, n, u from words order by id')]).toEqual([before, rows]);
    await pg.sql("insert into words values (3, 'x', 'x', 'C')");
    await expect(pg.sql("insert into words values (4, 'x', 'x', 'a')")).rejects.toThrow(/duplicate key/);
  });

  // home-assistant/core#129694, hangfire-postgres/Hangfire.PostgreSql#182, concourse/concourse#6354
  test('PostgreSQL: a serial that becomes bigint counts beyond the integers', async () => {
    await pg.sql('create table states (id serial primary key, n int)', "select setval('states_id_seq', 2147483647)");
    const [states] = (await pg.adopt('states')) as [string];
    await pg.done(pg.column(states, { name: 'id', type: 'bigint' }));
    await pg.sql('insert into states (n) values (1)');
    expect(await pg.sql('select id from states')).toEqual([{ id: '2147483648' }]);
  });

  // ourway/auth#31, planetscale/migration-scripts#56
  test('PostgreSQL: rows that a policy hides from their owner are not taken for none', async () => {
    const role = `r_${new URL(pg.url).pathname.slice(1)}`;
    const own = await freshPostgres();
    const url = new URL(own.url);
    [url.username, url.password] = [role, 'x'];
    for (const sql of [
      `create role ${role} login password 'x'`,
      `grant create on schema public to ${role}`,
      'create table accounts (id int primary key, who text, n text, m int)',
      "insert into accounts values (1, 'a', '5', 1), (2, 'b', 'x', null)",
      `alter table accounts owner to ${role}`,
      'alter table accounts enable row level security, force row level security',
      'create policy mine on accounts using (who = current_user)',
    ])
      await query(own.url, sql);
    const { field, s } = await FieldCase.start(own, {}, url.href);
    try {
      const [accounts] = (await field.adopt('accounts')) as [string];
      for (const column of [
        { name: 'n', type: 'integer' },
        { name: 'm', nullable: false },
        { name: 'n', unique: true },
        { name: 'more', type: 'integer', nullable: false },
      ])
        await field.rejected(field.column(accounts, column), 'permission_denied', /row-level security policy/);
      await field.done(field.column(accounts, { name: 'm' }));
      await field.done(field.call('/table/revert', { table_id: accounts, version: 2 }));
      await field.done(field.call('/table/delete', { table_id: accounts }));
      await field.done(field.call('/table/restore', { table_id: accounts }));
      expect(await field.sql('select * from accounts order by id')).toEqual([
        { id: 1, who: 'a', n: '5', m: 1 },
        { id: 2, who: 'b', n: 'x', m: null },
      ]);
    } finally {
      await s.stop();
      await own.drop();
      await query(pg.url, `drop role ${role}`);
    }
  });

  // github/gh-ost#722, hashtopolis/server#2192
  test('MariaDB: the row whose number is 0 keeps it', async () => {
    await maria.sql('create table hashes (id int primary key auto_increment, n int, name varchar(10))');
    await query(
      `${maria.url}?multipleStatements=true`,
      "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; insert into hashes values (0, 7, 'md5'), (1, 8, 'sha'), (5, 9, 'x')",
    );
    const [hashes] = (await maria.adopt('hashes')) as [string];
    for (const column of [
      { name: 'id', type: 'bigint' },
      { name: 'n', type: 'string', length: 20 },
      { name: 'id', rename_to: 'number' },
      { name: 'number' },
    ])
      await maria.done(maria.column(hashes, column));
    await maria.done(maria.call('/table/revert', { table_id: hashes, version: 2 }));
    await maria.done(maria.call('/table/delete', { table_id: hashes }));
    await maria.done(maria.call('/table/restore', { table_id: hashes }));
    await maria.sql("insert into hashes (n, name) values (10, 'new')");
    expect(await maria.sql('select * from hashes order by id')).toEqual([
      { id: 0, n: 7, name: 'md5' },
      { id: 1, n: 8, name: 'sha' },
      { id: 5, n: 9, name: 'x' },
      { id: 6, n: 10, name: 'new' },
    ]);
  });

  // sqlitebrowser/sqlitebrowser#3022, simonw/sqlite-utils#592, neilotoole/sq#757
  test('SQLite: rebuilt rows keep their hidden numbers, and no number is given twice', async () => {
    await lite.sql(
      'create table places (k text primary key, v int, w text)',
      "insert into places values ('a', 1, 'x'), ('b', 2, 'y'), ('c', 3, 'z')",
      "delete from places where k = 'b'",
      'create table counted (id integer primary key autoincrement, v int)',
      'insert into counted (v) values (1), (2), (3)',
      'delete from counted where id = 3',
    );
    const [places, counted] = (await lite.adopt('places', 'counted')) as [string, string];
    await lite.done(lite.column(places, { name: 'v', nullable: false }));
    await lite.done(lite.column(places, { name: 'w' }));
    await lite.done(lite.call('/table/revert', { table_id: places, version: 2 }));
    expect(await lite.sql('select rowid, * from places')).toEqual([
      { rowid: 1, k: 'a', v: 1, w: 'x' },
      { rowid: 3, k: 'c', v: 3, w: 'z' },
    ]);
    await lite.done(lite.column(counted, { name: 'v', type: 'string', length: 5 }));
    await lite.done(lite.call('/table/delete', { table_id: counted }));
    await lite.done(lite.call('/table/restore', { table_id: counted }));
    await lite.sql("insert into counted (v) values ('4')");
    expect(await lite.sql('select max(id) as id from counted')).toEqual([{ id: 4 }]);
  });

  // dotnet/efcore#7583, brody2consult/cordova-sqlite-storage#822
  test('SQLite: what stands behind U+0000 in a text is part of it', async () => {
    await lite.sql(
      'create table odd (id integer primary key, a text, b text, c text)',
      `insert into odd values (1, '12' || char(0) || 'x', 'ab' || char(0) || 'cdefghij', '{"a":1}' || char(0))`,
    );
    const [odd] = (await lite.adopt('odd')) as [string];
    for (const column of [
      { name: 'a', type: 'integer' },
      { name: 'b', type: 'string', length: 5 },
      { name: 'c', type: 'json' },
    ])
      await lite.rejected(lite.column(odd, column), 'lossy_conversion', /^1 value\(s\) of/);
    await lite.done(lite.column(odd, { name: 'b', nullable: false }));
    await lite.done(lite.column(odd, { name: 'b' }));
    await lite.done(lite.call('/table/revert', { table_id: odd, version: 2 }));
    expect(await lite.sql('select hex(a) as a, hex(b) as b, hex(c) as c from odd')).toEqual([
      { a: '31320078', b: '61620063646566676869' + '6A', c: '7B2261223A317D00' },
    ]);
  });

  // FraunhoferIOSB/FROST-Server#375, metabase/metabase#41584
  test('PostgreSQL: JSON with an escaped U+0000 is told before the table is touched', async () => {
    await pg.sql(
      'create table notes (id int primary key, j text)',
      String.raw`insert into notes values (1, '{"a": 1}'), (2, '{"a": "\u0000"}'), (3, '{"a": "\ud800"}')`,
    );
    const [notes] = (await pg.adopt('notes')) as [string];
    await pg.rejected(pg.column(notes, { name: 'j', type: 'json' }), 'lossy_conversion', /^2 value\(s\) of j/);
    await pg.sql('delete from notes where id > 1');
    await pg.done(pg.column(notes, { name: 'j', type: 'json' }));
  });
});

const ENGINES = ['PostgreSQL', 'MariaDB', 'SQLite'] as const;
const FRESH = { PostgreSQL: freshPostgres, MariaDB: freshMysql, SQLite: freshSqlite };

describe('9: there is a way on', () => {
  // getsentry/snuba#4849
  test.each(ENGINES)('%s: a part of the ledger that somebody dropped is made again', async (engine) => {
    const fresh = await FRESH[engine]();
    const { field, s } = await FieldCase.start(fresh);
    try {
      await field.sql('create table orders (id int primary key, n int)', 'insert into orders values (1, 2)');
      const [orders] = (await field.adopt('orders')) as [string];
      for (const [i, table] of ['_saga_ledger', '_saga_fences', '_saga_identity'].entries()) {
        await field.sql(`drop table ${table}`);
        await field.done(field.column(orders, { name: `c${i}`, type: 'integer' }));
      }
      await field.sql('drop table _saga_ledger', 'drop table _saga_fences', 'drop table _saga_identity');
      await field.done(field.column(orders, { name: 'n' }));
      await field.done(field.call('/table/revert', { table_id: orders, version: 2 }));
      expect(await field.sql('select id, n from orders')).toEqual([{ id: 1, n: 2 }]);
      await field.done(field.call('/databases/field/catch-up', {}));
    } finally {
      await s.stop();
      await fresh.drop();
    }
  });

  // StarRocks/starrocks#12138, HarperFast/harper#2451
  test.each(ENGINES)('%s: a core that was put back is not fenced out by what it did later', async (engine) => {
    const field = { PostgreSQL: pg, MariaDB: maria, SQLite: lite }[engine];
    await field.sql('create table epochs (id int primary key)');
    const [epochs] = (await field.adopt('epochs')) as [string];
    const year = 365 * 86_400_000;
    await field.sql(`update _saga_fences set token = ${Date.now() + year}`);
    await field.done(field.column(epochs, { name: 'n', type: 'integer' }));
  });

  // dotnet/efcore#23567, MarquezProject/marquez#2308
  test.each(ENGINES)(
    '%s: a table in whose place its owner put a view can be let go, and the other one taken',
    async (engine) => {
      const field = { PostgreSQL: pg, MariaDB: maria, SQLite: lite }[engine];
      await field.sql(
        'create table seen (id int primary key, a int)',
        'create table seen2 (id int primary key, a int)',
        'insert into seen values (1, 2)',
      );
      const [seen, other] = (await field.adopt('seen', 'seen2')) as [string, string];
      for (const name of ['seen', 'seen2'])
        await field.sql(
          `alter table ${name} rename to ${name}_base`,
          `create view ${name} as select id from ${name}_base`,
        );
      await field.rejected(
        field.column(seen, { name: 'a', rename_to: 'b' }),
        'drift_detected',
        /^seen: expected a table/,
      );
      await field.done(field.call('/databases/field/drift/resolve', { table_id: seen, as: 'adopt' }));
      await field.done(
        field.call('/table/databases', { table_id: other, remove: ['field'], lost: true, reason: 'it is a view now' }),
      );
      const [base] = (await field.adopt('seen_base')) as [string];
      await field.done(field.column(base, { name: 'c', type: 'integer' }));
      expect(await field.sql('select id from seen')).toEqual([{ id: 1 }]);
    },
  );

  // jryannel/sqlb#242, baserow/baserow#5234
  test('PostgreSQL: an index that was built half-way is no key, holds no other one up, and is named where it is in the way', async () => {
    await pg.sql(
      'create table half (id int primary key, a int, b int)',
      'insert into half values (1, 1, 1), (2, 1, 2)',
    );
    await expect(pg.sql('create unique index concurrently half_a_key on half (a)')).rejects.toThrow(/could not create/);
    const [half] = (await pg.adopt('half')) as [string];
    expect((await pg.get(`/tables/${half}`)).body['table'].columns['a'].unique).toBe(false);
    await pg.rejected(pg.column(half, { name: 'a', unique: true }), 'rows_conflict', /^a is not unique: 2 row\(s\)/);
    for (const column of [{ name: 'a' }, { name: 'a', type: 'bigint' }])
      await pg.rejected(pg.column(half, column), 'dependents_exist', /^invalid index half_a_key depend on half\.a/);
    await pg.done(pg.column(half, { name: 'a', rename_to: 'c' }));
    await pg.done(pg.column(half, { name: 'b' }));
    await pg.sql('drop index half_a_key');
    await pg.done(pg.column(half, { name: 'c' }));
    await pg.done(pg.call('/table/revert', { table_id: half, version: 2 }));
    expect(await pg.sql('select id, a, b from half order by id')).toEqual([
      { id: 1, a: 1, b: 1 },
      { id: 2, a: 1, b: 2 },
    ]);
  });

  // unicef/hope#1733, CDCgov/trusted-intermediary#1119
  test('PostgreSQL: a password that was changed there is told, and changed here', async () => {
    const role = `p_${new URL(pg.url).pathname.slice(1)}`;
    const own = await freshPostgres();
    const url = new URL(own.url);
    [url.username, url.password] = [role, 'x'];
    await query(own.url, `create role ${role} login password 'x'`);
    await query(own.url, `alter schema public owner to ${role}`);
    const { field, s } = await FieldCase.start(own, {}, url.href);
    try {
      const made = await field.done(field.call('/table/create', { name: 'orders', databases: ['field'] }));
      const { table_id } = made['table'] as { table_id: string };
      await query(own.url, `alter role ${role} password 'y'`);
      await query(own.url, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
      const column = { name: 'more', type: 'integer' };
      await field.rejected(field.column(table_id, column), 'permission_denied', /password authentication failed/);
      url.password = 'y';
      expect((await s.call('PUT', '/databases/field', { url: url.href })).status).toBe(200);
      await field.done(field.column(table_id, column));
    } finally {
      await s.stop();
      await own.drop();
      await query(pg.url, `drop role ${role}`);
    }
  });
});

describe('10: whose is it?', () => {
  // Automattic/kue#645, laravel/docs#3256
  test('two services on one Redis do their own changes, whoever hears of them', async () => {
    const redis = await freshRedis();
    const services = await Promise.all([1, 2].map(() => service({ REDIS_URL: redis.url })));
    try {
      for (const name of ['one', 'two', 'three']) {
        const answers = await Promise.all(services.map((s) => s.call('POST', '/table/create', { name }, WAIT)));
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      }
    } finally {
      for (const s of services) await s.stop();
      await redis.drop();
    }
  });

  // Starcounter/Starcounter#4180
  test.each(ENGINES)(
    '%s: a copy is told from nothing but what stands in it, and how it becomes one of its own',
    async (engine) => {
      const [fresh, copy] = [await FRESH[engine](), await FRESH[engine]()];
      const { field, s } = await FieldCase.start(fresh);
      const other = await service();
      try {
        await other.call('POST', '/databases', { name: 'copy', url: copy.url });
        const [identity] = (await field.sql('select * from _saga_identity')) as [Row];
        const id = engine === 'MariaDB' ? 'database_id' : 'id';
        await query(
          copy.url,
          `update _saga_identity set ${id} = '${String(identity[id])}', core_id = '${String(identity['core_id'])}'`,
        );
        const register = (): ReturnType<Service['call']> =>
          s.call('POST', '/databases', { name: 'copy', url: copy.url });
        const { status, body } = await register();
        expect([status, body['code'], body['detail'], body['hint']]).toEqual([
          409,
          'database_exists',
          'this database is registered already, as field',
          expect.stringMatching(/drop the tables _saga_ledger, _saga_fences and _saga_identity in the copy/),
        ]);
        for (const table of ['_saga_ledger', '_saga_fences', '_saga_identity'])
          await query(copy.url, `drop table ${table}`);
        expect((await register()).status).toBe(201);
        const databases = ['field', 'copy'];
        await field.done(field.call('/table/create', { name: 'orders', databases }));
      } finally {
        await s.stop();
        await other.stop();
        await fresh.drop();
        await copy.drop();
      }
    },
  );

  // uw-ictd/haulage#25, ekmungai/eloquent-ifrs#4
  test.each(ENGINES)(
    "%s: another program's database with tables of the core's names does not become the core",
    async (engine) => {
      const fresh = await FRESH[engine]();
      await query(fresh.url, 'create table events (id int primary key, what varchar(20))');
      await query(fresh.url, "insert into events values (1, 'concert')");
      const names =
        engine === 'SQLite'
          ? "select name from sqlite_schema where type = 'table'"
          : `select table_name as name from information_schema.tables where table_schema = ${engine === 'MariaDB' ? 'database()' : "'public'"}`;
      try {
        await expect(service({ CORE_DATABASE_URL: fresh.url })).rejects.toThrow(
          'the core database has a table events of another program',
        );
        expect(await query(fresh.url, names)).toEqual([{ name: 'events' }]);
        expect(await query(fresh.url, 'select * from events')).toEqual([{ id: 1, what: 'concert' }]);
      } finally {
        await fresh.drop();
      }
    },
  );

  // hidu/mysql-schema-sync#56, saltcorn/saltcorn#66
  test.each(ENGINES)(
    "%s: another program's table with a beginning of ours is left alone, and that is told",
    async (engine) => {
      const fresh = await FRESH[engine]();
      const { field, s } = await FieldCase.start(fresh);
      try {
        await field.sql(
          'create table _saga_state (id int primary key, n int)',
          'insert into _saga_state values (1, 2)',
          'create table orders (id int primary key, n int)',
        );
        const { body } = await s.call('POST', '/databases/field/adopt', { tables: 'all' }, WAIT);
        expect(body['skipped']).toEqual([
          { name: '_saga_state', kind: 'table', reason: expect.stringMatching(/begins with _saga_/) },
        ]);
        expect(await field.call('/databases/field/adopt', { tables: ['_saga_state'] })).toMatchObject({
          body: { code: 'unsupported_change', detail: expect.stringMatching(/cannot be taken under management/) },
        });
        const [{ table_id }] = (await s.call('GET', '/tables?name=orders')).body['tables'] as [{ table_id: string }];
        await field.done(field.column(table_id, { name: 'n' }));
        await field.done(field.call('/table/delete', { table_id }));
        expect(await field.sql('select * from _saga_state')).toEqual([{ id: 1, n: 2 }]);
      } finally {
        await s.stop();
        await fresh.drop();
      }
    },
  );

  // garagepoort/StaffPlusPlus#207, WatWowMap/ReactMap#194
  test.each(ENGINES)(
    "%s: a database with another program's table of the ledger's name is left as it is",
    async (engine) => {
      const fresh = await FRESH[engine]();
      const s = await service();
      const registered = async (): Promise<unknown> => {
        const answer = await s.call('POST', '/databases', { name: 'theirs', url: fresh.url });
        return [answer.status, answer.body['code'], answer.body['detail']];
      };
      try {
        for (const name of ['_saga_ledger', '_saga_fences', '_saga_identity']) {
          await query(fresh.url, `create table ${name} (saga varchar(20))`);
          await query(fresh.url, `insert into ${name} values ('theirs')`);
          expect(await registered()).toEqual([409, 'database_mismatch', expect.stringContaining(name)]);
          expect(await query(fresh.url, `select * from ${name}`)).toEqual([{ saga: 'theirs' }]);
          await query(fresh.url, `drop table ${name}`);
        }
        await query(fresh.url, 'create view _saga_fences as select 1 as one');
        expect(await registered()).toEqual([409, 'database_mismatch', expect.stringContaining('_saga_fences')]);
        await query(fresh.url, 'drop view _saga_fences');
        expect(await registered()).toEqual([201, undefined, undefined]);
      } finally {
        await s.stop();
        await fresh.drop();
      }
    },
  );
});
