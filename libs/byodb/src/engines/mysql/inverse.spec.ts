import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RenderedTable } from '../../ddl.js';
import type { Session } from '../../session.js';
import { fingerprint, type LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import type { IndexColumn } from '../../schema/table-index.js';
import { ddl } from './ddl.js';
import { alone, column, freshDatabase, managed, run, sorted, type Fresh } from './testing/fixture.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

/** A table on which others have put all that they can. */
const LADEN = `create table laden (
  id int auto_increment primary key,
  a varchar(50) character set latin1 collate latin1_general_cs not null default 'q'
    comment 'a $1 ? \\\\ it''s, a comment',
  b int not null default 3 check (b > 0),
  c decimal(10,2) default 1.5,
  d int default 1,
  e longtext comment 'e',
  f timestamp not null default current_timestamp on update current_timestamp,
  g int generated always as (k * 2) stored,
  h int as (k + 1) virtual,
  i varchar(20) invisible default 'i',
  j json default '{"a": "b, c"}',
  k int not null default 5,
  l bit(3) default b'101',
  m enum('x','y,z') not null default 'x',
  n int unsigned,
  o datetime(6) default (utc_timestamp(6)),
  p int,
  q int,
  parent int,
  r varchar(40) default (concat('x', 'y)')),
  unique key c_unique (c) using btree comment 'c, (once)',
  unique key pair (p, q desc),
  unique key cut (i(5)),
  key plain (b),
  key falling (n desc) comment 'kc',
  key a_cut (a(7), b),
  fulltext key words (e),
  constraint owner_of_d foreign key (d) references other (id) on delete cascade on update cascade,
  foreign key (p) references other (id) on delete set null,
  constraint own_parent foreign key (parent) references laden (id),
  constraint below check (n < 100 and '\`a\`' <> 'b')
) engine=InnoDB auto_increment=50 default charset utf8mb4 collate utf8mb4_unicode_ci comment 'it''s laden, (really)'`;
const ROWS = [
  'insert into other values (1), (2), (3)',
  "insert into laden (a, c, d, e, n, p, q, parent, i) values ('one', 1.25, 1, 'some words', 5, 1, 1, " +
    "null, 'i1'), ('two', 2.5, 2, null, 6, 2, null, 50, 'i2')",
  "insert into laden (a, c, d, i) values ('gone', 9, null, 'i3')",
  "delete from laden where a = 'gone'",
];

async function laden(work: (session: Session, before: LiveTable) => Promise<void>): Promise<void> {
  await alone(fresh, async (session) => {
    // Its triggers write down the time of every update, the test's own too.
    await session.run('set timestamp = 1700000000');
    for (const table of ['laden', 'other']) await session.run(`drop table if exists ${table}`);
    for (const statement of ['create table other (id int primary key)', LADEN, ...ROWS]) await session.run(statement);
    await session.run('create trigger touch before update on laden for each row set new.f = current_timestamp');
    await session.run("create trigger touch_again before update on laden for each row set @laden = 'n'");
    const before = (await session.introspect('laden'))!;
    const rows = await session.query('select *, i from laden order by id');
    const next = await counter(session, 'laden');
    await work(session, before);
    const after = await session.introspect('laden');
    expect(whole(after!)).toEqual(whole(before));
    expect(fingerprint(after)).toBe(fingerprint(before));
    expect(await session.query('select *, i from laden order by id')).toEqual(rows);
    expect(await counter(session, 'laden')).toBeGreaterThanOrEqual(next);
    expect(next).toBe(53);
  });
}

function whole(live: LiveTable): unknown {
  return { ...live, source: null, extras: sorted(live.extras), uniques: sorted(live.uniques) };
}

async function counter(session: Session, table: string): Promise<number> {
  return Number(
    /AUTO_INCREMENT=(\d+)/.exec(String((await session.query(`show create table ${table}`))[0]!['Create Table']))![1],
  );
}

/** Runs it, and sees that what it predicted is there. */
async function step(session: Session, rendered: ReturnType<typeof ddl.renameTable>): Promise<LiveTable> {
  expect(rendered.statements).toHaveLength(1);
  await run(session, rendered);
  const live = (await session.introspect(rendered.live!.name))!;
  expect(managed(live)).toEqual(managed(rendered.live));
  return live;
}

/** The same of all that is known of it. */
async function exact(session: Session, rendered: RenderedTable): Promise<LiveTable> {
  const live = await step(session, rendered);
  expect(sorted(live.extras)).toEqual(sorted(rendered.live.extras));
  expect(fingerprint(live)).toBe(fingerprint(rendered.live));
  return live;
}

const asc = (name: string): IndexColumn => ({ name, order: 'asc' });
const desc = (name: string): IndexColumn => ({ name, order: 'desc' });

describe("a table full of others' things comes back the same", () => {
  it('renamed and back', () =>
    laden(async (session, before) => {
      await step(session, ddl.renameTable(await step(session, ddl.renameTable(before, 'new_name')), 'laden'));
    }));

  it('set aside and back, an equal one made and dropped in between', () =>
    laden(async (session, before) => {
      const aside = await step(session, ddl.setAsideTable(before, '_saga_0123456789abcdef0123456789abcdef'));
      expect(await counter(session, aside.name)).toBe(53);
      await session.run(LADEN); // every name in it is free: the table's, its keys', its checks'
      await expect(session.run('insert into laden (d) values (77)')).rejects.toMatchObject({ code: 'rows_conflict' });
      const second = await step(
        session,
        ddl.setAsideTable((await session.introspect('laden'))!, '_saga_fedcba9876543210fedcba9876543210'),
      );
      await session.run(LADEN);
      await session.run('drop table laden');
      await run(session, ddl.dropTable(second));
      const back = await step(session, ddl.bringBackTable(aside, before));
      await expect(session.run('insert into laden (d) values (77)')).rejects.toMatchObject({ code: 'rows_conflict' });
      await expect(session.run('insert into laden (parent, c) values (77, 8)')).rejects.toMatchObject({
        code: 'rows_conflict',
      });
      expect(back.extras.filter((e) => e.kind === 'trigger').map((e) => e.name)).toEqual(['touch', 'touch_again']);
    }));

  it('with names as long as can be', () =>
    laden(async (session, before) => {
      const long = 'k'.repeat(64);
      await session.run(`alter table laden add constraint ${long} foreign key (q) references other (id)`);
      const start = (await session.introspect('laden'))!;
      const aside = await step(session, ddl.setAsideTable(start, '_saga_0123456789abcdef0123456789abcdef'));
      expect(
        aside.extras.filter((e) => e.kind === 'foreign key').every((e) => e.name === '' || e.name.startsWith('_saga_')),
      ).toBe(true);
      await step(session, ddl.bringBackTable(aside, start));
      expect(fingerprint(await session.introspect('laden'))).toBe(fingerprint(start));
      await session.run(`alter table laden drop foreign key ${long}`);
      await session.run('alter table laden drop index if exists ' + long);
      expect(before.name).toBe('laden');
    }));

  const names = [
    'id',
    'a',
    'b',
    'c',
    'd',
    'e',
    'f',
    'g',
    'h',
    'i',
    'j',
    'k',
    'l',
    'm',
    'n',
    'o',
    'p',
    'q',
    'parent',
    'r',
  ];
  const REFUSED: Record<string, string[]> = {
    id: ['foreign key laden.own_parent'],
    f: ['trigger touch'],
    k: ['generated column g', 'generated column h'],
    n: ['check below'],
  };
  for (const name of names) {
    const refused = REFUSED[name];
    if (refused !== undefined) {
      it(`column ${name}, on which others hang, is refused with their list`, () =>
        laden(async (session) => {
          expect((await session.dependents('laden', name)).map((d) => `${d.kind} ${d.name}`)).toEqual(refused);
        }));
      continue;
    }
    it(`column ${name} renamed and back`, () =>
      laden(async (session, before) => {
        expect(await session.dependents('laden', name)).toEqual([]);
        const live = await step(session, ddl.renameColumn(before, name, 'other_name'));
        await step(session, ddl.renameColumn(live, 'other_name', name));
      }));

    it(`column ${name} set aside and back, no insert blocked in between`, () =>
      laden(async (session, before) => {
        const live = await step(session, ddl.setAsideColumn(before, name, '_saga_0123456789abcdef0123456789abcdef'));
        await session.run('delete from other where id = 3');
        const others = { c: ['7.5', '8.5'], d: ['2', '2'], p: ['2', '1'], q: ['8', '9'], i: ["'n1'", "'n2'"] };
        const used = Object.entries(others).filter(([key]) => key !== name);
        await session.run('start transaction');
        for (const i of [0, 1])
          await session.run(
            `insert into laden (${used.map(([key]) => key).join(', ')}) values ` +
              `(${used.map(([, values]) => values[i]).join(', ')})`,
          );
        await session.run('rollback');
        await step(session, ddl.bringBackColumn(live, '_saga_0123456789abcdef0123456789abcdef', before, name));
      }));
  }

  it('a column renamed and set aside, by what was foretold', () =>
    laden(async (session, before) => {
      for (const name of ['j', 'b']) {
        const renamed = ddl.renameColumn(before, name, 'z');
        await run(session, renamed);
        const aside = ddl.setAsideColumn(renamed.live!, 'z', '_saga_z');
        await run(session, aside);
        await run(session, ddl.bringBackColumn(aside.live!, '_saga_z', renamed.live!, 'z'));
        await run(session, ddl.renameColumn(renamed.live!, 'z', name));
      }
    }));

  it('a column added and dropped', () =>
    laden(async (session, before) => {
      for (const added of [
        column({ name: 'z', type: 'string', length: 5, default: '?', nullable: false }),
        column({ name: 'z', type: 'decimal', unique: true }),
        column({ name: 'z', type: 'uuid', default: { function: 'uuid' } }),
        column({ name: 'z', type: 'json', default: [1] }),
      ]) {
        await step(session, ddl.dropColumn(await step(session, ddl.addColumn(before, added, 'z_unique')), 'z'));
      }
    }));

  const indexes: [string, IndexColumn[], boolean][] = [
    ['over one column', [asc('b')], false],
    ['over several, in either order', [desc('b'), asc('r'), desc('h')], false],
    ['over what a foreign key has', [asc('d'), asc('b')], false],
    ['that is unique', [asc('i'), asc('id')], true],
    ['that is unique, in either order', [asc('parent'), desc('id')], true],
    ['that is unique over one column', [asc('n')], true],
  ];
  for (const [what, columns, unique] of indexes) {
    it(`an index ${what} made, renamed and back, and dropped`, () =>
      laden(async (session, before) => {
        const made = await exact(session, ddl.createIndex(before, { columns, unique }, 'Made `so`', false));
        const renamed = await exact(session, ddl.renameIndex(made, 'made `SO`', 'select'));
        const back = await exact(session, ddl.renameIndex(renamed, 'select', 'Made `so`'));
        expect(fingerprint(back)).toBe(fingerprint(made));
        await exact(session, ddl.dropIndex(back, 'made `so`', before));
      }));
  }

  it('an index of its own renamed and back, with all that its owner said of it', () =>
    laden(async (session, before) => {
      for (const name of ['c_unique', 'pair', 'cut', 'plain', 'falling', 'a_cut', 'words', 'own_parent']) {
        const renamed = await exact(
          session,
          ddl.renameIndex((await session.introspect('laden'))!, name, '_saga_index'),
        );
        await exact(session, ddl.renameIndex(renamed, '_saga_index', name));
      }
      expect(before.uniques.map((u) => u.name).sort()).toEqual(['c_unique', 'pair']);
    }));

  const alterations: [string, Partial<Column>][] = [
    ['a', { length: 100 }],
    ['a', { type: 'text', length: null, default: null }],
    ['a', { nullable: true }],
    ['a', { unique: true }],
    ['a', { default: 'plain' }],
    ['a', { length: 10, nullable: true, unique: true, default: 'x' }],
    ['b', { type: 'bigint', default: '4' }],
    ['b', { nullable: true, default: null }],
    ['c', { precision: 20 }],
    ['c', { precision: 12, scale: 4 }],
    ['c', { unique: false }],
    ['c', { default: '2.25' }],
    ['c', { nullable: false, unique: false, default: null }],
    ['d', { default: 2 }],
    ['e', { nullable: false, default: '' }],
    ['i', { default: 'other' }],
    ['j', { default: null }],
    ['j', { type: 'text', default: null }],
    ['q', { type: 'bigint' }],
    ['q', { type: 'string', length: 20 }],
    ['o', { default: null }],
    ['parent', { default: 50 }],
  ];
  for (const [name, change] of alterations) {
    it(`column ${name} altered by ${JSON.stringify(change)} and restored`, () =>
      laden(async (session, before) => {
        const was = before.columns.find((c) => c.name === name)!;
        const from: Column = {
          name,
          type: was.type!,
          length: was.length,
          precision: was.precision,
          scale: was.scale,
          nullable: was.nullable,
          default: was.default !== null && 'value' in was.default ? was.default.value : null,
          primary_key: before.primaryKey.includes(name),
          generated: was.generated,
          unique: before.uniques.some((u) => u.columns.length === 1 && u.columns[0] === name),
        };
        if (name === 'e') await session.run("update laden set e = coalesce(e, '')"); // or it could not become NOT NULL
        const live = await step(session, ddl.alterColumn(before, name, { ...from, ...change }, 'made_unique'));
        expect(sorted(live.extras)).toEqual(
          sorted(before.extras.filter((e) => e.name !== 'c_unique' || live.uniques.some((u) => u.name === e.name))),
        );
        const [now, comments] = [
          live.columns.find((c) => c.name === name)!,
          /COMMENT '(?:[^']|'')*'|INVISIBLE|CHECK \(`b` > 0\)/g,
        ];
        expect(now.definition.match(comments)).toEqual(was.definition.match(comments));
        if (was.definition.includes('latin1')) expect(now.definition).toContain('latin1_general_cs');
        await step(session, ddl.restoreColumn(live, name, before));
        if (name === 'e') await session.run("update laden set e = null where e = ''");
      }));
  }
});

