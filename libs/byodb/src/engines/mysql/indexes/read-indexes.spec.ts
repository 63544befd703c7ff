import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint, type LiveTable } from '../../../live.js';
import type { ColumnInput } from '../../../schema/column-input.js';
import type { Index, IndexColumn } from '../../../schema/table-index.js';
import type { Session } from '../../../session.js';
import { mysql } from '../index.js';
import { alone, column, freshDatabase, run, sorted, type Fresh } from '../testing/fixture.js';

const { ddl } = mysql;
let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

async function make(...statements: string[]): Promise<void> {
  const tables = await fresh.connection.tables();
  await fresh.connection.look(async (session) => {
    await session.run('set foreign_key_checks = 0');
    for (const table of tables) await session.run(`drop table if exists \`${table}\``);
    await session.run('set foreign_key_checks = 1');
    for (const statement of statements) await session.run(statement);
  });
}

async function look(session: Session, table = 't'): Promise<LiveTable> {
  const live = await session.introspect(table);
  if (live === null) throw new TypeError(`no table ${table}`);
  return live;
}

const found = (table = 't'): Promise<LiveTable> => fresh.connection.look((session) => look(session, table));
const asc = (name: string): IndexColumn => ({ name, order: 'asc' });
const desc = (name: string): IndexColumn => ({ name, order: 'desc' });

/** `unique a, b desc`, by name. */
function told(live: LiveTable): Record<string, string> {
  return Object.fromEntries(
    mysql.indexes(live).map(({ name, columns, unique, valid }) => {
      const list = columns.map((member) => (member.order === 'asc' ? member.name : `${member.name} desc`)).join(', ');
      return [name, `${unique ? 'unique ' : ''}${list}${valid ? '' : ' (invalid)'}`];
    }),
  );
}

/** Runs it, and sees that what it predicted is there. */
async function exact(session: Session, rendered: ReturnType<typeof ddl.createIndex>): Promise<LiveTable> {
  expect(rendered.statements).toHaveLength(1);
  await run(session, rendered);
  const live = await look(session, rendered.live.name);
  expect([sorted(live.extras), sorted(live.uniques)]).toEqual([
    sorted(rendered.live.extras),
    sorted(rendered.live.uniques),
  ]);
  expect(fingerprint(live)).toBe(fingerprint(rendered.live));
  return live;
}

describe('indexes', () => {
  it('are those that every engine could have', async () => {
    await make(
      `create table t (
        id int primary key, a int, b varchar(40), \`Mixed \`\`name\` int, \`desc\` int, \`a,b\` int,
        t text, g point not null, _saga_gone int,
        key plain (a),
        key pair (b, a desc),
        unique key one (a desc, b),
        unique key two (b, a),
        constraint three unique (a),
        key quoted (\`mixed \`\`NAME\` desc, \`DESC\`),
        key tricky (\`a,b\`, \`desc\`),
        key \`Named \`\`so, (a)\` (b),
        key said (a) using btree,
        unique key said_unique (a, \`desc\`) using btree,

        key cut (b(5)),
        unique key cut_too (b(5), a),
        key commented (a) comment 'it''s, (a)',
        unique key commented_too (a, \`a,b\`) comment 'x',
        key ignored_one (a) /*M!100600 ignored */ /*!80000 invisible */,
        key hashed (a) using hash,
        unique key too_long (t),
        fulltext key words (t),
        spatial key places (g),
        key _saga_index (a),
        key on_what_is_gone (a, _saga_gone)
      ) engine=InnoDB`,
    );
    expect(told(await found())).toEqual({
      'Named `so, (a)': 'b',
      one: 'unique a desc, b',
      pair: 'b, a desc',
      plain: 'a',
      quoted: 'Mixed `name desc, desc',
      said: 'a',
      said_unique: 'unique a, desc',
      three: 'unique a',
      tricky: 'a,b, desc',
      two: 'unique b, a',
    });
  });

  it('as MySQL 8 prints them', () => {
    const live = (...definitions: string[]): LiveTable => ({
      ...ddl.createTable('t', [column({ name: 'a', type: 'integer' })], 'o', (name) => name).live!,
      extras: definitions.map((definition) => ({ kind: 'KEY', name: '', definition })),
    });
    const plain = live('KEY `p` (`a` DESC)', 'KEY `q` (`A`)');
    expect(told(plain)).toEqual({ p: 'a desc', q: 'a' });
    expect(
      told(live('KEY `f` ((lower(`a`)))', 'KEY `i` (`a`) /*!80000 INVISIBLE */', 'KEY `m` (`a`,(`a` + 1))')),
    ).toEqual({});
  });

  it('follow their columns, in what is read and in what is foretold', async () => {
    await make('create table t (a int, b int, key i (b desc, a), unique key u (a, b desc), unique key v (b))');
    const foretold = ddl.renameColumn(await found(), 'b', 'other');
    await alone(fresh, (session) => run(session, foretold));
    const names = { i: 'other desc, a', u: 'unique a, other desc', v: 'unique other' };
    expect([told(foretold.live!), told(await found())]).toEqual([names, names]);
  });
});

