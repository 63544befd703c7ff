import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RenderedTable } from '../../ddl.js';
import type { Session } from '../../session.js';
import { fingerprint, type LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import type { IndexColumn } from '../../schema/table-index.js';
import { alone, column, freshDatabase, managed, run, type Fresh } from './testing/fixture.js';
import { ddl } from './ddl.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.remove();
});

/** A table on which others have put all that they can. */
const LADEN = `
create collation if not exists nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table other (id integer primary key, n integer, m integer, unique (n, m));
insert into other values (1, 1, 1), (2, 2, 2);
create function touch() returns trigger language plpgsql as 'begin new.touched = ''yes''; return new; end';
create table laden (
  id serial primary key,
  a varchar(50) collate "C" default upper('x') not null,
  b integer default 1 + 1 not null constraint positive check (b > 0) not null,
  c numeric(10,2) default 1.5 unique,
  d integer references other (id) on delete cascade,
  e text collate nocase unique,
  f timestamptz default clock_timestamp(),
  g bigint generated always as identity (start 100 increment 10),
  h tsvector,
  i varchar(20),
  j int, k int,
  twice integer generated always as (b * 2) stored,
  touched text,
  constraint pair unique (j, k) deferrable initially deferred,
  constraint both_or_none foreign key (j, k) references other (n, m) match full,
  constraint never_null check (i is not null),
  exclude (k with =) where (j > 100)
);
comment on table laden is 'it''s laden?';
comment on column laden.a is 'a $1 ? \\ comment';
comment on constraint laden_c_key on laden is 'key comment';
comment on constraint never_null on laden is 'check comment';
create index laden_a on laden (a text_pattern_ops) include (b) with (fillfactor = 70);
create unique index laden_lower on laden (lower(a)) where b > 0;
comment on index laden_lower is 'index comment';
create unique index laden_coalesce on laden (coalesce(i, ''), id);
create unique index laden_nulls on laden (i, id) nulls not distinct;
create index laden_expression on laden ((b + 1)) where c > 2;
create trigger touch before update on laden for each row execute function touch();
create trigger only_b before update of f on laden for each row when (new.f is null) execute function touch();
alter table laden disable trigger only_b;
create statistics laden_stats on a, i from laden;
alter table laden alter a set statistics 500, alter e set storage external, alter a set (n_distinct = 5);
alter table laden cluster on laden_a;
alter table laden enable row level security;
create policy mine on laden using (j = 1);
create rule quiet as on delete to laden do also select 1;
grant select on laden to public;
grant update (a) on laden to public;
insert into laden (a, b, c, d, e, i, j, k) values
  ('one', 1, 1.25, 1, 'E1', '1', 1, 1),
  ('two', 2, 2.50, 2, 'E2', '2', null, null);
`;

/** But for how many columns it has ever had: PostgreSQL counts those that are gone as well. */
function narrow(live: LiveTable): LiveTable {
  return { ...live, source: live.source?.replace(/"width":\d+,?/, '') ?? null };
}

async function laden(work: (session: Session, before: LiveTable) => Promise<void>): Promise<void> {
  await fresh.admin.query('drop schema public cascade; create schema public');
  await fresh.connection.claim('database-1');
  await fresh.admin.query(LADEN);
  await alone(fresh, async (session) => {
    const before = (await session.introspect('laden'))!;
    const rows = await session.query('select * from laden order by id');
    await work(session, before);
    const after = await session.introspect('laden');
    expect(narrow(after!)).toEqual(narrow(before));
    expect(fingerprint(after)).toBe(fingerprint(before));
    expect(await session.query('select * from laden order by id')).toEqual(rows);
  });
}

async function look(session: Session, table: string): Promise<LiveTable> {
  const live = await session.introspect(table);
  expect(live).not.toBeNull();
  return live!;
}

async function step(session: Session, rendered: ReturnType<typeof ddl.renameTable>): Promise<LiveTable> {
  const live = await look(session, (await run(session, rendered))!.name);
  expect(managed(live)).toEqual(managed(rendered.live));
  return live;
}

