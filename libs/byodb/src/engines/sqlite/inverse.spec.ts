import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from '../../engine.js';
import type { Session } from '../../session.js';
import type { Rendered } from '../../ddl.js';
import { fingerprint, type LiveTable } from '../../live.js';
import { completeColumn, type ColumnInput } from '../../schema/column-input.js';
import type { Column } from '../../schema/column.js';
import type { IndexColumn } from '../../schema/table-index.js';
import { COLUMN_TYPES } from '../../schema/column-types.js';
import { sqlite } from './index.js';

const { ddl } = sqlite;
let dir: string;
let connection: Connection;
let token = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sqlite-engine-'));
  connection = sqlite.open({ engine: 'sqlite', file: join(dir, 'a.db') });
  await connection.claim('one');
});
afterEach(async () => {
  await connection.close();
  rmSync(dir, { recursive: true });
});

function column(input: ColumnInput): Column {
  const { column: complete, problems } = completeColumn(input);
  expect(problems).toEqual([]);
  return complete;
}

function alone<T>(work: (session: Session) => Promise<T>): Promise<T> {
  return connection.exclusively({ tableId: 't', token: ++token, lockTimeoutMs: 2000 }, work);
}

function exec(...statements: string[]): Promise<void> {
  return alone(async (session) => {
    for (const sql of statements) await session.run(sql);
  });
}

function query(sql: string): Promise<Record<string, unknown>[]> {
  return connection.look((session) => session.query(sql));
}

/** What a prediction must agree in with what is found. */
function essence(live: LiveTable | null): unknown {
  return (
    live && {
      name: live.name,
      columns: live.columns.map(({ definition: _, ...rest }) => rest),
      primaryKey: live.primaryKey,
      uniques: live.uniques,
    }
  );
}

async function look(table: string): Promise<LiveTable> {
  const live = await connection.look((session) => session.introspect(table));
  expect(live).not.toBeNull();
  return live!;
}

/** Runs what was rendered, and checks that what it predicted is what is there. */
async function apply(rendered: Rendered): Promise<LiveTable> {
  await exec(...rendered.statements);
  const found = await look(rendered.live!.name);
  expect(essence(found)).toEqual(essence(rendered.live));
  expect(fingerprint(found)).toBe(fingerprint(rendered.live));
  return found;
}

const defaults: Partial<Record<string, ColumnInput['default'][]>> = {
  smallint: [0, -32768],
  integer: [7, -2147483648],
  bigint: ['-9223372036854775808', '9223372036854775807'],
  decimal: ['1.50', '-0.05', '0'],
  float: [0.1, -1e-7],
  double: [1e300, -5e-324, 0],
  boolean: [true, false],
  string: ['x', '', "'); drop table x; --", 'a"b`c[d]\\n\n?$1 ??', 'emoji 🐘', 'now', '1'],
  text: ["it's /* no */ -- comment"],
  uuid: ['0a0b0c0d-1111-4222-8333-444455556666', { function: 'uuid' }],
  date: ['2024-02-29', { function: 'now' }],
  time: ['23:59:59.123456', '01:00:00', { function: 'now' }],
  timestamp: ['2024-01-01T10:00:00.000Z', '2024-01-01T10:00:00.123456Z', { function: 'now' }],
  json: [{ a: [1, "x'y", null], function: 'now' }, [], 'text', 5, false],
};