describe('an index is made beside writers', () => {
  const words = ', ALGORITHM=INPLACE, LOCK=NONE';

  it.each<[string, string, boolean]>([
    ['a plain table', 'create table t (id int primary key, a int)', true],
    ['one of no key', 'create table t (a int)', true],
    ['one of partitions', 'create table t (id int primary key, a int) partition by hash (id) partitions 3', true],
    ['one with generated columns', 'create table t (a int, v int as (a + 1) virtual, s int as (a + 2) stored)', true],
    ['one that is compressed', 'create table t (a int) row_format=compressed', true],
    ['one with a fulltext index', 'create table t (a int, w text, fulltext key (w))', false],
    ['one with a spatial index', 'create table t (a int, g point not null, spatial key (g))', false],
    ['one with a unique by hash', 'create table t (a int, w text, unique key (w))', false],
    ['MyISAM', 'create table t (a int) engine=MyISAM', false],
    ['Aria', 'create table t (a int) engine=Aria', false],
  ])('%s', async (_what, create, isBeside) => {
    await make(create);
    await alone(fresh, async (session) => {
      const before = await look(session);
      const rendered = ddl.createIndex(before, { columns: [desc('a')], unique: false }, 'i', true);
      expect(rendered.statements[0]!.endsWith(words)).toBe(isBeside);
      const made = await exact(session, rendered);
      expect(told(made)).toMatchObject({ i: 'a desc' });
      expect(fingerprint(await exact(session, ddl.dropIndex(made, 'i', before)))).toBe(fingerprint(before));
    });
  });

  it('as the foretold table, of which nothing is known but that it is ours', () => {
    const ours = ddl.createTable('t', [column({ name: 'a', type: 'integer' })], 'o', (name) => name).live!;
    const over = { columns: [asc('A'), desc('a')], unique: true };
    expect(ddl.createIndex(ours, over, 'i`', true).statements).toEqual([
      'ALTER TABLE `t` ADD UNIQUE INDEX `i``` (`a`,`a` DESC), ALGORITHM=INPLACE, LOCK=NONE',
    ]);
    expect(ddl.dropIndex(ours, 'i`').statements).toEqual(['ALTER TABLE `t` DROP INDEX `i```']);
    expect(ddl.renameIndex(ours, 'i`', 'j').statements).toEqual(['ALTER TABLE `t` RENAME INDEX `i``` TO `j`']);
  });

  it('but for one more than a table can have', async () => {
    const names = Array.from({ length: 63 }, (_, i) => `key k${i} (a)`);
    await make(`create table t (id int primary key, a int, ${names.join(', ')})`);
    const live = await found();
    const index = { columns: [asc('a')], unique: false };
    expect(() => ddl.createIndex(live, index, 'more', true)).toThrow(/64 keys/);
    const fewer = ddl.dropIndex(live, 'k0').live;
    expect(ddl.createIndex(fewer, index, 'more', true).statements).toHaveLength(1);
  });
});