describe('a table of ours', () => {
  const columns = [
    column({ name: 'id', type: 'integer', primary_key: true, generated: true }),
    column({ name: 'b', type: 'string', length: 36, primary_key: true, default: 'x' }),
    column({ name: 'c', type: 'string', unique: true, nullable: false, default: 'same' }),
  ];
  const start = async (session: Session): Promise<LiveTable> => {
    await session.run('drop table if exists ours');
    return step(
      session,
      ddl.createTable('ours', columns, 'o', (name) => `ours_${name}`),
    );
  };

  it('numbers its rows while a column of its key is set aside, and gets the key back unless rows no longer fit', () =>
    alone(fresh, async (session) => {
      const before = await start(session);
      await session.run("insert into ours (b, c) values ('x', 'one'), ('y', 'two')");
      const aside = await step(session, ddl.setAsideColumn(before, 'b', '_saga_b'));
      expect(aside.primaryKey).toEqual([]);
      await session.run("insert into ours (c) values ('three')");
      expect(await session.query('select id from ours order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
      await session.run('delete from ours where id = 3');
      expect(fingerprint(await step(session, ddl.bringBackColumn(aside, '_saga_b', before, 'b')))).toBe(
        fingerprint(before),
      );
      await step(session, ddl.setAsideColumn(before, 'b', '_saga_b'));
      await session.run("insert into ours (id, c) values (7, '7')");
      await session.run('update ours set id = 7');
      await session.run("update ours set `_saga_b` = 'x'");
      await expect(run(session, ddl.bringBackColumn(aside, '_saga_b', before, 'b'))).rejects.toMatchObject({
        code: 'rows_conflict',
      });
      // for good, with what hangs on it
      await step(session, ddl.dropColumn((await session.introspect('ours'))!, '_saga_b'));
    }));

  it('loses a column for good together with the keys it is part of', () =>
    alone(fresh, async (session) => {
      await start(session);
      for (const table of ['laden', 'target']) await session.run(`drop table if exists ${table}`);
      await session.run('create table target (id int primary key)');
      await session.run(
        'alter table ours add v int, add w int, add unique key v_w (v, w), add unique key cut (c(3), v), add ' +
          'foreign key (v) references target (id), add constraint named_key foreign key (v) references target ' +
          '(id) on delete cascade, add key plain_w (w, v)',
      );
      const live = await step(session, ddl.dropColumn((await session.introspect('ours'))!, 'v'));
      expect(live.extras.map((e) => e.definition).filter((d) => /KEY/.test(d))).toEqual(['KEY `plain_w` (`w`)']);
    }));

  it('loses a column for good where a foreign key rests on what is left of a unique', () =>
    alone(fresh, async (session) => {
      for (const table of ['leaf', 'mate', 'root']) await session.run(`drop table if exists ${table}`);
      await session.run('create table root (id int primary key)');
      await session.run(
        'create table mate (id int primary key, a int, b int, unique key a_b (a, b), unique key b_a (b, a), ' +
          'foreign key (a) references root (id))',
      );
      await session.run('create table leaf (a int, foreign key (a) references mate (a))');
      const live = await step(session, ddl.dropColumn((await session.introspect('mate'))!, 'b'));
      expect([live.uniques, live.extras.map((e) => e.definition).filter((d) => d.startsWith('KEY'))]).toEqual([
        [],
        ['KEY `a_b` (`a`)'],
      ]);
    }));

  it('lets its names be used again at once', () =>
    alone(fresh, async (session) => {
      await start(session);
      for (const n of [1, 2]) {
        await step(session, ddl.setAsideTable((await session.introspect('ours'))!, `_saga_t${n}`));
        await start(session);
        await step(session, ddl.setAsideColumn((await session.introspect('ours'))!, 'c', `_saga_c${n}`));
        await step(session, ddl.addColumn((await session.introspect('ours'))!, columns[2]!, `ours_c_${n}`));
      }
    }));

  it('says so when rows written meanwhile do not fit the former type', () =>
    alone(fresh, async (session) => {
      await session.run('drop table if exists short');
      const before = await step(
        session,
        ddl.createTable('short', [column({ name: 'v', type: 'string', length: 5 })], 'o', () => 'u'),
      );
      const live = await step(session, ddl.alterColumn(before, 'v', column({ name: 'v', type: 'text' }), 'u'));
      await session.run("insert into short values ('longer than five')");
      await expect(run(session, ddl.restoreColumn(live, 'v', before))).rejects.toMatchObject({
        code: 'lossy_conversion',
      });
    }));
});

describe('what hangs on a table', () => {
  it('are views, keys and triggers of others that name it, and nothing that merely sounds like it', () =>
    alone(fresh, async (session) => {
      for (const table of ['child', 'watcher', 'base_table', 'base_tables'])
        await session.run(`drop table if exists ${table}`);
      await session.run(
        'create table base_table (id int primary key, col int, parent int, foreign key (parent) references ' +
          'base_table (id))',
      );
      await session.run('create table base_tables (id int, base_table int)');
      await session.run(
        'create table child (id int, base int, constraint to_base foreign key (base) references base_table (id))',
      );
      await session.run('create table watcher (id int)');
      await session.run("create or replace view on_base as select a.id, '`col`' as c from base_table as a");
      await session.run('create or replace view on_col as select col from base_table');
      await session.run(
        "create or replace view on_another as select base_table from base_tables where '`base_table`' <> 'x'",
      );
      await session.run(
        'create trigger writes after insert on watcher for each row insert into base_table (id) values (new.id)',
      );
      await session.run(
        "create trigger mentions after delete on watcher for each row set @x = 'base_table' /* base_table */",
      );
      await session.run('create trigger own before insert on base_table for each row set new.col = 1');
      const list = async (name: string | null): Promise<string[]> =>
        (await session.dependents('base_table', name)).map((d) => `${d.kind} ${d.name}`).sort();
      expect(await list(null)).toEqual(['foreign key child.to_base', 'trigger writes', 'view on_base', 'view on_col']);
      expect(await list('col')).toEqual(['trigger own', 'view on_col']);
      expect(await list('id')).toEqual([
        'foreign key base_table.base_table_ibfk_1',
        'foreign key child.to_base',
        'trigger writes',
        'view on_base',
      ]);
      expect(await list('parent')).toEqual([]);
    }));
});
