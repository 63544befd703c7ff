import { describe, expect, test } from '@jest/globals';
import { completeColumn, type ColumnInput } from '../../schema/column-input.js';
import type { Column } from '../../schema/column.js';
import { dependentsOf } from './dependents.js';
import { sqlite } from './index.js';
import { readRows, readSource, type SchemaRow } from './introspect.js';
import { parseTable } from './parser/parse.js';
import { normalise, tokenize } from './parser/tokens.js';

const { ddl } = sqlite;
const column = (input: ColumnInput): Column => completeColumn(input).column;
const id = column({ name: 'id', type: 'integer', primary_key: true, generated: true });
const email = column({ name: 'email', type: 'string', length: 50, nullable: false, unique: true, default: "it's" });
const made = ddl.createTable('t', [id, email], 'id', (name) => `u_${name}`);
const live = made.live!;

describe('golden', () => {
  test('createTable', () => {
    expect(made.statements).toEqual([
      'CREATE TABLE "t"( "id" integer primary key autoincrement, "email" varchar(50) not null default \'it\'\'s\')',
      'CREATE UNIQUE INDEX "u_email" on "t" ("email")',
    ]);
    expect(
      ddl.createTable(
        't',
        [
          column({ name: 'a', type: 'integer', primary_key: true }),
          column({ name: 'b', type: 'uuid', primary_key: true, default: { function: 'uuid' } }),
          column({ name: 'c', type: 'timestamp', default: { function: 'now' } }),
          column({ name: 'd', type: 'json', default: { 'a': '?' } }),
          column({ name: 'e', type: 'boolean', default: true }),
        ],
        'id',
        (c) => c,
      ).statements,
    ).toEqual([
      'CREATE TABLE "t"( "a" integer not null, "b" uuid_text not null default ' +
        "(lower(hex(randomblob(4))||'-'||hex(randomblob(2))||'-4'||substr(hex(randomblob(2)),2)||'-'||" +
        "substr('89ab',1+(random()&3),1)||substr(hex(randomblob(2)),2)||'-'||hex(randomblob(6))))," +
        ' "c" timestamp default (strftime(\'%Y-%m-%d %H:%M:%f\',\'now\')), "d" json_text default ' +
        '\'{"a":"?"}\', "e" boolean default 1, primary key ("a", "b"))',
    ]);
    expect(
      ddl.createTable('t', [column({ name: 'a', type: 'integer', primary_key: true })], 'id', (c) => c).statements,
    ).toEqual(['CREATE TABLE "t"( "a" int not null primary key)']);
    expect(
      ddl.createTable('t', [column({ name: 'a', type: 'bigint', primary_key: true, generated: true })], 'id', (c) => c)
        .statements,
    ).toEqual(['CREATE TABLE "t"( "a" integer constraint "bigint" primary key autoincrement)']);
  });

  test('drop, rename, set aside, bring back a table', () => {
    expect(ddl.dropTable(live)).toEqual({ statements: ['drop table "t"'], live: null });
    expect(ddl.renameTable(live, 'n').statements).toEqual(['alter table "t" rename to "n"']);
    const aside = ddl.setAsideTable(live, '_saga_x');
    expect(aside.statements).toEqual(['drop index "u_email"', 'alter table "t" rename to "_saga_x"']);
    expect(ddl.bringBackTable(aside.live!, live).statements).toEqual([
      'alter table "_saga_x" rename to "t"',
      'CREATE UNIQUE INDEX "u_email" on "t" ("email")',
    ]);
  });

  test('add and rename a column', () => {
    expect(
      ddl.addColumn(live, column({ name: 'n', type: 'decimal', default: '1.5', nullable: false, unique: true }), 'u_n')
        .statements,
    ).toEqual([
      'alter table "t" add column "n" decimal(10,2) not null default 1.5',
      'CREATE UNIQUE INDEX "u_n" on "t" ("n")',
    ]);
    expect(ddl.renameColumn(live, 'email', 'mail').statements).toEqual([
      'alter table "t" rename column "email" to "mail"',
    ]);
  });

  test('a rebuild', () => {
    expect(
      ddl.alterColumn(live, 'email', { ...email, type: 'integer', length: null, default: 5 }, 'u').statements,
    ).toEqual([
      'pragma legacy_alter_table = on',
      'alter table "t" rename to "_saga_old"',
      'pragma legacy_alter_table = off',
      'CREATE TABLE "t"( "id" integer primary key autoincrement, "email" integer not null default 5)',
      'insert into "t" ("id", "email") select "id", _saga_convert("email", \'string(50)\', \'integer\') ' +
        'from "_saga_old"',
      "delete from sqlite_sequence where name = 't'",
      "insert into sqlite_sequence (name, seq) select 't', seq from sqlite_sequence where name = '_saga_old'",
      'drop table "_saga_old"',
      'CREATE UNIQUE INDEX "u_email" on "t" ("email")',
    ]);
    expect(ddl.alterColumn(live, 'email', { ...email, unique: false }, 'u')).toMatchObject({
      statements: ['drop index "u_email"'],
      live: { uniques: [] },
    });
    expect(ddl.alterColumn(live, 'email', email, 'u').statements).toEqual([]);
  });

  test('an index', () => {
    const columns = [
      { name: 'EMAIL', order: 'asc' as const },
      { name: 'id', order: 'desc' as const },
    ];
    const index = ddl.createIndex(live, { columns, unique: true }, 't_"i"', true);
    expect(index.statements).toEqual(['CREATE UNIQUE INDEX "t_""i""" ON "t"("email", "id" DESC)']);
    expect(index.outsideTransaction).toBeUndefined();
    expect(ddl.createIndex(live, { columns, unique: false }, 'i', false).statements).toEqual([
      'CREATE INDEX "i" ON "t"("email", "id" DESC)',
    ]);
    expect(ddl.renameIndex(index.live, 't_"I"', 'j').statements).toEqual([
      'CREATE UNIQUE INDEX "j" ON "t"("email", "id" DESC)',
      'drop index "t_""I"""',
    ]);
    expect(ddl.renameIndex(index.live, 't_"i"', 'T_"i"').statements).toEqual([
      'drop index "t_""i"""',
      'CREATE UNIQUE INDEX "T_""i""" ON "t"("email", "id" DESC)',
    ]);
    expect(ddl.dropIndex(index.live, 't_"i"')).toEqual({ statements: ['drop index "t_""i"""'], live });
  });

  test('set a column aside, and back', () => {
    const aside = ddl.setAsideColumn(live, 'email', '_saga_c');
    expect(aside.statements.slice(3, 5)).toEqual([
      'CREATE TABLE "t"( "id" integer primary key autoincrement, "_saga_c" varchar(50))',
      'insert into "t" ("id", "_saga_c") select "id", "email" from "_saga_old"',
    ]);
    const back = ddl.bringBackColumn(aside.live!, '_saga_c', live, 'email');
    expect(back.statements.slice(3, 5)).toEqual([
      'CREATE TABLE "t"( "id" integer primary key autoincrement, "email" varchar(50) not null default \'it\'\'s\')',
      'insert into "t" ("id", "email") select "id", "_saga_c" from "_saga_old"',
    ]);
    expect(back.live).toEqual(live);
  });

  test('values kept and given back; lost', () => {
    expect(ddl.keepValues(live, 'email', '_saga_k').statements).toEqual([
      'CREATE TABLE "_saga_k"("key_1", "value", primary key ("key_1"))',
      'insert into "_saga_k" select "id", "email" from "t"',
    ]);
    const stamp = column({ name: 'email', type: 'timestamp' });
    expect(ddl.giveBackValues(live, 'email', '_saga_k', email, stamp)).toEqual([
      'update "t" as t set "email" = (select k."value" from "_saga_k" as k where k."key_1" is t."id")' +
        ' where exists (select 1 from "_saga_k" as k where k."key_1" is t."id" and ' +
        '_saga_there_and_back(k."value", \'string(50)\', \'timestamp\') is t."email" collate binary and ' +
        'k."value" is not t."email" collate binary)',
    ]);
    expect(ddl.giveBackValues(live, 'email', '_saga_k', email, { ...email, length: 60 })).toEqual([]);
    expect(ddl.lost(email, { ...email, length: 60 }, 'x')).toBe('0');
    expect(ddl.lost(email, { ...email, length: 40 }, 'x')).toBe("_saga_lost(x, 'string(50)', 'string(40)')");
  });
});