describe('the index that the server made for a foreign key', () => {
  const tables = [
    'create table p (id int primary key, x int, y int, unique key (x, y))',
    'create table t (id int primary key, a int, b int, constraint to_p foreign key (a) references p (id), ' +
      'foreign key (b, a) references p (x, y))',
  ];
  const own = { to_p: 'a', b: 'b, a' };

  it.each<[string, IndexColumn[], boolean]>([
    ['over the same', [asc('a')], false],
    ['over more', [asc('a'), asc('id')], false],
    ['in the other order', [desc('a'), asc('b')], false],
    ['that is unique', [desc('b'), asc('a'), asc('id')], true],
  ])('stays beside one that could serve in its place: %s', async (_what, columns, unique) => {
    await make(...tables);
    await alone(fresh, async (session) => {
      const before = await look(session);
      expect(told(before)).toEqual(own);
      const made = await exact(session, ddl.createIndex(before, { columns, unique }, 'mine', true));
      expect(told(made)).toMatchObject(own);
      // Nor is it driven out by what others make now.
      await session.run(
        `alter table t add index wider (${columns[0]!.name}, ${columns[0]!.name === 'a' ? 'b' : 'a'}, id)`,
      );
      await session.run('alter table t drop index wider');
      expect(told(await look(session))).toEqual(told(made));
      const after = await exact(session, ddl.dropIndex(made, 'mine', before));
      expect(fingerprint(after)).toBe(fingerprint(before));
    });
  });

  it('comes back when what drove it out goes, and nothing else does', async () => {
    await make(...tables);
    await alone(fresh, async (session) => {
      await session.run('alter table t add index beside (id, a)');
      const before = await look(session);
      await session.run('alter table t add index mine (a, b), drop index beside');
      const driven = await look(session);
      expect(told(driven)).toEqual({ b: 'b, a', mine: 'a, b' });
      expect(await session.dependentsOfIndex(driven, 'mine')).toEqual([{ kind: 'foreign key', name: 'to_p' }]);
      await expect(run(session, ddl.dropIndex(driven, 'mine'))).rejects.toMatchObject({ code: 'dependents_exist' });
      const rendered = ddl.dropIndex(driven, 'mine', before);
      expect(rendered.statements).toEqual(['ALTER TABLE `t` DROP INDEX `mine`, ADD KEY `to_p` (`a`)']);
      expect(told(await exact(session, rendered))).toEqual(own);
    });
  });
});

describe('what needs an index', () => {
  it('are the foreign keys that no other one could serve, as the server has it', async () => {
    await make(
      'create table p (id int primary key, x int, y int, z int, w varchar(9), v int, key x_y (x, y desc), ' +
        'key x_only (x), unique key z_u (z), key z_x (z, x), key y_only (y), key w_cut (w(3)), key w_all (w), ' +
        'key v_first (v, id), key id_v (id, v), constraint up foreign key (v) references p (y))',
      'create table c (a int, b int, d int, constraint pair foreign key (a, b) references p (x, y), ' +
        'constraint one foreign key (a) references p (x), constraint z foreign key (b) references p (z), ' +
        'constraint by_id foreign key (d) references p (id))',
      'create table e (w varchar(9), v int, foreign key (w) references p (w), constraint v foreign key (v) ' +
        'references p (v))',
      'create table t (a int, b int, key b_a (b, a), key a_b (a, b desc), key b_only (b), unique key a_u (a), ' +
        'constraint mine foreign key (b) references p (id), constraint ours foreign key (a, b) references p (x, y))',
    );
    const told: Record<string, string[]> = {};
    await alone(fresh, async (session) => {
      for (const table of ['p', 'c', 'e', 't']) {
        for (const { name } of mysql.indexes(await look(session, table))) {
          const live = await look(session, table);
          const needs = await session.dependentsOfIndex(live, name);
          if (needs.length > 0) told[`${table}.${name}`] = needs.map((one) => `${one.kind} ${one.name}`);
          const dropped = run(session, ddl.dropIndex(live, name));
          if (needs.length > 0) await expect(dropped).rejects.toMatchObject({ code: 'dependents_exist' });
          else {
            await dropped;
            await session.run((await again(name, live))!);
          }
        }
      }
    });
    expect(told).toEqual({
      'p.x_y': ['foreign key c.pair', 'foreign key t.ours'],
      'p.y_only': ['foreign key p.up'],
      'p.w_all': ['foreign key e.e_ibfk_1'],
      'p.v_first': ['foreign key up', 'foreign key e.v'],
      'c.pair': ['foreign key one', 'foreign key pair'],
      'c.z': ['foreign key z'],
      'c.by_id': ['foreign key by_id'],
      'e.w': ['foreign key e_ibfk_1'],
      'e.v': ['foreign key v'],
      't.a_b': ['foreign key ours'],
    });
    expect(
      await fresh.connection.look(async (session) => session.dependentsOfIndex(await look(session), 'none')),
    ).toEqual([]);
  });

  it('are none of those that have lost theirs', async () => {
    await make(
      'create table p (a int, b int, key (a, b))',
      'create table t (a int, b int, d int, constraint pair foreign key (a, b) references p (a, b), key beside (a, d))',
    );
    await alone(fresh, async (session) => {
      expect(await session.dependentsOfIndex(await look(session), 'pair')).toHaveLength(1);
      for (const sql of ['set foreign_key_checks = 0', 'drop index pair on t', 'set foreign_key_checks = 1'])
        await session.run(sql);
      expect(await session.dependentsOfIndex(await look(session), 'beside')).toEqual([]);
    });
  });

  /** What makes an index of that name again. */
  async function again(name: string, live: LiveTable): Promise<string | undefined> {
    const index = mysql.indexes(live).find((one) => one.name === name)!;
    return ddl.createIndex(ddl.dropIndex(live, name).live, index, name, false).statements[0];
  }
});

