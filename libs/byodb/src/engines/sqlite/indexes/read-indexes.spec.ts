import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RenderedTable } from '../../../ddl.js';
import type { Connection } from '../../../engine.js';
import { fingerprint, type LiveTable } from '../../../live.js';
import { completeColumn } from '../../../schema/column-input.js';
import type { IndexColumn } from '../../../schema/table-index.js';
import { sqlite } from '../index.js';
import { sourceOf } from '../introspect.js';

const { ddl } = sqlite;
let dir: string;
let file: string;
let connection: Connection;
let token = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sqlite-indexes-'));
  file = join(dir, 'a.db');
  connection = sqlite.open({ engine: 'sqlite', file });
  await connection.claim('one');
});
afterEach(async () => {
  await connection.close();
  rmSync(dir, { recursive: true });
});

/** As the owner's program does it, by another build of SQLite's library. */
function owner(sql: string): void {
  const database = new Database(file);
  try {
    database.pragma('foreign_keys = on');
    database.exec(sql);
  } finally {
    database.close();
  }
}

async function look(table = 't'): Promise<LiveTable> {
  const live = await connection.look((session) => session.introspect(table));
  if (live === null) throw new TypeError(`no table ${table}`);
  return live;
}

function query(sql: string): Promise<Record<string, unknown>[]> {
  return connection.look((session) => session.query(sql));
}

/** Runs what was rendered, and sees that what it predicted is there, to the letter. */
async function exact(rendered: RenderedTable): Promise<LiveTable> {
  await connection.exclusively({ tableId: 't', token: ++token, lockTimeoutMs: 2000 }, async (session) => {
    for (const sql of rendered.statements) await session.run(sql);
  });
  const found = await look(rendered.live.name);
  expect(sourceOf(found).indexes.sort()).toEqual(sourceOf(rendered.live).indexes.sort());
  expect(fingerprint(found)).toBe(fingerprint(rendered.live));
  return found;
}

/** `unique a, b desc`, by name. */
function told(live: LiveTable): Record<string, string> {
  return Object.fromEntries(
    sqlite.indexes(live).map(({ name, columns, unique, valid }) => {
      const list = columns.map((member) => (member.order === 'asc' ? member.name : `${member.name} desc`)).join(', ');
      return [name, `${unique ? 'unique ' : ''}${list}${valid ? '' : ' (invalid)'}`];
    }),
  );
}

const asc = (name: string): IndexColumn => ({ name, order: 'asc' });
const desc = (name: string): IndexColumn => ({ name, order: 'desc' });

describe('indexes', () => {
  it('are those that every engine could have', async () => {
    owner(`
      create table t (
        id integer primary key, a int, b text, "Mixed ""name" int, "desc" int, "on" int, [x y] int, c text collate nocase,
        unique_one int unique, "a, b" int, _saga_gone int, constraint two unique (a, b)
      );
      create index plain on t (a);
      create index pair on t(B asc, A DESC);
      create unique index one on t (a desc, b);
      create unique index "two words" on t (b, a) /* (c) */;
      create index quoted on "t" ("mixed ""name" desc, "DESC", \`on\`, [x y] desc) -- where a
      ;
      create index if not exists main.made on t ('a');
      create index tricky on t ("a, b", "on" desc);
      create index "index" on t (b);
      create index own_collation on t (c);

      create index collated on t (b collate nocase);
      create index said_too on t (c collate nocase);
      create index expressed on t (a + 1);
      create index bracketed on t ((a));
      create index called on t (lower(b));
      create index mixed on t (a, lower(b));
      create index partial on t (a) where b is not null;
      create unique index partial_too on t (b) where a > 0;
      create index twice on t (a, A desc);
      create index _saga_index on t (a);
      create index on_what_is_gone on t (a, _saga_gone)`);
    expect(told(await look())).toEqual({
      index: 'b',
      made: 'a',
      one: 'unique a desc, b',
      own_collation: 'c',
      pair: 'b, a desc',
      plain: 'a',
      quoted: 'Mixed "name desc, desc, on, x y desc',
      tricky: 'a, b, on desc',
      'two words': 'unique b, a',
    });
  });

  it('over a text that other builds take for one, or in an order that later ones may know, are left out', () => {
    const texts = [
      'CREATE INDEX i ON t("no such column")',
      'CREATE INDEX j ON t("a")',
      'CREATE INDEX k ON t(a DESC NULLS FIRST)',
    ];
    const live = {
      ...ddl.createTable('t', [completeColumn({ name: 'a', type: 'text' }).column], 'o', (name) => name).live!,
    };
    const source = JSON.stringify({ ...sourceOf(live), indexes: texts });
    expect(told({ ...live, source })).toEqual({ j: 'a' });
  });

  it("follow their columns and the table's name, in what is read and in what is foretold", async () => {
    owner('create table t (a int, "B" int); create index i on t ("B" desc, a)');
    const foretold = ddl.renameColumn(await look(), 'B', 'desc');
    owner(foretold.statements.join(';'));
    expect([told(foretold.live!), told(await look())]).toEqual([{ i: 'desc desc, a' }, { i: 'desc desc, a' }]);
    owner(ddl.renameTable(await look(), 'other').statements.join(';'));
    expect(told(await look('other'))).toEqual({ i: 'desc desc, a' });
  });
});

