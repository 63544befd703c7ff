import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply } from './service.js';
import { stateOf } from './state.js';

/** Tables as they are met in the wild; each by what is odd about it. */
const ODD: Record<string, Record<string, string[]>> = {
  shop: {
    no_rowid: ['create table no_rowid (code text primary key, n int) without rowid'],
    computed: [
      'create table computed (id integer primary key, a int, twice int generated always as (a * 2) stored, ' +
        'thrice int as (a * 3) virtual)',
    ],
    'with space': [
      'create table "with space" ("first name" text, "sélect" int, "a""b" int default (1), [brackets] ' +
        'varchar(9), `ticks` blob)',
    ],
    copied: ["create table copied as select 1 as a, 'x' as b, null as c"],
    untyped: ['create table untyped (a, b default 3, c any)'],
    strictly: [
      'create table strictly (id integer primary key autoincrement, a int not null, b text, c real, d ' +
        'blob, e any) strict',
    ],
    keyed: ['create table keyed (a int, b text, c int, primary key (b desc, a))'],
    commented: [
      'create table commented ( -- a comment, with (parentheses)\n id integer primary key /* and ' +
        "\"another\" */, a text default 'it''s, (x)' check (length(a) > 1), b text collate nocase unique, " +
        'unique (a, b))',
    ],
    linked: [
      'create table linked (id integer primary key, parent references linked (id) on delete cascade ' +
        "deferrable initially deferred, at datetime default current_timestamp, x default x'00ff', y real " +
        'default -1.5e3, z text default "dq")',
    ],
    triggered: [
      'create table triggered (id integer primary key, n int)',
      'create trigger t_ins after insert on triggered begin update triggered set n = 1 where id = new.id; end',
      'create index t_n on triggered (n) where n > 1',
    ],
  },
  crm: {
    serials: ['create table serials (id bigserial primary key, n serial, s smallserial)'],
    identities: [
      'create table identities (id int generated always as identity primary key, a int, twice int ' +
        'generated always as (a * 2) stored)',
    ],
    kinds: [
      "create type mood as enum ('sad', 'it''s ok')",
      'create domain percent as int check (value between 0 and 100)',
      'create type pair as (a int, b text)',
      "create table kinds (m mood default 'sad', p percent not null default 5, c pair, a int[][], ch " +
        "char(10) default 'x', vc varchar, ts timestamp(3), tz timetz, iv interval default '1 day', mo " +
        "money, bi bit(3) default b'101', nu numeric, js json, x xml, ip inet, r int4range, v tsvector, o " +
        'oid, n name)',
    ],
    'With "Quotes"': [
      'create table "With ""Quotes""" ("Key" int, "a b" text collate "C" default \'x\', "a.b" int, primary ' +
        'key ("a.b", "Key"))',
    ],
    parted: [
      'create table parted (id int, at date not null, primary key (id, at)) partition by range (at)',
      "create table parted_2020 partition of parted for values from ('2020-01-01') to ('2021-01-01')",
    ],
    child: ['create table mother (id int primary key, a int)', 'create table child (b int) inherits (mother)'],
    fast: [
      'create unlogged table fast (id uuid primary key default gen_random_uuid(), at timestamptz default ' +
        'clock_timestamp(), during tstzrange, exclude using gist (during with &&))',
    ],
    bare: [
      'create table bare (a int check (a > 0), b int references mother (id), unique (a, b))',
      'create unique index bare_low on bare ((a + 1))',
      "comment on table bare is 'theirs'",
    ],
  },
  erp: {
    numbers: [
      "create table numbers (a tinyint, b int unsigned zerofill, c mediumint, d bit(8) default b'101', e " +
        'year, f float(7,3), g double unsigned, h decimal(20,0) unsigned, i bool default true, j bigint ' +
        'unsigned auto_increment, key (j))',
    ],
    texts: [
      "create table texts (id int primary key, a char(10) default 'x', b tinytext, c text, d mediumtext, e " +
        "varchar(50) character set latin1 collate latin1_german1_ci default 'ä', f binary(16), g " +
        "varbinary(20), h enum('a','B'',') default 'B'',', i set('x','y'), j json)",
    ],
    times: [
      'create table times (id int primary key, a datetime, b datetime(3) default current_timestamp(3), c ' +
        'timestamp null default null, d timestamp default current_timestamp on update current_timestamp, e ' +
        "time, f date default '2020-01-01')",
    ],
    computed: [
      'create table computed (id int auto_increment primary key, a int, b int as (a * 2) virtual, c int as ' +
        '(a * 3) stored, d int default (1 + 1), check (a > 0), constraint named check (d > 0))',
    ],
    'with space': [
      "create table `with space` (`a b` int, `c``d` varchar(9) comment 'it''s', primary key (`c``d`, `a " +
        "b`)) comment 'theirs'",
    ],
    shapes: ['create table shapes (id int primary key, p point not null, spatial key (p), t text, fulltext key (t))'],
    parted: ['create table parted (id int primary key, a int) partition by hash (id) partitions 3'],
    hidden: ['create table hidden (id int primary key, a int invisible, b uuid, c inet6)'],
    other_engine: ['create table other_engine (id int primary key, a varchar(10)) engine = aria'],
  },
};
const ON = Object.keys(ODD);
let s: Awaited<ReturnType<typeof service>>;
let fresh: Fresh[];
let urls: Record<string, string>;