describe('what createTable makes comes back', () => {
  test.each(COLUMN_TYPES)('%s', async (type) => {
    const variants: Column[] = [];
    const add = (input: Omit<ColumnInput, 'name' | 'type'>): void => {
      variants.push(column({ name: `c${variants.length}`, type, ...input }));
    };
    add({});
    add({ nullable: false });
    add({ unique: true });
    for (const value of defaults[type] ?? []) {
      add({ default: value });
      add({ default: value, nullable: false });
    }
    if (type === 'string') [1, 16383].forEach((length) => add({ length, nullable: false }));
    if (type === 'decimal') {
      add({ precision: 38, scale: 30, default: '12345678.123456789012345678901234567890' });
      add({ precision: 38, scale: 0, default: '-99999999999999999999999999999999999999' });
      add({ precision: 1, scale: 1, default: '0.5' });
    }
    const live = await apply(ddl.createTable('t', variants, 'id', (name) => `u_${name}`));
    const found = live.columns.map((c): Column => ({
      name: c.name,
      type: c.type!,
      length: c.length,
      precision: c.precision,
      scale: c.scale,
      nullable: c.nullable,
      default:
        c.default !== null && 'value' in c.default
          ? c.default.value
          : c.default === null
            ? null
            : { raw: c.default.raw },
      primary_key: false,
      generated: c.generated,
      unique: live.uniques.some((u) => u.columns[0] === c.name),
    }));
    expect(found).toEqual(variants.map((c) => sqlite.keeps(c)));
    // The defaults also work.
    const required = variants.filter((v) => !v.nullable && v.default === null).map((v) => v.name);
    await exec(`insert into t (${required.join(', ')}) values (${required.map(() => '1').join(', ')})`);
  });

  test.each(['smallint', 'integer', 'bigint'] as const)('a generated %s key', async (type) => {
    const live = await apply(
      ddl.createTable(
        't',
        [column({ name: 'id', type, primary_key: true, generated: true }), column({ name: 'n', type: 'text' })],
        'id',
        (c) => c,
      ),
    );
    expect(live.columns[0]).toMatchObject({ type, generated: true, nullable: false, default: null });
    await exec(
      "insert into t (n) values ('a'), ('b')",
      "insert into t (id, n) values (10, 'c')",
      "insert into t (n) values ('d')",
    );
    expect(await query('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 10 }, { id: 11 }]);
  });

  test.each(COLUMN_TYPES.filter((t) => t !== 'json' && t !== 'binary'))(
    'a %s key that nobody numbers',
    async (type) => {
      const live = await apply(
        ddl.createTable(
          't',
          [column({ name: 'k', type, primary_key: true }), column({ name: 'n', type: 'text' })],
          'id',
          (c) => c,
        ),
      );
      expect(live.columns[0]).toMatchObject({ type, generated: false, nullable: false });
      expect(live.primaryKey).toEqual(['k']);
      await expect(exec("insert into t (n) values ('a')")).rejects.toMatchObject({ code: 'rows_conflict' });
    },
  );

  test('a composite key', async () => {
    const live = await apply(
      ddl.createTable(
        't',
        [
          column({ name: 'b', type: 'integer', primary_key: true }),
          column({ name: 'a', type: 'string', primary_key: true }),
        ],
        'id',
        (c) => c,
      ),
    );
    expect(live.primaryKey).toEqual(['b', 'a']);
    expect(live.columns.map((c) => c.type)).toEqual(['integer', 'string']);
  });

  test('names with quotes, keywords and blanks', async () => {
    const names = ['select', 'we"ird', 'a b', "x'); drop table y; --", 'ünïcode', '?', '$1', '[b]', 'primary'];
    await apply(
      ddl.createTable(
        'ta"ble?',
        names.map((name) => ({ ...column({ name: 'x', type: 'text', unique: true }), name })),
        'id',
        (c) => `u ${c}`,
      ),
    );
  });
});

const FOREIGN = [
  'create table parent (id integer primary key, code text unique)',
  "insert into parent values (1, 'a'), (2, 'b')",
  `create table [Customers] ( -- made by hand
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- the key
    Email VARCHAR(50) NOT NULL COLLATE NOCASE DEFAULT 'a,b)' UNIQUE ON CONFLICT ABORT,
    qty int constraint positive check (qty > 0 and "Customers".qty < 1000) default (1 + 1),
    price decimal(10,2) default 1.50, /* money ) */
    parent_id integer not null default 1 references parent (id) on delete set null deferrable initially deferred,
    self integer references Customers(id),
    doubled int generated always as (qty * 2) virtual,
    geo point,
    created datetime default current_timestamp,
    code text not null,
    constraint both unique (price, code), check (length(code) > 0), foreign key (code) references parent (code)
  )`,
  'create index by_code on Customers (code, qty desc)',
  'create unique index by_geo on Customers (geo)',
  'create index by_lower on Customers (lower(geo)) where price > 0',
  'create table log (what text, code text)',
  'create trigger logged after update on Customers begin insert into log (what, code) values (old.id, ' +
    'new.code); update Customers set geo = geo where id = new.id + 1000; end',
  "insert into Customers (Email, qty, price, code, geo) values ('x', 5, 1.25, 'a', 'g1'), ('y', 6, 2, 'b', 'g2')",
  "insert into Customers (id, Email, qty, price, code) values (99, 'z', 5, 3, 'b')",
  'delete from Customers where id = 99',
  'create table child (cid integer primary key, customer integer references Customers (id) on delete cascade)',
  'insert into child values (1, 1), (2, 2)',
];

/** Everything of the file that is not ours: texts normalised by the engine's own reading, rows. */
async function everything(): Promise<unknown> {
  const tables = ['Customers', 'child', 'parent', 'log'];
  const prints = [];
  for (const table of tables) prints.push(fingerprint(await connection.look((s) => s.introspect(table))));
  const rows = [];
  for (const table of tables.slice(0, 3)) rows.push(await query(`select rowid as r, * from "${table}" order by rowid`));
  return {
    prints,
    rows,
    log: await query('select * from log'),
    sequence: await query('select * from sqlite_sequence order by name'),
    views: await query("select name from sqlite_schema where type = 'view'"),
  };
}

describe('every inverse restores', () => {
  let was: LiveTable;
  let before: unknown;
  beforeEach(async () => {
    await exec(...FOREIGN);
    was = await look('Customers');
    before = await everything();
  });
  afterEach(async () => {
    expect(fingerprint(await look('Customers'))).toBe(fingerprint(was));
    expect(await everything()).toEqual(before);
    // The customer's objects work as before.
    await exec(
      'update Customers set qty = 7 where id = 1',
      "insert into Customers (Email, price, code) values ('n', 9, 'a')",
    );
    expect(await query('select what, code from log')).toEqual([{ what: '1', code: 'a' }]);
    expect(await query('select max(id) as id from Customers')).toEqual([{ id: 100 }]);
    expect(await query("select * from pragma_foreign_key_list('child')")).toMatchObject([
      { table: expect.stringMatching(/^customers$/i) },
    ]);
    expect(await query('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  });

  test('introspection reads what others made', () => {
    expect(was.columns.map((c) => [c.name, c.type, c.nullable, c.default, c.generated])).toEqual([
      ['id', 'integer', false, null, true],
      ['Email', 'string', false, { value: 'a,b)' }, false],
      ['qty', 'integer', true, { raw: '(1 + 1)' }, false],
      ['price', 'decimal', true, { value: '1.50' }, false],
      ['parent_id', 'integer', false, { value: 1 }, false],
      ['self', 'integer', true, null, false],
      ['doubled', null, true, null, false],
      ['geo', null, true, null, false],
      ['created', 'timestamp', true, { value: { function: 'now' } }, false],
      ['code', 'text', false, null, false],
    ]);
    expect(was.uniques).toEqual([
      { name: '', columns: ['Email'] },
      { name: 'both', columns: ['price', 'code'] },
      { name: 'by_geo', columns: ['geo'] },
    ]);
    expect(was.extras.map((e) => [e.kind, e.name])).toEqual([
      ['check', ''],
      ['foreign key', ''],
      ['index', 'by_code'],
      ['index', 'by_lower'],
      ['trigger', 'logged'],
    ]);
  });

  test('rename table', async () => {
    const there = await apply(ddl.renameTable(was, 'Clients'));
    await apply(ddl.renameTable(there, 'Customers'));
  });

  test('rename table in case alone', async () => {
    const there = await apply(ddl.renameTable(was, 'CUSTOMERS'));
    await apply(ddl.renameTable(there, 'Customers'));
  });

  test('set a table aside; its names are free; bring it back', async () => {
    const there = await apply(ddl.setAsideTable(was, '_saga_1'));
    await exec(
      'create table Customers (id integer primary key, Email text unique, geo text)',
      'create unique index by_geo on Customers (geo)',
      'create index by_code on Customers (Email)',
      'create index by_lower on Customers (id)',
      'drop table Customers',
    );
    expect((await apply(ddl.bringBackTable(there, was))).source).toBe(was.source);
  });

  test.each(['id', 'Email', 'qty', 'price', 'parent_id', 'self', 'doubled', 'geo', 'created', 'code'])(
    'rename column %s',
    async (name) => {
      const there = await apply(ddl.renameColumn(was, name, 'select'));
      await apply(ddl.renameColumn(there, 'select', name));
    },
  );

  test.each(['Email', 'qty', 'price', 'parent_id', 'self', 'doubled', 'geo', 'created'])(
    'set column %s aside, and back',
    async (name) => {
      const there = await apply(ddl.setAsideColumn(was, name, '_saga_c'));
      // It blocks no insert, and no second one.
      const required: Record<string, string> = { Email: "'new' || abs(random())", price: 'random()', code: "'a'" };
      const mentioned = Object.keys(required).filter((key) => key !== name);
      const insert =
        `insert into Customers (${mentioned.join(', ')}) values ` +
        `(${mentioned.map((key) => required[key]).join(', ')})`;
      await exec('savepoint x', insert, insert, 'rollback to x');
      expect((await apply(ddl.bringBackColumn(there, '_saga_c', was, name))).source).toBe(was.source);
    },
  );

  test.each(['Email', 'price', 'parent_id', 'self', 'doubled', 'created'])(
    'take column %s out of its table, and put it back to the letter',
    async (name) => {
      const aside = await apply(ddl.setAsideColumn(was, name, '_saga_c'));
      const out = await apply(ddl.detachColumn!(aside, '_saga_c'));
      expect(out.columns.map((c) => c.name)).toEqual(was.columns.map((c) => c.name).filter((c) => c !== name));
      const back = await apply(ddl.reattachColumn!(out, await look('_saga_c'), was, name));
      expect(back.source).toBe(was.source);
      // Undone, and done again: into the same table, and from it.
      const again = await apply(ddl.detachColumn!(back, name, await look('_saga_c')));
      await apply(ddl.reattachColumn!(again, await look('_saga_c'), was, name));
      await exec('drop table _saga_c');
    },
  );

  test.each<[string, ColumnInput, string]>([
    [
      'longer string',
      { name: 'Email', type: 'string', length: 100, nullable: false, default: 'a,b)', unique: true },
      'varchar(100)',
    ],
    ['text', { name: 'Email', type: 'text', nullable: false, default: 'a,b)', unique: true }, 'text'],
    ['nullable, no default, not unique', { name: 'Email', type: 'string', length: 50 }, 'VARCHAR(50)'],
    ['generated bigint', { name: 'id', type: 'bigint', primary_key: true, generated: true }, 'INTEGER'],
    ['wider decimal', { name: 'price', type: 'decimal', precision: 12, scale: 4, default: '1.5' }, 'decimal(12,4)'],
    ['decimal to text', { name: 'price', type: 'text', default: 'x', nullable: false }, 'text'],
    ['NOT NULL beside a check and a raw default', { name: 'qty', type: 'bigint', nullable: false }, 'bigint'],
    ['another default in place of a raw one', { name: 'qty', type: 'integer', default: 5, unique: false }, 'int'],
    ['unique', { name: 'created', type: 'timestamp', default: { function: 'now' } }, 'datetime'],
    ['a foreign key column', { name: 'parent_id', type: 'bigint' }, 'bigint'],
  ])('alter: %s', async (_, input, native) => {
    const to = column(input);
    const there = await apply(ddl.alterColumn(was, to.name, to, 'u_new'));
    const now = there.columns.find((c) => c.name === to.name)!;
    expect(now).toMatchObject({
      type: to.type,
      length: to.length,
      precision: to.precision,
      scale: to.scale,
      nullable: to.nullable,
      native,
    });
    if (to.name !== 'qty' || to.default !== null)
      expect(now.default).toEqual(to.default === null ? null : { value: to.default });
    expect(there.uniques.some((u) => u.columns.length === 1 && u.columns[0] === to.name)).toBe(to.unique);
    expect(there.columns.map((c) => c.name)).toEqual(was.columns.map((c) => c.name));
    expect((await apply(ddl.restoreColumn(there, to.name, was))).source).toBe(was.source);
  });

  test.each<[string, IndexColumn[], boolean]>([
    ['over one column', [{ name: 'QTY', order: 'asc' }], false],
    [
      'over several, in either order',
      [
        { name: 'price', order: 'desc' },
        { name: 'geo', order: 'asc' },
        { name: 'doubled', order: 'desc' },
      ],
      false,
    ],
    [
      'that is unique',
      [
        { name: 'id', order: 'desc' },
        { name: 'code', order: 'asc' },
      ],
      true,
    ],
    ['that is unique over one column', [{ name: 'qty', order: 'asc' }], true],
  ])('an index %s made, renamed and back, and dropped', async (_, columns, unique) => {
    const made = await apply(ddl.createIndex(was, { columns, unique }, 'made "so"', true));
    const renamed = await apply(ddl.renameIndex(made, 'made "so"', '_saga_index'));
    const back = await apply(ddl.renameIndex(renamed, '_saga_index', 'made "so"'));
    expect(back.source).toBe(made.source);
    expect((await apply(ddl.dropIndex(back, 'made "so"', was))).source).toBe(was.source);
  });

  test.each(['by_code', 'by_geo', 'by_lower'])('index %s renamed and back', async (name) => {
    const renamed = await apply(ddl.renameIndex(was, name, 'other'));
    await apply(ddl.renameIndex(renamed, 'other', name));
  });

  test('views, triggers of others and foreign keys stay as they are when a table is rebuilt', async () => {
    const others = () =>
      query("select name, sql from sqlite_schema where name in ('v', 'from_log', 'child') order by name");
    await exec(
      'create view v as select Email, c.qty from Customers c',
      "create trigger from_log after insert on log when new.what = 'go' begin update Customers set geo = " +
        "'gone' where id = 1; end",
    );
    const texts = await others();
    const there = await apply(
      ddl.alterColumn(
        was,
        'Email',
        column({ name: 'Email', type: 'string', length: 70, nullable: false, unique: true }),
        'u',
      ),
    );
    expect(await others()).toEqual(texts);
    expect(await query('select * from v')).toHaveLength(2);
    const back = await apply(ddl.restoreColumn(there, 'Email', was));
    const renamed = await apply(ddl.renameTable(back, 'Clients'));
    expect(await query('select * from v')).toHaveLength(2);
    await apply(ddl.renameTable(renamed, 'Customers'));
    const moved = await apply(ddl.renameColumn(await look('Customers'), 'Email', 'mail'));
    expect(await query('select * from v')).toHaveLength(2);
    await apply(ddl.renameColumn(moved, 'mail', 'Email'));
    await exec('drop trigger from_log', 'drop view v');
  });

  test('add and drop columns', async () => {
    for (const input of [
      { name: 'n1', type: 'integer' },
      { name: 'n2', type: 'string', nullable: false, default: 'x' },
      { name: 'n3', type: 'timestamp', default: { function: 'now' }, nullable: false },
      { name: 'n4', type: 'uuid', default: { function: 'uuid' }, unique: true },
      { name: 'n5', type: 'bigint', default: '-9223372036854775808' },
    ] as ColumnInput[]) {
      const there = await apply(ddl.addColumn(was, column(input), 'u_n'));
      expect(there.columns.at(-1)!.name).toBe(input.name);
      if (input.default !== undefined)
        expect(await query(`select 1 from Customers where ${input.name} is null`)).toEqual([]);
      await apply(ddl.dropColumn(there, input.name));
    }
  });
});

describe('keys and options', () => {
  const variants: [string, string, string[]][] = [
    ['a generated key', 'create table t (k integer primary key autoincrement, v text)', []],
    [
      'a text key',
      "create table t (k text not null primary key default 'x', v text)",
      ["insert into t values ('a', '1')"],
    ],
    [
      'part of a composite key',
      'create table t (k int not null, v text not null, primary key (v, k))',
      ["insert into t values (1, '1')", "insert into t values (1, '2')"],
    ],
    [
      'the key of a table WITHOUT ROWID',
      'create table t (k text primary key, v text) without rowid, strict',
      ["insert into t values ('a', '1')"],
    ],
    [
      'a named key below',
      'create table t (k varchar(9) not null, v text, constraint pk primary key (k asc) on conflict fail)',
      ["insert into t values ('a', '1')"],
    ],
    [
      'a check over it alone',
      'create table t (k int not null default 3 check (k is not null), v text, constraint positive check (t.k > 0))',
      ["insert into t values (1, '1')"],
    ],
    [
      'a default and a unique with another',
      'create table t (k int default 3, v text, unique (k, v))',
      ["insert into t values (1, '1')"],
    ],
    [
      'a foreign key below with a default',
      'create table t (k int default 3, v text, foreign key (k) references t2 (k))',
      [],
    ],
  ];
  test.each(variants)('set %s aside, and back', async (_, sql, rows) => {
    await exec(sql, ...rows);
    const was = await look('t');
    const before = await query('select * from t');
    const there = await apply(ddl.setAsideColumn(was, 'k', '_saga_c'));
    await exec("insert into t (v) values ('9')", "insert into t (v) values ('9')");
    // No default runs for it any more; a key goes on numbering itself.
    const expected = was.columns[0]!.generated ? [1, 2] : [null, null];
    expect((await query("select _saga_c from t where v = '9'")).map((row) => row['_saga_c'])).toEqual(expected);
    await exec("delete from t where v = '9'");
    const back = await apply(ddl.bringBackColumn(there, '_saga_c', was, 'k'));
    expect(fingerprint(back)).toBe(fingerprint(was));
    expect(await query('select * from t')).toEqual(before);
  });

  test('rows that do not fit make bringing back fail, and nothing is changed', async () => {
    await exec(
      ...ddl.createTable(
        't',
        [
          column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
          column({ name: 'k', type: 'integer', nullable: false }),
          column({ name: 'u', type: 'text', unique: true }),
        ],
        'id',
        (c) => c,
      ).statements,
    );
    const was = await look('t');
    const there = await apply(ddl.setAsideColumn(was, 'k', '_saga_c'));
    await exec("insert into t (u) values ('a')");
    await expect(exec(...ddl.bringBackColumn(there, '_saga_c', was, 'k').statements)).rejects.toMatchObject({
      code: 'rows_conflict',
      retryable: false,
    });
    expect(await look('t')).toEqual(there);
    const loose = await apply(ddl.alterColumn(there, 'u', column({ name: 'u', type: 'text' }), 'u'));
    await exec("insert into t (u) values ('a')");
    await expect(exec(...ddl.restoreColumn(loose, 'u', was).statements)).rejects.toMatchObject({
      code: 'rows_conflict',
    });
    await expect(
      exec(...ddl.alterColumn(loose, 'u', column({ name: 'u', type: 'text', unique: true }), 'u').statements),
    ).rejects.toMatchObject({ code: 'rows_conflict' });
    await exec('insert into t (u) values (null)');
    await expect(
      exec(...ddl.alterColumn(loose, 'u', column({ name: 'u', type: 'text', nullable: false }), 'u').statements),
    ).rejects.toMatchObject({ code: 'rows_conflict' });
  });

  test('a hidden rowid stays', async () => {
    await exec('create table t (rowid text, v text)', "insert into t (oid, v) values (70, 'a'), (71, 'b')");
    const was = await look('t');
    await apply(
      ddl.restoreColumn(
        await apply(ddl.alterColumn(was, 'v', column({ name: 'v', type: 'string', length: 1, nullable: false }), 'u')),
        'v',
        was,
      ),
    );
    expect(await query('select oid as o, v from t')).toEqual([
      { o: 70, v: 'a' },
      { o: 71, v: 'b' },
    ]);
  });

  test("a chain of predictions, run afterwards in one go, and each one's inverse in reverse", async () => {
    await exec(...FOREIGN);
    const start = await look('Customers');
    const steps: Rendered[] = [];
    let live = start;
    const step = (rendered: Rendered): LiveTable => {
      steps.push(rendered);
      live = rendered.live!;
      return live;
    };
    const a = step(ddl.renameColumn(live, 'code', 'kode'));
    const b = step(
      ddl.alterColumn(live, 'kode', column({ name: 'kode', type: 'string', length: 20, nullable: false }), 'u1'),
    );
    const c = step(ddl.renameTable(live, 'Kunden'));
    const d = step(
      ddl.addColumn(
        live,
        column({ name: 'extra', type: 'uuid', default: { function: 'uuid' }, nullable: false, unique: true }),
        'u2',
      ),
    );
    step(ddl.setAsideColumn(live, 'price', '_saga_p'));
    step(ddl.alterColumn(live, 'extra', column({ name: 'extra', type: 'text', unique: false }), 'u3'));
    await exec(...steps.flatMap((s) => s.statements));
    expect(fingerprint(await look('Kunden'))).toBe(fingerprint(live));
    await exec("update Kunden set geo = 'new' where id = 1");
    expect(await query('select * from log')).toEqual([{ what: '1', code: 'a' }]);
    steps.length = 0;
    step(ddl.restoreColumn(live, 'extra', d));
    step(ddl.bringBackColumn(live, '_saga_p', d, 'price'));
    step(ddl.dropColumn(live, 'extra'));
    expect(fingerprint(live)).toBe(fingerprint(c));
    step(ddl.renameTable(live, b.name));
    expect(fingerprint(live)).toBe(fingerprint(b));
    step(ddl.restoreColumn(live, 'kode', a));
    step(ddl.renameColumn(live, 'kode', 'code'));
    await exec(...steps.flatMap((s) => s.statements));
    expect(fingerprint(await look('Customers'))).toBe(fingerprint(start));
  });

  test('a table comes back under another name', async () => {
    await exec(
      'create table t (a int, b text)',
      'create unique index u on t (a)',
      'create index lower_b on t (lower(b)) where a > 0',
    );
    const was = await look('t');
    const there = await apply(ddl.setAsideTable(was, '_saga_1'));
    await exec('create table t (z int)');
    const back = await apply(ddl.bringBackTable(there, { ...was, name: 'elsewhere' }));
    expect([back.uniques, back.extras.map((e) => e.name)]).toEqual([[{ name: 'u', columns: ['a'] }], ['lower_b']]);
  });

  test('values come back over a composite key with NULL in it', async () => {
    await exec(
      'create table t (a text collate nocase, b int, c text, primary key (a, b))',
      "insert into t values ('X', 1, '2024-01-01T00:00:00Z'), ('x', null, '2024-01-02T00:00:00Z'), ('y', 2, null)",
    );
    const was = await look('t');
    const before = await query('select * from t');
    const [from, to] = [column({ name: 'c', type: 'text' }), column({ name: 'c', type: 'timestamp' })];
    const there = ddl.alterColumn(was, 'c', to, 'u');
    await exec(
      ...ddl.keepValues(was, 'c', '_saga_k').statements,
      ...there.statements,
      ...ddl.restoreColumn(there.live!, 'c', was).statements,
      ...ddl.giveBackValues(was, 'c', '_saga_k', from, to),
    );
    expect(await query('select * from t')).toEqual(before);
  });

  test('virtual tables and views are no tables of ours', async () => {
    const owner = new Database(join(dir, 'a.db'));
    owner.exec('create virtual table docs using fts5(body)');
    owner.close();
    await exec('create view v as select 1 as a', 'create table t (a int)');
    expect(await connection.tables()).toEqual(['t']);
    await connection.look(async (s) => {
      expect([
        await s.introspect('docs'),
        await s.introspect('docs_content'),
        await s.introspect('v'),
        await s.introspect('none'),
      ]).toEqual([null, null, null, null]);
      expect([
        await s.occupant('DOCS'),
        await s.occupant('V'),
        await s.occupant('T'),
        await s.occupant('none'),
      ]).toEqual(['table', 'view', 'table', null]);
      expect(await s.lacksRight('alter', 't')).toBeNull();
    });
  });
});
