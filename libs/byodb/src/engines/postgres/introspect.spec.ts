import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../live.js';
import type { ColumnInput } from '../../schema/column-input.js';
import type { Column } from '../../schema/column.js';
import { alone, column, freshDatabase, managed, run, type Fresh } from './testing/fixture.js';
import { ddl } from './ddl.js';
import { postgres } from './index.js';
import { definitionOf } from './items/table-items.js';
import { readDefault, readType } from './types.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

const NASTY = "'); drop table x; -- ? ?? $1 \\? \\ \\\\ \" %s {} \n\r\t é 😀 E'";
const DEFAULTS: Record<string, [Omit<ColumnInput, 'name' | 'default'>, Column['default'][]]> = {
  smallint: [{ type: 'smallint' }, [0, 7, -5, 32767, -32768]],
  integer: [{ type: 'integer' }, [0, 7, -5, 2147483647, -2147483648]],
  bigint: [{ type: 'bigint' }, ['0', '7', '-5', '9223372036854775807', '-9223372036854775808']],
  decimal: [{ type: 'decimal' }, ['0', '1.5', '1.50', '-1.50', '0.01', '99999999.99', '0.00']],
  extreme: [
    { type: 'decimal', precision: 38, scale: 30 },
    ['12345678.123456789012345678901234567890', '-0.000000000000000000000000000001'],
  ],
  whole: [{ type: 'decimal', precision: 38, scale: 0 }, ['99999999999999999999999999999999999999', '-1']],
  tiny: [{ type: 'decimal', precision: 1, scale: 1 }, ['0.5', '0']],
  float: [{ type: 'float' }, [0, 0.1, -1.5, 1.123456789, 3.4e38, 1e-40, 16777217]],
  double: [{ type: 'double' }, [0, 0.1, -1.5, 1e300, 1.7976931348623157e308, 5e-324, 1e21, 9007199254740994, -1e-7]],
  boolean: [{ type: 'boolean' }, [true, false]],
  string: [{ type: 'string' }, ['', ' ', 'x', 'null', 'now()', NASTY, "'", '\\', '5', "a\\'b"]],
  one: [{ type: 'string', length: 1 }, ['😀']],
  longest: [{ type: 'string', length: 16383 }, ['x'.repeat(16383), '']],
  text: [{ type: 'text' }, ['', NASTY, 'x'.repeat(3000)]],
  uuid: [{ type: 'uuid' }, ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', { function: 'uuid' }]],
  date: [{ type: 'date' }, ['2024-02-29', '1000-01-01', '9999-12-31', { function: 'now' }]],
  time: [{ type: 'time' }, ['00:00:00', '10:00:00.5', '23:59:59.999999', { function: 'now' }]],
  timestamp: [
    { type: 'timestamp' },
    [
      '2024-02-29T12:00:00Z',
      '2024-02-29T12:00:00.5+02:00',
      '2024-02-29T12:00:00.123456Z',
      '1000-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999999Z',
      { function: 'now' },
    ],
  ],
  json: [
    { type: 'json' },
    [
      {},
      [],
      0,
      -0,
      1.5,
      1e21,
      1e-7,
      '',
      NASTY,
      true,
      false,
      [null],
      { b: 1, a: { c: [NASTY, null, 1.5] } },
      { function: 'now' },
      { '': { '__proto__x': 1 } },
      [1e300, 5e-324],
    ],
  ],
  binary: [{ type: 'binary' }, []],
};

describe('introspection gives back what createTable was asked for', () => {
  for (const [label, [input, defaults]] of Object.entries(DEFAULTS)) {
    it(`${label}, with and without each default`, async () => {
      const columns = [null, ...defaults].flatMap((value, i) =>
        [true, false].map((nullable) =>
          column({ ...input, name: `c${i}${nullable ? 'n' : ''}`, default: value, nullable }),
        ),
      );
      await expectKept(columns);
    });
  }

  it('keys, uniques and numbered columns', async () => {
    for (const type of ['smallint', 'integer', 'bigint'] as const)
      await expectKept([column({ name: 'id', type, primary_key: true, generated: true })]);
    await expectKept([
      column({ name: 'id', type: 'integer', primary_key: true, generated: true, unique: true }),
      column({ name: 'Select', type: 'string', unique: true }),
    ]);
    await expectKept([
      column({ name: 'b', type: 'uuid', primary_key: true, default: { function: 'uuid' } }),
      column({ name: 'x', type: 'json', unique: true }),
      column({ name: 'a', type: 'string', primary_key: true, unique: true }),
    ]);
    for (const type of ['boolean', 'json', 'binary', 'date', 'text', 'double', 'decimal'] as const)
      await expectKept([
        column({ name: 'k', type, primary_key: true }),
        column({ name: 'u', type, unique: true, nullable: false }),
      ]);
    await expectKept([column({ name: 'only', type: 'text' })]);
    await expectKept(
      Array.from({ length: 500 }, (_, i) => column({ name: `c${i}`, type: 'string', default: String(i) })),
    );
  });

  async function expectKept(columns: Column[]): Promise<void> {
    await alone(fresh, async (session) => {
      expect(postgres.refuses(columns)).toBeNull();
      const rendered = ddl.createTable('T "x"', columns, 'owner', (name) => `${name}_unique`);
      await run(session, rendered);
      const live = (await session.introspect('T "x"'))!;
      expect(managed(live)).toEqual(managed(rendered.live));
      expect(
        live.columns.map((c) => ({
          name: c.name,
          type: c.type,
          length: c.length,
          precision: c.precision,
          scale: c.scale,
          nullable: c.nullable,
          default: c.default === null ? null : c.default,
          generated: c.generated,
          primary_key: live.primaryKey.includes(c.name),
          unique: live.uniques.some((u) => u.columns.length === 1 && u.columns[0] === c.name),
        })),
      ).toEqual(
        columns.map(postgres.keeps).map((c) => ({ ...c, default: c.default === null ? null : { value: c.default } })),
      );
      // What is printed restores itself: dropping and setting every default again changes nothing.
      const again = live.columns.flatMap((c) =>
        definitionOf(c).default === undefined
          ? []
          : [
              `alter column ${ddl.quote(c.name)} drop default, alter column ${ddl.quote(c.name)} set default ` +
                `${definitionOf(c).default}`,
            ],
      );
      if (again.length > 0) await session.run(`alter table ${ddl.quote('T "x"')} ${again.join(', ')}`);
      expect(await session.introspect('T "x"')).toEqual(live);
      throw new Done();
    }).catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    });
  }

  it('a default takes its value in a row', async () => {
    await alone(fresh, async (session) => {
      await run(
        session,
        ddl.createTable(
          't',
          [
            column({ name: 'a', type: 'string', default: NASTY }),
            column({ name: 'b', type: 'json', default: { a: NASTY } }),
            column({ name: 'c', type: 'timestamp', default: { function: 'now' } }),
            column({ name: 'd', type: 'date', default: { function: 'now' } }),
          ],
          'o',
          (c) => c,
        ),
      );
      await session.run('insert into t default values');
      expect(await session.query('select a, b, c = now() as c, d = current_date as d from t')).toEqual([
        { a: NASTY, b: { a: NASTY }, c: true, d: true },
      ]);
      await session.run('drop table t');
    });
  });
});