describe('reading texts', () => {
  test('tokens', () => {
    expect(tokenize("a\"b\"\"c\"`d`[e f]'g''h' -- i\n/* j */ x'00' 1.5e-3 <").map((t) => [t.kind, t.value])).toEqual([
      ['word', 'a'],
      ['quoted', 'b"c'],
      ['quoted', 'd'],
      ['quoted', 'e f'],
      ['string', "g'h"],
      ['string', "x'00'"],
      ['number', '1.5e-3'],
      ['symbol', '<'],
    ]);
    expect(normalise('CHECK ("Abc"  > [d e]) -- x')).toBe(normalise('check(abc>"d e")'));
    expect(normalise("default 'A'")).not.toBe(normalise("default 'a'"));
  });

  test('a table with everything', () => {
    const text = parseTable(
      'CREATE TABLE "t" (a, b VARCHAR ( 20 ) CONSTRAINT nn NOT NULL ON CONFLICT FAIL, ' +
        '"c,d" decimal( 10 , 2 ) DEFAULT -5 CHECK ((1) > 0) REFERENCES p ON DELETE SET NULL NOT DEFERRABLE,\n' +
        "      e DOUBLE PRECISION DEFAULT (1 + (2)) COLLATE RTRIM AS (a || ',') STORED, /* x, */ " +
        'PRIMARY KEY (a, b) ON CONFLICT IGNORE CONSTRAINT k UNIQUE (b) ' +
        'FOREIGN KEY (a) REFERENCES p (x, y) MATCH FULL) WITHOUT ROWID, STRICT',
    )!;
    expect(text.columns.map((c) => [c.name, c.type, c.clauses.map((clause) => clause.kind)])).toEqual([
      ['a', '', []],
      ['b', 'VARCHAR(20)', ['not null']],
      ['c,d', 'decimal(10,2)', ['default', 'check', 'references']],
      ['e', 'DOUBLE PRECISION', ['default', 'collate', 'generated']],
    ]);
    expect(text.constraints.map((c) => [c.kind, c.name])).toEqual([
      ['primary key', null],
      ['unique', 'k'],
      ['foreign key', null],
    ]);
    expect(normalise(text.options)).toBe('without rowid , strict');
  });

  test('what cannot be read is no reason to fail', () => {
    for (const sql of ['CREATE VIRTUAL TABLE v USING fts5(a)', 'create table', '', 'CREATE TABLE t('])
      expect(readRows([{ type: 'table', name: 'v', tbl_name: 'v', sql }])).toBeNull();
    expect(
      readSource({
        table: 'CREATE TABLE t(a mystery(1,2,3) ??? , b "odd type" default x)',
        indexes: [],
        triggers: [],
      }).columns.map((c) => [c.name, c.type]),
    ).toEqual([
      ['a', null],
      ['b', null],
    ]);
  });

  test('an index in descending order or of another collation is not a plain unique one', () => {
    const source = (sql: string) => readSource({ table: 'CREATE TABLE t(a int, b int)', indexes: [sql], triggers: [] });
    for (const list of ['a desc', 'a collate nocase', '(a)', 'a + 1', 'a) where (b > 0'])
      expect(source(`CREATE UNIQUE INDEX i ON t(${list})`)).toMatchObject({
        uniques: [],
        extras: [{ kind: 'index', name: 'i' }],
      });
    expect(source('CREATE UNIQUE INDEX i ON "t"(A asc, "b")').uniques).toEqual([{ name: 'i', columns: ['a', 'b'] }]);
  });
});