describe('an index is refused', () => {
  const TYPES: ColumnInput[] = [
    { name: 'c0', type: 'smallint' },
    { name: 'c1', type: 'integer' },
    { name: 'c2', type: 'bigint' },
    { name: 'c3', type: 'decimal', precision: 38, scale: 30 },
    { name: 'c4', type: 'decimal', precision: 10, scale: 2 },
    { name: 'c5', type: 'float' },
    { name: 'c6', type: 'double' },
    { name: 'c7', type: 'boolean' },
    { name: 'c8', type: 'uuid' },
    { name: 'c9', type: 'date' },
    { name: 'c10', type: 'time' },
    { name: 'c11', type: 'timestamp' },
  ];
  const over = (names: string[]): Index => ({ name: 'i', columns: names.map(asc), unique: false, called: ['i'] });

  it.each(TYPES)('where its values would be too long by a byte: beside %p', async (input) => {
    for (const fill of [[], ['c7'], ['c7', 'c0'], ['c0', 'c1'], ['c2', 'c9', 'c7']]) {
      const columns = TYPES.map((type) => column(type));
      const names = [...new Set([input.name, ...fill])];
      // As long as the rest lets a string be, and longer by one character.
      const fitting = [...Array(60).keys()].map((less) => 768 - less);
      const length = fitting.find((one) => refused(columns, names, one) === null)!;
      expect(refused(columns, names, length + 1)).toMatch(/would have \d+ bytes in an index, of 3072/);
      await make();
      await alone(fresh, async (session) => {
        const all = [...columns, column({ name: 's', type: 'string', length })];
        const live = await run(
          session,
          ddl.createTable('t', all, 'o', (name) => name),
        );
        await run(session, ddl.createIndex(live!, over(['s', ...names]), 'i', false));
        const longer = ddl.createIndex(live!, over(['s', ...names]), 'j', false);
        await session.run(`alter table t drop index i, modify s varchar(${length + 1})`);
        await expect(run(session, longer)).rejects.toMatchObject({ details: { errno: 1071 } });
      });
    }
  });

  function refused(columns: ReturnType<typeof column>[], names: string[], length: number): string | null {
    const string = column({ name: 's', type: 'string', length });
    return mysql.refusesIndex([...columns, string], over(['s', ...names]));
  }

  it('where a column has no whole index', () => {
    for (const type of ['text', 'json', 'binary'] as const) {
      const columns = [column({ name: 'a', type }), column({ name: 'b', type: 'integer' })];
      expect(mysql.refusesIndex(columns, over(['b', 'A']))).toBe(`a cannot be in an index: ${type} has no whole index`);
      expect(mysql.refusesIndex(columns, over(['b']))).toBeNull();
    }
    const string = (length: number) => [column({ name: 'a', type: 'string', length })];
    expect(mysql.refusesIndex(string(768), over(['a']))).toBeNull();
    expect(mysql.refusesIndex(string(769), over(['a']))).toBe(
      'a cannot be in an index: string has no whole index beyond 768 characters',
    );
  });

  it('for too many columns, and not for what is not known', () => {
    const names = Array.from({ length: 17 }, (_, i) => `n${i}`);
    expect(mysql.refusesIndex([], over(names.slice(1)))).toBeNull();
    expect(mysql.refusesIndex([], over(names))).toBe('an index has at most 16 columns');
    const own = { ...column({ name: 'n1', type: 'text' }), type: 'native' as const };
    expect(
      mysql.refusesIndex([own, column({ name: 'n2', type: 'string', length: 768 })], over(['n1', 'n2'])),
    ).toBeNull();
  });
});