describe('what others made', () => {
  it('never makes introspection fail, and a table without source can be rendered', async () => {
    await fresh.admin
      .query(
        `create type mood as enum ('a', 'b');
        create domain positive as integer check (value > 0);
        create type pair as (a int, b int);
        create extension if not exists hstore`,
      )
      .catch(() => undefined);
    await fresh.admin.query(`
      create table foreigners (
        a mood default 'a', b positive not null default 1, c pair, d int[] default '{1,2}', e varchar, f numeric,
        g numeric(5,-2), h char(3), i json default '{}', j timestamp default now(), k interval, l inet, m xml,
        n int4range, o oid, p money, q bit(3), r "char", s name, t timetz, u time(3), v timestamptz(0),
        w numeric(50,2), x varchar(20000), y tsquery, z point,
        "weird ""col" int default 5 primary key using index tablespace pg_default,
        aa text default 'x'::bpchar, bb int default null, cc bool default null::bool,
        dd timestamptz default current_timestamp, ee date default current_date, ff jsonb default 'null',
        gg float8 default 'NaN', hh numeric(3,1) default 7.77, ii uuid default md5('x')::uuid,
        jj varchar(3) default 'abcdef'::varchar(2), kk bigint[][]
      )`);
    await fresh.admin.query(
      'create table parted (a int, b text) partition by range (a); create table part1 partition of parted ' +
        'for values from (0) to (10); create index on parted (b)',
    );
    await fresh.admin.query('create unlogged table child () inherits (foreigners)');
    await fresh.connection.look(async (session) => {
      const live = (await session.introspect('foreigners'))!;
      const read = Object.fromEntries(live.columns.map((c) => [c.name, [c.type, c.default]]));
      expect(read['a']).toEqual([null, { raw: "'a'::mood" }]);
      expect(read['e']).toEqual(['text', null]);
      for (const name of ['b', 'c', 'f', 'g', 'h', 'i', 'j', 't', 'u', 'v', 'w', 'x'])
        expect([name, read[name]![0]]).toEqual([name, null]);
      expect(read['weird "col']).toEqual(['integer', { value: 5 }]);
      expect(read['aa']![1]).toEqual({ raw: expect.stringContaining('bpchar') as unknown });
      expect(read['dd']![1]).toEqual({ raw: 'CURRENT_TIMESTAMP' });
      for (const name of ['ff', 'gg', 'hh', 'ii', 'jj'])
        expect([name, read[name]![1]]).toEqual([name, { raw: expect.anything() as unknown }]);
      expect(read['bb']![1]).toBeNull();
      for (const name of ['parted', 'part1', 'child'])
        expect(fingerprint(await session.introspect(name))).toMatch(/^[0-9a-f]{64}$/);
      expect(await session.introspect('nothing')).toBeNull();
      expect(await session.introspect('FOREIGNERS')).toBeNull();
    });
  });

  it('changes the fingerprint, and nothing else does', async () => {
    await fresh.admin.query(
      'create table f (id serial primary key, a varchar(10), b int); drop role if exists reader; create role reader',
    );
    const print = async (): Promise<string> =>
      fingerprint(await fresh.connection.look((session) => session.introspect('f')));
    const seen = new Set([await print()]);
    for (const sql of [
      'insert into f (a) values (1)',
      "select nextval('f_id_seq')",
      'analyze f',
      'vacuum f',
      'create table g (id int references f (id))',
      'create view fv as select * from f',
    ]) {
      await fresh.admin.query(sql);
      expect([sql, seen.has(await print())]).toEqual([sql, true]);
    }
    const changes = [
      'create index f_a on f (a)',
      "comment on index f_a is 'x'",
      'alter index f_a set (fillfactor = 50)',
      'alter table f add constraint ck check (b > 0) not valid',
      'alter table f validate constraint ck',
      "comment on column f.a is 'c'",
      "comment on table f is 'c'",
      'grant select on f to reader',
      'grant select (a) on f to reader',
      'alter table f alter a type varchar(10) collate "C"',
      'alter table f alter b set statistics 7',
      'alter table f replica identity full',
      'alter table f enable row level security',
      'create policy p on f using (b > 0)',
      'alter table f set (fillfactor = 50)',
      'create trigger tr before update on f for each row execute function suppress_redundant_updates_trigger()',
      'alter table f disable trigger tr',
      'create rule r as on insert to f do also select 1',
      'create statistics st on a, b from f',
      'alter table f add unique (b) deferrable',
      'alter sequence f_id_seq increment 5',
      'alter table f cluster on f_a',
      'alter table f owner to reader',
      'alter table f set unlogged',
    ];
    for (const sql of changes) {
      if (sql.includes('collate')) await fresh.admin.query('drop view fv');
      if (sql.endsWith('set unlogged')) await fresh.admin.query('drop table g');
      await fresh.admin.query(sql);
      const now = await print();
      expect([sql, seen.has(now)]).toEqual([sql, false]);
      seen.add(now);
    }
    await fresh.admin.query('drop table f; drop role reader');
  });

  it('is told apart by the same name in any case, of any kind', async () => {
    await fresh.admin.query(
      'create table "Tab" (id serial primary key); create view vv as select 1; create sequence ss; create ' +
        'type ee as enum (); create type cc as (a int); create domain dd as int; create materialized view mm ' +
        'as select 1',
    );
    await fresh.connection.look(async (session) => {
      const found: Record<string, string | null> = {};
      for (const name of [
        'Tab',
        'tab',
        'TAB',
        'Tab_pkey',
        'Tab_id_seq',
        'vv',
        'ss',
        'ee',
        'cc',
        'dd',
        'mm',
        '_Tab',
        'free',
      ])
        found[name] = await session.occupant(name);
      expect(found).toEqual({
        Tab: 'table',
        tab: 'table',
        TAB: 'table',
        Tab_pkey: 'index',
        Tab_id_seq: 'sequence',
        vv: 'view',
        ss: 'sequence',
        ee: 'type',
        cc: 'type',
        dd: 'type',
        mm: 'materialized view',
        _Tab: null,
        free: null,
      });
      expect(await session.introspect('vv')).toBeNull();
    });
  });

  it('hangs on the table or on one column', async () => {
    await fresh.admin.query(`
      create table base (
        id int primary key, a text, b int check (b > 0), c int generated always as (b + 1) stored, d int,
        e int unique, self int references base (id), constraint two check (d > e)
      );
      create view base_view as select id, a from base;
      create materialized view base_mat as select count(*) from base;
      create view over_view as select * from base_view;
      create table inbound (id int references base (id), e int references base (e));
      create table typed (x base);
      create function rows_of() returns setof base language sql as 'select * from base';
      create function body() returns text language sql begin atomic select a from base; end;
      alter table base enable row level security;
      create policy pol on base using (d = 1);
      create publication pub for table base;
      create publication cols for table base (id, self) where (self > 0);
      create function trg() returns trigger language plpgsql as 'begin new.a := upper(NEW."a"); return new; end';
      create trigger trg before insert on base for each row execute function trg();
      create index base_a on base (a);
      create table heir () inherits (base)`);
    await fresh.connection.look(async (session) => {
      const list = async (name: string | null): Promise<string[]> =>
        (await session.dependents('base', name)).map((d) => `${d.kind} ${d.name}`);
      expect(await list(null)).toEqual([
        'child table heir',
        'column x of typed',
        'foreign key inbound_e_fkey on inbound',
        'foreign key inbound_id_fkey on inbound',
        'function body()',
        'function rows_of()',
        'materialized view base_mat',
        'publication cols',
        'publication pub',
        'view base_view',
      ]);
      // A child that has nothing of its own on the column follows.
      const typed = ['column x of typed'];
      expect(await list('a')).toEqual([...typed, 'function body()', 'trigger trg', 'view base_view']);
      expect(await list('b')).toEqual([...typed, 'generated column c']);
      expect(await list('d')).toEqual([...typed, 'policy pol on base']);
      expect(await list('e')).toEqual([...typed, 'foreign key inbound_e_fkey on inbound']);
      expect(await list('id')).toEqual([
        ...typed,
        'foreign key base_self_fkey on base',
        'foreign key inbound_id_fkey on inbound',
        'publication cols',
        'view base_view',
      ]);
      expect(await list('self')).toEqual([...typed, 'publication cols']);
      expect((await session.dependents('heir', null)).map((d) => `${d.kind} ${d.name}`)).toEqual(['parent table base']);
      expect(await session.dependents('part1', null)).toEqual([{ kind: 'parent table', name: 'parted' }]);
      expect(await session.dependents('nothing', null)).toEqual([]);
    });
  });
});