beforeAll(async () => {
  fresh = [await freshSqlite(), await freshPostgres(), await freshMysql()];
  urls = Object.fromEntries(ON.map((name, i) => [name, fresh[i]!.url]));
  s = await service();
  for (const name of ON) {
    expect((await s.call('POST', '/databases', { name, url: urls[name] })).status).toBe(201);
    for (const statements of Object.values(ODD[name]!)) for (const sql of statements) await query(urls[name]!, sql);
  }
});
afterAll(async () => {
  await s.stop();
  await Promise.all(fresh.map((one) => one.drop()));
});

async function done(path: string, body: object): Promise<Reply['body']> {
  const answer = await s.call('POST', path, body, WAIT);
  expect([path, body, answer.status, answer.body['detail']]).toEqual([path, body, 200, undefined]);
  return answer.body;
}

async function differences(name: string, table: string): Promise<object[]> {
  return ((await s.call('GET', `/databases/${name}/drift`)).body['drift'] as { table: string; kind: string }[]).filter(
    (d) => d.table === table && d.kind !== 'added',
  );
}

test.each(ON.flatMap((name) => Object.keys(ODD[name]!).map((table) => [name, table])))(
  '%s: a table like %s comes under management as it is, and is changed like any other',
  async (name, table) => {
    const before = await stateOf({ [name]: urls[name]! }, table, false);
    const { table: adopted } = await done(`/databases/${name}/adopt`, { tables: [table] });
    expect(await stateOf({ [name]: urls[name]! }, table, false)).toEqual(before);
    expect(await differences(name, table)).toEqual([]);
    const id = adopted.table_id as string;
    const columns = Object.values(adopted.columns as Record<string, { name: string; native?: object }>);
    await done('/table/column', { table_id: id, column: { name: 'extra_here', type: 'integer', default: 7 } });
    expect(await differences(name, table)).toEqual([]);
    // Undone to the letter, whatever stands beside.
    const version = (await s.call('GET', `/tables/${id}`)).body['table'].version as number;
    const asBefore = async (): Promise<void> => {
      expect(await differences(name, table)).toEqual([]);
    };
    await done('/table/column', {
      table_id: id,
      column: { name: 'extra_here', rename_to: 'extra_there', nullable: false },
    });
    await done('/table/revert', { table_id: id, version });
    await asBefore();
    const shown = (await s.call('GET', `/tables/${id}`)).body['table'].columns as Record<string, { native?: object }>;
    expect(Object.keys(shown)).toEqual([...columns.map((c) => c.name), 'extra_here']);
    for (const column of columns) expect(shown[column.name]).toEqual(column);
    const dropped = await s.call('POST', '/table/delete', { table_id: id }, WAIT);
    // What hangs on it is listed, and nothing is touched; else it goes, and comes back.
    if (dropped.status === 200) await done('/table/restore', { table_id: id });
    else
      expect(dropped).toMatchObject({
        status: 422,
        body: {
          code: 'saga_rejected',
          saga: { error: { code: expect.stringMatching(/dependents_exist|unsupported_change/) } },
        },
      });
    await asBefore();
  },
);

test('a key whose columns change their order is drift, whichever order it was adopted in', async () => {
  const url = urls['crm']!;
  await query(url, 'create table ordered (a int, b int, c int, constraint k primary key (b, a))');
  const { table } = await done('/databases/crm/adopt', { tables: ['ordered'] });
  expect(table.columns).toMatchObject({
    a: { primary_key: true, key_place: 2 },
    b: { primary_key: true, key_place: 1 },
  });
  await query(url, 'alter table ordered drop constraint k, add constraint k primary key (a, b)');
  expect(await differences('crm', 'ordered')).toMatchObject([
    { differences: [{ column: null, expected: 'primary key (b, a)', found: 'primary key (a, b)' }] },
  ]);
  expect(
    await s.call('POST', '/databases/crm/drift/resolve', { table_id: table.table_id, as: 'restore' }),
  ).toMatchObject({ status: 422, body: { code: 'unsupported_change' } });
  await done('/databases/crm/drift/resolve', { table_id: table.table_id, as: 'adopt' });
  expect(await differences('crm', 'ordered')).toEqual([]);
});