/** The same where nothing of it is the server's to say. */
async function exact(session: Session, rendered: RenderedTable): Promise<LiveTable> {
  const live = await step(session, rendered);
  expect(live.extras).toEqual(rendered.live.extras);
  expect(fingerprint(live)).toBe(fingerprint(rendered.live));
  return live;
}

const asc = (name: string): IndexColumn => ({ name, order: 'asc' });
const desc = (name: string): IndexColumn => ({ name, order: 'desc' });

describe("a table full of others' things comes back the same", () => {
  it('renamed and back', () =>
    laden(async (session, before) => {
      const live = await step(session, ddl.renameTable(before, 'new "name'));
      await step(session, ddl.renameTable(live, 'laden'));
    }));

  it('set aside and back, its names free in between', () =>
    laden(async (session, before) => {
      const live = await step(session, ddl.setAsideTable(before, '_saga_tbl_0123456789abcdef'));
      await session.run('savepoint s');
      await session.run(`
        create table laden (id serial primary key, c numeric unique, e text unique, constraint pair unique (c, e));
        create index laden_a on laden (c);
        create unique index laden_lower on laden (c);
        create index laden_expression on laden (c);
        create statistics laden_stats on c, e from laden`);
      expect((await look(session, 'laden')).extras.map((e) => e.name)).toContain('laden_pkey');
      await session.run('rollback to savepoint s');
      await step(session, ddl.bringBackTable(live, before));
    }));

  it('set aside and back under another name, beside a new one of its own', () =>
    laden(async (session, before) => {
      const live = await step(session, ddl.setAsideTable(before, '_saga_tbl_x'));
      await session.run(
        'create table laden (id serial primary key, c numeric unique); create index laden_a on laden (c)',
      );
      const back = await step(session, ddl.bringBackTable(live, { ...before, name: 'restored' }));
      expect(back.extras.filter((e) => e.name.startsWith('_saga_'))).toEqual([]);
      expect(back.uniques.map((u) => u.name)).toEqual(['pair_restored', 'restored_c_key', 'restored_e_key']);
      expect(back.extras.map((e) => e.name)).toContain('restored_nulls');
      throw new Done();
    }).catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    }));

  const columns = ['id', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'twice', 'touched'];
  for (const name of columns) {
    it(`column ${name} renamed and back`, () =>
      laden(async (session, before) => {
        const live = await step(session, ddl.renameColumn(before, name, 'Other "name"'));
        await step(session, ddl.renameColumn(live, 'Other "name"', name));
      }));

    it(`column ${name} set aside and back, no insert blocked in between`, () =>
      laden(async (session, before) => {
        const live = await step(session, ddl.setAsideColumn(before, name, '_saga_col_0123'));
        await session.run('savepoint s');
        // its names are free: the same could be made again
        await session.run('alter table laden disable trigger user');
        const parts = { a: "'new'", b: '7', c: '9.75', i: "'9'", e: "'E9'" };
        const used = Object.entries(parts).filter(([key]) => key !== name);
        for (const n of [1, 2]) {
          const values = used.map(([, value]) => value.replace('9', `${n}9`).replace('new', `new${n}`));
          await session.run(`insert into laden (${used.map(([key]) => key).join(', ')}) values (${values.join(', ')})`);
        }
        await session.run('set constraints all immediate');
        await session.run('rollback to savepoint s');
        await step(session, ddl.bringBackColumn(live, '_saga_col_0123', before, name));
      }));
  }

  it('two columns of one key set aside and brought back, the last one first', () =>
    laden(async (session, before) => {
      const one = await step(session, ddl.setAsideColumn(before, 'j', '_saga_col_j'));
      const two = await step(session, ddl.setAsideColumn(one, 'k', '_saga_col_k'));
      const three = await step(session, ddl.bringBackColumn(two, '_saga_col_k', one, 'k'));
      await step(session, ddl.bringBackColumn(three, '_saga_col_j', before, 'j'));
    }));

  it('two columns of one key brought back the other way round: what needs both and was dropped with the first is gone', () =>
    laden(async (session, before) => {
      const one = await step(session, ddl.setAsideColumn(before, 'j', '_saga_col_j'));
      const two = await step(session, ddl.setAsideColumn(one, 'k', '_saga_col_k'));
      const three = await step(session, ddl.bringBackColumn(two, '_saga_col_j', before, 'j'));
      const four = await step(session, ddl.bringBackColumn(three, '_saga_col_k', one, 'k'));
      expect(four.uniques).toEqual(before.uniques);
      const gone = before.extras.filter((e) => !four.extras.some((other) => other.name === e.name));
      expect(gone.map((e) => e.name)).toEqual(['laden_k_excl', 'both_or_none']);
      throw new Done();
    }).catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    }));

  it('a column added and dropped', () =>
    laden(async (session, before) => {
      for (const added of [
        column({ name: 'z', type: 'string', length: 5, default: '?', nullable: false }),
        column({ name: 'z', type: 'decimal', unique: true }),
        column({ name: 'z', type: 'uuid', default: { function: 'uuid' } }),
      ]) {
        const live = await step(session, ddl.addColumn(before, added, 'z_unique'));
        await step(session, ddl.dropColumn(live, 'z'));
      }
    }));

  const indexes: [string, IndexColumn[], boolean][] = [
    ['over one column', [asc('b')], false],
    ['over several, in either order', [desc('b'), asc('touched'), desc('twice')], false],
    ['that is unique', [asc('i'), desc('id')], true],
    ['that is unique over one column', [asc('touched')], true],
  ];
  for (const [what, columns, unique] of indexes) {
    it(`an index ${what} made, renamed and back, and dropped`, () =>
      laden(async (session, before) => {
        const made = await exact(session, ddl.createIndex(before, { columns, unique }, 'Made "so"', false));
        const renamed = await exact(session, ddl.renameIndex(made, 'Made "so"', 'select'));
        const back = await exact(session, ddl.renameIndex(renamed, 'select', 'Made "so"'));
        expect(fingerprint(back)).toBe(fingerprint(made));
        await exact(session, ddl.dropIndex(back, 'Made "so"', before));
      }));
  }

  it('an index of its own renamed and back, with all that its owner said of it', () =>
    laden(async (session, before) => {
      for (const name of ['laden_a', 'laden_lower', 'laden_nulls']) {
        const renamed = await exact(session, ddl.renameIndex(await look(session, 'laden'), name, '_saga_index'));
        await exact(session, ddl.renameIndex(renamed, '_saga_index', name));
      }
      expect(before.extras.filter((e) => e.kind === 'index')).toHaveLength(5);
    }));

  const alterations: [string, Partial<Column>][] = [
    ['a', { length: 100 }],
    ['a', { type: 'text', length: null }],
    ['a', { nullable: true }],
    ['a', { unique: true }],
    ['a', { default: 'plain' }],
    ['a', { length: 10, nullable: true, unique: true, default: 'x' }],
    ['c', { precision: 20 }],
    ['c', { precision: 12, scale: 4 }],
    ['c', { unique: false }],
    ['c', { default: null }],
    ['c', { default: '2.25' }],
    ['c', { default: null, unique: false, nullable: false }],
    ['d', { nullable: true, default: 5 }],
    ['e', { unique: false }],
    ['e', { type: 'string', length: 30 }],
    ['i', { type: 'integer', length: null }],
    ['i', { nullable: false }],
    ['i', { type: 'bigint', length: null, default: '5', unique: true }],
    ['id', { type: 'bigint' }],
    ['g', { type: 'integer' }],
    ['j', { default: 3 }],
  ];
  for (const [name, change] of alterations) {
    it(`column ${name} altered by ${JSON.stringify(change)} and restored`, () =>
      laden(async (session, before) => {
        // What no conversion goes through is dropped here.
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
        const hinders = name === 'i' && change.type !== undefined;
        if (hinders) await session.run('drop index laden_coalesce');
        const start = await look(session, 'laden');
        const live = await step(session, ddl.alterColumn(start, name, { ...from, ...change }, 'made_unique'));
        for (const kept of start.extras.filter((e) =>
          ['trigger', 'comment', 'table', 'policy', 'rule', 'foreign key', 'statistics'].includes(e.kind),
        ))
          expect(live.extras).toContainEqual(kept);
        await step(session, ddl.restoreColumn(live, name, start));
        expect(await look(session, 'laden')).toEqual(start);
        if (hinders) await session.run("create unique index laden_coalesce on laden (coalesce(i, ''), id)");
      }));
  }
});