describe('types and defaults', () => {
  it('reads no more than it can keep', () => {
    expect(readType('numeric')).toBeNull();
    expect(readType('numeric(39,2)')).toBeNull();
    expect(readType('character varying(16383)')).toMatchObject({ type: 'string', length: 16383 });
    expect(readType('character varying(16384)')).toBeNull();
    expect(readType('timestamp(6) with time zone')).toMatchObject({ type: 'timestamp' });
    expect(readType('timestamp(3) with time zone')).toBeNull();
    expect(readType('timestamp without time zone')).toBeNull();
    const text = { type: 'text' as const, length: null, precision: null, scale: null };
    expect(readDefault(text, "('a'::text || 'b'::text)")).toEqual({ raw: "('a'::text || 'b'::text)" });
    expect(readDefault(text, "'a''b'::text")).toEqual({ value: "a'b" });
    for (const type of ['date', 'time'] as const) {
      // PostgreSQL 12 and 13 print it so
      const cast = type === 'date' ? 'date' : 'time without time zone';
      expect(readDefault({ ...text, type }, `(timezone('utc'::text, now()))::${cast}`)).toEqual({
        value: { function: 'now' },
      });
    }
  });

  it('refuses what could not be made', () => {
    expect(postgres.refuses([column({ name: 'a', type: 'json', default: { a: ['\ud800'] } })])).toContain('surrogate');
    expect(
      postgres.refuses(
        Array.from({ length: 33 }, (_, i) => column({ name: `k${i}`, type: 'integer', primary_key: true })),
      ),
    ).toContain('32');
    expect(postgres.refuses([column({ name: 'xmin', type: 'integer' })])).toContain('of its own');
    expect(postgres.refuses([column({ name: 'XMIN', type: 'integer' })])).toBeNull();
  });
});

class Done extends Error {}