describe('an index made, renamed and dropped', () => {
  it.each<[string, IndexColumn[], boolean]>([
    ['over one column', [asc('A')], false],
    ['over several, in either order', [desc('c d'), asc('a'), desc('select')], false],
    ['that is unique', [asc('a'), asc('c d')], true],
    ['that is unique, in either order', [desc('a'), asc('c d')], true],
  ])('%s', async (_what, columns, unique) => {
    owner(`create table [T t] (id integer primary key, a int, "c d" text, "select" int);
      insert into [T t] (a, "c d") values (1, 'x'), (2, 'x')`);
    const before = await look('T t');
    const made = await exact(ddl.createIndex(before, { columns, unique }, 'Made "so"', false));
    expect(Object.keys(told(made))).toEqual(['Made "so"']);
    const renamed = await exact(ddl.renameIndex(made, 'MADE "so"', 'select'));
    const cased = await exact(ddl.renameIndex(renamed, 'select', 'SELECT'));
    expect(Object.keys(told(cased))).toEqual(['SELECT']);
    const back = await exact(ddl.renameIndex(cased, 'SELECT', 'Made "so"'));
    expect(fingerprint(back)).toBe(fingerprint(made));
    expect(sourceOf(back)).toEqual(sourceOf(made));
    const after = await exact(ddl.dropIndex(back, 'Made "so"', before));
    expect(after).toEqual(before);
  });

  it('in the words in which its owner wrote it', async () => {
    owner(`create table t (a int, b text);
      create index if not exists main . [by a] ON "t" ( a /* the (first) */ , lower(b) ) where b <> 'index x' -- end
      ;
      create trigger on_t after insert on t begin select 1; end`);
    const before = await look();
    const renamed = await exact(ddl.renameIndex(before, 'by a', '_saga_index'));
    expect(sourceOf(renamed).indexes[0]).toContain(`"_saga_index" ON "t" ( a /* the (first) */ , lower(b) )`);
    const back = await exact(ddl.renameIndex(renamed, '_saga_index', 'by a'));
    expect(fingerprint(back)).toBe(fingerprint(before));
  });

  it('keeps what the planner knows of it', async () => {
    owner(`create table t (a int, b int); create index i on t (a); create index j on t (b);
      create table u (a int); create index k on u (a); insert into u values (1);
      insert into t select value, value % 7 from json_each('[1,2,3,4,5,6,7,8,9,10]'); analyze`);
    const known = (): Promise<unknown> =>
      query("select idx, stat from sqlite_stat1 where tbl in ('t', 'u') order by idx");
    const before = await known();
    const renamed = await exact(ddl.renameIndex(await look(), 'i', "o'ther"));
    expect(await known()).toEqual([
      { idx: 'j', stat: '10 2' },
      { idx: 'k', stat: '1 1' },
      { idx: "o'ther", stat: '10 1' },
    ]);
    const cased = await exact(ddl.renameIndex(renamed, "o'ther", "O'THER"));
    await exact(ddl.renameIndex(cased, "O'THER", 'i'));
    expect(await known()).toEqual(before);
  });

  it('fails on rows that are not unique, and leaves nothing', async () => {
    owner('create table t (a int); insert into t values (1), (1)');
    const before = await look();
    const made = exact(ddl.createIndex(before, { columns: [asc('a')], unique: true }, 'i', true));
    await expect(made).rejects.toMatchObject({ code: 'rows_conflict' });
    expect(await look()).toEqual(before);
  });
});