test('dependents', () => {
  const row = (type: string, name: string, table: string, sql: string): SchemaRow => ({
    type,
    name,
    tbl_name: table,
    sql,
  });
  const rows = [
    row(
      'table',
      'T',
      'T',
      'create table T (id integer primary key, a int check (a > 0), b int check (b > a), c int as (b + 1), ' +
        'd int, e int references T(id), check (d > 0))',
    ),
    row('table', 'child', 'child', 'create table child (x int, constraint fk foreign key (x) references "t")'),
    row('table', 'other', 'other', 'create table other (d int)'),
    row('view', 'v1', 'v1', 'create view v1 as select d from T'),
    row('view', 'v2', 'v2', 'create view v2 as select * from T'),
    row('view', 'v3', 'v3', 'create view v3 as select d from other -- T'),
    row('trigger', 'own', 'T', 'create trigger own after insert on T begin select new.d; end'),
    row('trigger', 'far', 'other', 'create trigger far after insert on other begin delete from T; end'),
    row('index', 'plain', 'T', 'create index plain on T (d)'),
    row('index', 'clever', 'T', 'create index clever on T (lower(d))'),
    row('index', 'part', 'T', 'create index part on T (a) where d > 0'),
  ];
  const list = (column: string | null) =>
    dependentsOf(rows, 't', column)
      .map((d) => `${d.kind} ${d.name}`)
      .sort();
  expect(list(null)).toEqual(['foreign key child.fk', 'trigger far', 'view v1', 'view v2']);
  expect(list('id')).toEqual(['foreign key T', 'foreign key child.fk', 'view v2']);
  expect(list('a')).toEqual(
    ['check b', 'view v2', 'index part']
      .filter((x) => x !== 'index part')
      .concat('index part')
      .sort(),
  );
  expect(list('b')).toEqual(['check check (b > a)', 'generated column c', 'view v2']);
  expect(list('d')).toEqual(['index part', 'trigger own', 'view v1', 'view v2']);
});
