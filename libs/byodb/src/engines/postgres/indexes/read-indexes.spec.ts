import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fingerprint, type LiveTable } from '../../../live.js';
import type { Index } from '../../../schema/table-index.js';
import { postgres } from '../index.js';
import { alone, column, freshDatabase, type Fresh } from '../testing/fixture.js';

const { ddl } = postgres;
let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});
beforeEach(async () => {
  await fresh.admin.query('drop schema if exists public, elsewhere cascade; create schema public');
  await fresh.connection.claim('database-1');
});

async function look(table = 't'): Promise<LiveTable> {
  const live = await fresh.connection.look((session) => session.introspect(table));
  if (live === null) throw new TypeError(`no table ${table}`);
  return live;
}

/** `unique a, b desc (invalid)`, by name. */
function told(live: LiveTable): Record<string, string> {
  return Object.fromEntries(
    postgres.indexes(live).map(({ name, columns, unique, valid }) => {
      const list = columns.map((member) => (member.order === 'asc' ? member.name : `${member.name} desc`)).join(', ');
      return [name, `${unique ? 'unique ' : ''}${list}${valid ? '' : ' (invalid)'}`];
    }),
  );
}

describe('indexes', () => {
  it('are those that every engine could have', async () => {
    await fresh.admin.query(`
      create table t (
        id integer primary key, a integer, b text, "Mixed ""name" integer, "desc" integer, "user" text, "ü" integer,
        c text collate "C", unique_one integer unique, "a, b" integer, "x DESC" integer, _saga_gone integer,
        constraint a_and_b unique (a, b), exclude (a with =) where (a > 100)
      );
      create index plain on t (a);
      create index pair on t (b, a desc);
      create unique index one on t (a desc, b);
      create index quoted on t ("Mixed ""name" desc, "desc", "user" desc, "ü");
      create index tricky on t ("a, b", "x DESC");
      create index "Named ""so" on t (b);
      create index own_collation on t (c);
      create index usual_place on t (a asc nulls last, b desc nulls first);
      create index commented on t (a);
      comment on index commented is 'a comment';
      create index clustered on t (b);
      alter table t cluster on clustered;
      create unlogged table other (a integer);
      create index of_another on other (a);

      create index nulls on t (a nulls first);
      create index nulls_last on t (a, b desc nulls last);
      create index operators on t (b text_pattern_ops);
      create index collated on t (b collate "C");
      create index back_to_default on t (c collate "default");
      create index expressed on t ((a + 1));
      create index called on t (lower(b));
      create index mixed on t (a, lower(b));
      create index partial on t (a) where b is not null;
      create index including on t (a) include (b);
      create unique index not_distinct on t (a) nulls not distinct;
      create index filled on t (a) with (fillfactor = 70);
      create index hashed on t using hash (a);
      create index ranged on t using brin (a);
      create index twice on t (a, a desc);
      create index _saga_index on t (a);
      create index on_what_is_gone on t (a, _saga_gone)`);
    expect(told(await look())).toEqual({
      'Named "so': 'b',
      clustered: 'b',
      commented: 'a',
      one: 'unique a desc, b',
      own_collation: 'c',
      pair: 'b, a desc',
      plain: 'a',
      quoted: 'Mixed "name desc, desc, user desc, ü',
      tricky: 'a, b, x DESC',
      usual_place: 'a, b desc',
    });
  });

  it('in another tablespace are left out', async () => {
    const live = await ddlLive();
    const moved = { ...live, source: live.source!.replace('"tablespace":null', '"tablespace":"fast"') };
    expect([told(live), told(moved)]).toEqual([{ t_a: 'a' }, {}]);
  });

  it('that a failed build left are told as invalid', async () => {
    await fresh.admin.query('create table t (a integer, b integer); insert into t values (1, 1), (1, 2)');
    await expect(fresh.admin.query('create unique index concurrently broken on t (a)')).rejects.toThrow();
    await fresh.admin.query('create index whole on t (b)');
    expect(told(await look())).toEqual({ broken: 'unique a (invalid)', whole: 'b' });
  });

  it('of a partitioned table are told too', async () => {
    await fresh.admin.query(`
      create table t (a integer, b integer) partition by list (a);
      create table t_1 partition of t for values in (1);
      create index over_all on t (b desc);
      create index only_here on only t (a, b)`);
    expect(told(await look())).toEqual({ over_all: 'b desc', only_here: 'a, b (invalid)' });
  });

  it('follow their columns, in what is read and in what is foretold', async () => {
    await fresh.admin.query('create table t (a integer, "B" integer); create index i on t ("B" desc, a)');
    const foretold = ddl.renameColumn(await look(), 'B', 'desc');
    await fresh.admin.query(foretold.statements.join(';'));
    expect([told(foretold.live!), told(await look())]).toEqual([{ i: 'desc desc, a' }, { i: 'desc desc, a' }]);
  });
});

describe('a predicted table', () => {
  it('is what is found, whatever its columns are called', async () => {
    // But for the words that later versions have and PostgreSQL 15 has not.
    const { rows } = await fresh.admin.query<{ word: string }>(
      "select word from pg_get_keywords() where word !~ '^(json|system_user|merge_action)'",
    );
    const words = rows.map(({ word }) => word);
    const names = [...words, 'plain', 'Upper', 'with blank', 'üml', '1st', '_under', 'do$lar', 'quo"te', "it's"];
    await fresh.admin.query(`create table t (${names.map((name) => `${ddl.quote(name)} integer`).join(', ')})`);
    let live = await look();
    const statements: string[] = [];
    for (const [i, name] of names.entries()) {
      const index = { columns: [{ name, order: i % 2 === 0 ? 'asc' : 'desc' } as const], unique: i % 3 === 0 };
      const made = ddl.createIndex(live, index, `i${i}`, false);
      statements.push(...made.statements);
      ({ live } = made);
    }
    await fresh.admin.query(statements.join(';'));
    const found = await look();
    expect(found.extras).toEqual(live.extras);
    expect(fingerprint(found)).toBe(fingerprint(live));
    expect(told(found)).toEqual(told(live));
  });
});