describe('what needs an index', () => {
  const dependents = async (name: string, table = 't'): Promise<string[]> => {
    const live = await look(table);
    const found = await connection.look((session) => session.dependentsOfIndex(live, name));
    return found.map((one) => `${one.kind} ${one.name}`);
  };

  it('are the foreign keys to just its columns that nothing else makes unique, as SQLite has it', async () => {
    owner(`
      create table T (id integer primary key, a int, b int, c int unique, d text collate nocase, e int, f int, g int,
        h int, i text collate nocase, unique (e, f), unique (i collate binary));
      create unique index only_a on t (a);
      create unique index a_b on t (b desc, a);
      create unique index c_too on t (c);
      create unique index d_own on t (d);
      create unique index d_binary on t (d collate binary);
      create unique index e_f on t (f, e);
      create unique index g_1 on t (g);
      create unique index g_2 on t (g);
      create unique index h_some on t (h) where h > 0;
      create unique index h_all on t (h);
      create index not_unique on t (b);
      create unique index id_too on t (id);
      create unique index i_own on t (i);
      create table child (x int, y text, constraint to_a foreign key (x) references t (A),
        foreign key (x, y) references t (a, b), constraint to_c foreign key (x) references t (c),
        constraint to_d foreign key (y) references t (d), constraint to_e_f foreign key (x, y) references t (e, f),
        constraint to_g foreign key (x) references t (g), constraint to_h foreign key (x) references t (h),
        constraint to_id foreign key (x) references t (id), constraint to_i foreign key (y) references t (i));
      create table "Own" (id int, up int references "own" (id), foreign key (id) references t);
      create unique index own_id on "Own" (id)`);
    const needs: Record<string, string[]> = {};
    for (const [table, live] of [
      ['t', await look('t')],
      ['Own', await look('Own')],
    ] as const)
      for (const sql of sourceOf(live).indexes) {
        const name = /INDEX (\w+)/i.exec(sql)![1]!;
        const found = await dependents(name, table);
        if (found.length > 0) needs[name] = found;
        expect([name, brokenWithout(name, table)]).toEqual([name, found.length > 0]);
      }
    expect(needs).toEqual({
      only_a: ['foreign key child.to_a'],
      a_b: ['foreign key child'],
      d_own: ['foreign key child.to_d'],
      h_all: ['foreign key child.to_h'],
      i_own: ['foreign key child.to_i'],
      own_id: ['foreign key Own'],
    });
    expect(await dependents('none')).toEqual([]);
    // One that has nothing to rest on has none in an index that is not unique either.
    owner('create table astray (x int references t (b))');
    expect(await dependents('not_unique')).toEqual([]);
  });

  /** Whether SQLite then finds a foreign key of which it does not know how to look it up. */
  function brokenWithout(name: string, table: string): boolean {
    const database = new Database(file);
    try {
      database.exec(`begin; drop index ${name}`);
      for (const child of ['child', 'Own']) {
        try {
          database
            .prepare(`select count(*) from pragma_foreign_key_check('${child}') where parent like '${table}'`)
            .all();
        } catch (error) {
          expect(String(error)).toContain('foreign key mismatch');
          return true;
        }
      }
      return false;
    } finally {
      database.exec('rollback');
      database.close();
    }
  }
});

it('no index is refused for its columns', () => {
  const columns = (['json', 'text', 'binary'] as const).map((type) => completeColumn({ name: type, type }).column);
  const index = { name: 'i', columns: columns.map(({ name }) => asc(name)), unique: true, called: ['i'] };
  expect(sqlite.refusesIndex(columns, index)).toBeNull();
});