describe('a table of ours', () => {
  const COLUMNS = [
    column({ name: 'a', type: 'integer', primary_key: true }),
    column({ name: 'b', type: 'string', length: 36, primary_key: true, default: 'x' }),
    column({ name: 'c', type: 'string', unique: true, nullable: false, default: 'same' }),
    column({ name: 'd', type: 'text', default: '' }),
  ];
  const start = async (session: Session, columns = COLUMNS): Promise<LiveTable> =>
    (await run(
      session,
      ddl.createTable('ours', columns, 'o', (name) => `ours_${name}_unique`),
    ))!;
  const undone = (work: (session: Session) => Promise<void>): Promise<void> =>
    alone(fresh, async (session) => {
      await work(session);
      throw new Done();
    }).catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    });

  it('goes through every renderer with predictions alone', () =>
    undone(async (session) => {
      const long = ['l', 'm', 'n'].map((letter) => letter.repeat(48));
      const columns = [
        column({ name: long[1]!, type: 'integer', primary_key: true, generated: true, unique: true }),
        column({ name: 'c', type: 'string', unique: true, default: '?' }),
      ];
      const made = ddl.createTable(long[0]!, columns, 'o', (name) => `uq_${name}`);
      let live = made.live!;
      const steps = [
        (t: LiveTable) => ddl.setAsideTable(t, '_saga_t'),
        (t: LiveTable) => ddl.bringBackTable(t, made.live!),
        (t: LiveTable) => ddl.renameTable(t, 'short'),
        (t: LiveTable) => ddl.renameTable(t, long[0]!),
        (t: LiveTable) => ddl.setAsideColumn(t, 'c', '_saga_c'),
        (t: LiveTable) => ddl.bringBackColumn(t, '_saga_c', made.live!, 'c'),
        (t: LiveTable) => ddl.setAsideColumn(t, long[1]!, '_saga_i'),
        (t: LiveTable) => ddl.bringBackColumn(t, '_saga_i', made.live!, long[1]!),
        (t: LiveTable) => ddl.addColumn(t, column({ name: long[2]!, type: 'json', unique: true }), 'uq_n'),
        (t: LiveTable) => ddl.renameColumn(t, long[2]!, 'n'),
        (t: LiveTable) => ddl.dropColumn(t, 'n'),
        (t: LiveTable) => ddl.alterColumn(t, 'c', column({ name: 'c', type: 'text', nullable: false }), 'uq_c'),
        (t: LiveTable) => ddl.restoreColumn(t, 'c', made.live!),
        (t: LiveTable) => ddl.alterColumn(t, long[1]!, { ...columns[0]!, type: 'bigint', unique: false }, 'uq_c'),
        (t: LiveTable) => ddl.restoreColumn(t, long[1]!, made.live!),
      ];
      await run(session, made);
      const before = await look(session, live.name);
      expect(managed(before)).toEqual(managed(live));
      for (const render of steps) {
        const rendered = render(live);
        await run(session, rendered);
        live = rendered.live!;
        expect(managed(await look(session, live.name))).toEqual(managed(live));
      }
      expect(narrow(await look(session, live.name))).toEqual(narrow(before));
      await run(session, ddl.dropTable(live));
      expect(await session.introspect(live.name)).toBeNull();
    }));

  it('lets its name and the names of its uniques be used again at once', () =>
    undone(async (session) => {
      const live = await step(session, ddl.setAsideTable(await start(session), '_saga_t1'));
      const second = await step(session, ddl.setAsideTable(await start(session), '_saga_t2'));
      await start(session);
      await step(session, ddl.setAsideColumn(await look(session, 'ours'), 'c', '_saga_c1'));
      await step(session, ddl.addColumn(await look(session, 'ours'), COLUMNS[2]!, 'ours_c_unique'));
      await step(session, ddl.setAsideColumn(await look(session, 'ours'), 'c', '_saga_c2'));
      await step(session, ddl.addColumn(await look(session, 'ours'), COLUMNS[2]!, 'ours_c_unique'));
      expect([live.name, second.name]).toEqual(['_saga_t1', '_saga_t2']);
    }));

  it('takes inserts while a column of its key is set aside, and gives the key back unless rows no longer fit', () =>
    undone(async (session) => {
      const before = await start(session);
      const full = await look(session, 'ours');
      await session.run("insert into ours values (1, 'x', 'one', '')");
      const aside = await step(session, ddl.setAsideColumn(full, 'b', '_saga_b'));
      expect(aside.primaryKey).toEqual([]);
      expect(await step(session, ddl.bringBackColumn(aside, '_saga_b', full, 'b'))).toEqual(full);
      await step(session, ddl.setAsideColumn(full, 'b', '_saga_b'));
      await session.run("insert into ours (a, c) values (2, 'two'), (2, 'three')");
      await expect(run(session, ddl.bringBackColumn(aside, '_saga_b', before, 'b'))).rejects.toMatchObject({
        code: 'rows_conflict',
      });
    }));

  it('gets respelled values back, not those that were changed meanwhile, and no trigger notices', () =>
    undone(async (session) => {
      await start(session, [
        column({ name: 'id', type: 'integer', primary_key: true }),
        column({ name: 'v', type: 'string', length: 40 }),
        column({ name: 'touched', type: 'integer', default: 0 }),
      ]);
      await session.run(`
        insert into ours (id, v) values
          (1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), (2, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
          (3, null), (4, 'D0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
        create function count_touches() returns trigger language plpgsql
          as 'begin new.touched = old.touched + 1; return new; end';
        create trigger always before update on ours for each row execute function count_touches();
        alter table ours enable always trigger always;
        create trigger only_replica before update on ours for each row execute function count_touches();
        alter table ours enable replica trigger only_replica;
        alter table ours add parent integer references ours (id) deferrable initially deferred;
        update ours set parent = 1, touched = 0`);
      await session.run(
        'set constraints all immediate; alter table ours disable trigger always; update ours set touched = ' +
          '0; alter table ours enable always trigger always',
      );
      const before = await look(session, 'ours');
      const rows = await session.query('select * from ours order by id');
      await run(session, ddl.keepValues(before, 'v', '_saga_keep'));
      const [from, to] = [column({ name: 'v', type: 'string', length: 40 }), column({ name: 'v', type: 'uuid' })];
      const live = await step(session, ddl.alterColumn(before, 'v', to, 'u'));
      await session.run('savepoint meanwhile');
      for (const changed of [false, true]) {
        if (changed)
          await session.run(
            "rollback to meanwhile; update ours set v = '00000000-0000-0000-0000-000000000000' where id = 2; " +
              "update ours set v = '11111111-0000-0000-0000-000000000000' where id = 3; update _saga_keep set v = " +
              "'junk' where k1 = 4; set constraints all immediate",
          );
        await run(session, ddl.restoreColumn(live, 'v', before));
        const update = ddl.giveBackValues(await look(session, 'ours'), 'v', '_saga_keep', from, to);
        for (const statement of [...update, ...update]) await session.run(statement);
        if (!changed) expect(await session.query('select * from ours order by id')).toEqual(rows);
        else
          expect((await session.query('select v from ours order by id')).map((r) => r['v'])).toEqual([
            rows[0]!['v'],
            '00000000-0000-0000-0000-000000000000',
            '11111111-0000-0000-0000-000000000000',
            String(rows[3]!['v']).toLowerCase(),
          ]);
        expect(await look(session, 'ours')).toEqual(before);
      }
    }));

  it('gets the respelled values of a key back too', () =>
    undone(async (session) => {
      await start(session, [
        column({ name: 'id', type: 'string', primary_key: true }),
        column({ name: 'n', type: 'integer', primary_key: true }),
      ]);
      await session.run(
        "insert into ours values ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 1), " +
          "('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 2)",
      );
      const before = await look(session, 'ours');
      const rows = await session.query('select * from ours order by n');
      await run(session, ddl.keepValues(before, 'id', '_saga_keep'));
      const [from, to] = [
        column({ name: 'id', type: 'string', primary_key: true }),
        column({ name: 'id', type: 'uuid', primary_key: true }),
      ];
      const live = await step(session, ddl.alterColumn(before, 'id', to, 'u'));
      await step(session, ddl.restoreColumn(live, 'id', before));
      for (const statement of ddl.giveBackValues(before, 'id', '_saga_keep', from, to)) await session.run(statement);
      expect(await session.query('select * from ours order by n')).toEqual(rows);
    }));

  it('says so when rows written meanwhile do not fit the former type', () =>
    undone(async (session) => {
      const before = await start(session, [column({ name: 'v', type: 'string', length: 5 })]);
      const live = await step(session, ddl.alterColumn(before, 'v', column({ name: 'v', type: 'text' }), 'u'));
      await session.run("insert into ours values ('longer than five')");
      await expect(run(session, ddl.restoreColumn(live, 'v', before))).rejects.toMatchObject({
        code: 'lossy_conversion',
      });
    }));
});