describe('what needs an index', () => {
  const dependents = async (name: string, table = 't'): Promise<string[]> => {
    const live = await look(table);
    const found = await fresh.connection.look((session) => session.dependentsOfIndex(live, name));
    return found.map((one) => `${one.kind} ${one.name}`);
  };

  it('are the foreign keys that were made with it, and the replica identity', async () => {
    await fresh.admin.query(`
      create table t (a integer not null, b integer not null);
      create unique index first_a on t (a);
      create unique index plain_b on t (b);
      create unique index pair on t (a, b);
      create index not_unique on t (a);
      create table child (a integer, b integer, constraint "To a" foreign key (a) references t (a),
        foreign key (a, b) references t (b, a));
      create schema elsewhere;
      create table elsewhere.child (a integer references t (a));
      alter table t add up integer references t (a);
      create unique index second_a on t (a);
      alter table t replica identity using index plain_b`);
    expect(await dependents('first_a')).toEqual([
      'foreign key To a on child',
      'foreign key child_a_fkey on elsewhere.child',
      'foreign key t_up_fkey on t',
    ]);
    expect(await dependents('pair')).toEqual(['foreign key child_a_b_fkey on child']);
    expect(await dependents('plain_b')).toEqual(['replica identity plain_b']);
    for (const name of ['second_a', 'not_unique', 'none']) expect(await dependents(name)).toEqual([]);
    // The server minds what is told, and nothing else.
    for (const [name, minds] of Object.entries({ first_a: true, pair: true, second_a: false, not_unique: false })) {
      const dropped = fresh.admin.query(`drop index ${name}`);
      if (minds) await expect(dropped).rejects.toMatchObject({ code: '2BP01' });
      else await dropped;
    }
  });

  it('are told once where tables are parted', async () => {
    await fresh.admin.query(`
      create table t (a integer, b integer) partition by list (a);
      create table t_1 partition of t for values in (1);
      create table t_2 partition of t for values in (2);
      create unique index over_all on t (a, b);
      create table child (a integer, b integer, foreign key (a, b) references t (a, b)) partition by list (a);
      create table child_1 partition of child for values in (1)`);
    expect(await dependents('over_all')).toEqual(['foreign key child_a_b_fkey on child']);
  });

  it('are those of this schema alone', async () => {
    await fresh.admin.query(`
      create table t (a integer); create unique index i on t (a);
      create schema elsewhere; create table elsewhere.t (a integer); create unique index i on elsewhere.t (a);
      create table elsewhere.child (a integer references elsewhere.t (a))`);
    expect(await dependents('i')).toEqual([]);
  });
});

describe('an index is refused', () => {
  const index = (members: number): Index => ({
    name: 'i',
    columns: Array.from({ length: members }, (_, i) => ({ name: `c${i}`, order: 'asc' })),
    unique: false,
    called: ['i'],
  });

  it('for more columns than the server takes, and for no type', async () => {
    const types = ['json', 'text', 'binary', 'uuid', 'boolean', 'native', 'string', 'decimal'] as const;
    const columns = types.map((type, i) => ({ ...column({ name: `c${i}`, type: 'text' }), type }));
    expect(postgres.refusesIndex(columns, index(types.length))).toBeNull();
    expect(postgres.refusesIndex([], index(32))).toBeNull();
    expect(postgres.refusesIndex([], index(33))).toBe('PostgreSQL takes at most 32 columns in an index');
    const list = (n: number): string => Array.from({ length: n }, (_, i) => `c${i}`).join(', ');
    await fresh.admin.query(`create table t (${list(33).replaceAll(/c\d+/g, '$& integer')})`);
    await fresh.admin.query(`create index most on t (${list(32)})`);
    await expect(fresh.admin.query(`create index too_many on t (${list(33)})`)).rejects.toMatchObject({
      code: '54011',
    });
  });

  it('where it is to be unique over partitions and does not hold their key', async () => {
    await fresh.admin.query('create table t (a integer, b integer) partition by list (a)');
    const live = await look();
    const over = (...names: string[]) => names.map((name) => ({ name, order: 'asc' as const }));
    expect(() => ddl.createIndex(live, { columns: over('b'), unique: true }, 'i', true)).toThrow(/partitioned by a/);
    await alone(fresh, async (session) => {
      // Not beside a transaction either: PostgreSQL builds no such index without shutting writers out.
      for (const rendered of [
        ddl.createIndex(live, { columns: over('b'), unique: false }, 'i', true),
        ddl.createIndex(live, { columns: over('b', 'a'), unique: true }, 'u', true),
      ]) {
        expect(rendered.outsideTransaction).toBeUndefined();
        for (const statement of rendered.statements) await session.run(statement);
      }
    });
    expect(told(await look())).toEqual({ i: 'b', u: 'unique b, a' });
  });
});

/** A table as it is foretold, with one index. */
async function ddlLive(): Promise<LiveTable> {
  const made = ddl.createTable('t', [column({ name: 'a', type: 'integer' })], 'o', (name) => name);
  const index = { columns: [{ name: 'a', order: 'asc' as const }], unique: false };
  return ddl.createIndex(made.live!, index, 't_a', false).live;
}