describe('an index of a table that is written to', () => {
  const outside = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    fresh.connection.exclusively({ tableId: 'built', token: 1, lockTimeoutMs: 2000, outsideTransaction: true }, work);

  it('is built beside a writer, and leaves what it was when it is dropped', async () => {
    await fresh.admin.query('drop schema public cascade; create schema public');
    await fresh.connection.claim('database-1');
    await fresh.admin.query('create table built (a integer, b integer); insert into built values (1, 1), (1, 2)');
    const before = await fresh.connection.look((session) => look(session, 'built'));
    const index = { columns: [desc('a'), asc('b')], unique: true };
    const rendered = ddl.createIndex(before, index, 'built_a', true);
    expect(rendered.outsideTransaction).toBe(true);
    // What waits for a transaction that is open waits longer than other changes may, and keeps nobody from writing.
    await fresh.admin.query('begin; insert into built values (9, 9)');
    const building = fresh.connection.exclusively(
      { tableId: 'built', token: 1, lockTimeoutMs: 50, outsideTransaction: true },
      (session) => exact(session, rendered),
    );
    await sleep(300);
    await fresh.connection.exclusively({ tableId: 'writer', token: 1, lockTimeoutMs: 50 }, (session) =>
      session.run('insert into built values (2, 2)'),
    );
    await fresh.admin.query('rollback');
    const made = await building;
    const after = await outside((session) => exact(session, ddl.dropIndex(made, 'built_a', before)));
    expect(fingerprint(after)).toBe(fingerprint(before));
  });

  it('takes the place of one that a failed build left', async () => {
    await fresh.admin.query(
      'drop table if exists built; create table built (a integer); insert into built values (1), (1)',
    );
    const before = await fresh.connection.look((session) => look(session, 'built'));
    const index = { columns: [asc('a')], unique: true };
    const failing = outside(async (session) => run(session, ddl.createIndex(before, index, 'built_a', true)));
    await expect(failing).rejects.toMatchObject({ code: 'rows_conflict' });
    const broken = await fresh.connection.look((session) => look(session, 'built'));
    expect(broken.extras.filter((e) => e.kind === 'index')).toHaveLength(1);
    await fresh.admin.query('delete from built');
    for (const hasRows of [true, false]) {
      const rendered = ddl.createIndex(broken, index, 'built_a', hasRows);
      const made = hasRows
        ? await outside((session) => exact(session, rendered))
        : await alone(fresh, (session) => exact(session, rendered));
      expect(fingerprint(made)).not.toBe(fingerprint(broken));
      await alone(fresh, (session) => exact(session, ddl.dropIndex(made, 'built_a')));
      // The first time it was the one that was left; now there is another.
      await fresh.admin.query('insert into built values (1), (1)');
      await expect(fresh.admin.query('create unique index concurrently built_a on built (a)')).rejects.toThrow();
      await fresh.admin.query('delete from built');
    }
    await alone(fresh, async (session) => run(session, ddl.dropIndex(broken, 'built_a')));
    expect(fingerprint(await fresh.connection.look((session) => look(session, 'built')))).toBe(fingerprint(before));
  });
});

class Done extends Error {}
