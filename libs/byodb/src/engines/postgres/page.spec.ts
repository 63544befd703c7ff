import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHANGES, outcomeOf, pageOf } from '../../../testing/engine-page.js';
import { fingerprint } from '../../live.js';
import { column, freshDatabase, type Fresh } from './testing/fixture.js';

/** What others put around a table `T (id, n)`; `P` is another table, names that begin with T are each case's own. */
const OBJECTS: Record<string, string[]> = {
  'view': ['create view T_v as select n from T'],
  'materialized view': ['create materialized view T_m as select n from T'],
  'rule of another table': ['create table T_o (n int)', 'create rule T_r as on insert to T_o do also select n from T'],
  'foreign key of another table': ['alter table T add unique (n)', 'create table T_c (n int references T (n))'],
  'own foreign key': ['alter table T add foreign key (n) references P (id) on delete cascade'],
  'own check': ['alter table T add check (n > 0)'],
  'own index': ['create index T_i on T (n, id) where n > 0', 'create index T_j on T ((n + 1))'],
  'own unique': ['alter table T add unique (n) include (id) deferrable'],
  'statistics': ['create statistics T_s (ndistinct) on id, n from T'],
  'generated column': ['alter table T add g int generated always as (n + 1) stored'],
  'policy': ['create policy T_p on T using (n > 0)'],
  'policy of another table': ['create table T_o (n int)', 'create policy T_p on T_o using (n in (select n from T))'],
  'trigger UPDATE OF': ['create trigger T_t before update of n on T for each row execute function nothing()'],
  'trigger WHEN': ['create trigger T_t before update on T for each row when (new.n > 0) execute function nothing()'],
  'trigger argument': [`create trigger T_t before update on T for each row execute function nothing('n')`],
  'trigger body': [
    'create function T_f() returns trigger language plpgsql as $$ begin if (NEW) . N > 1 then return ' +
      'null; end if; return new; end $$',
    'create trigger T_t before update on T for each row execute function T_f()',
  ],
  'function body as text': [
    'create function T_f() returns bigint language plpgsql as $$ begin return (select sum(n) from T); end $$',
  ],
  'function body as SQL': ['create function T_f() returns bigint language sql begin atomic select sum(n) from T; end'],
  'function of the row type': ['create function T_f(T) returns int language sql as $$ select 1 $$'],
  'column of the row type': ['create table T_o (x T)'],
  'default that draws from an owned sequence': [
    'create sequence T_q owned by T.id',
    `create table T_o (n int default nextval('T_q'))`,
  ],
  'publication': ['create publication T_u for table T'],
  'publication of columns': ['create publication T_u for table T (id, n)'],
  'publication WHERE': ['create publication T_u for table T where (n > 0)'],
  'publication FOR ALL TABLES': ['create publication T_u for all tables'],
  'replica identity': [
    'alter table T alter n set not null',
    'create unique index T_i on T (n)',
    'alter table T replica identity using index T_i',
  ],
  'partition': [
    'drop table T',
    'create table T (id int primary key, n int) partition by range (id)',
    'create table T_1 partition of T for values from (0) to (9)',
  ],
  'child table': ['create table T_1 () inherits (T)'],
  'child with an index of its own': ['create table T_1 () inherits (T)', 'create index on T_1 (n)'],
  'partition key': [
    'drop table T',
    'create table T (id int, n int) partition by range (n)',
    'create table T_1 partition of T for values from (0) to (9)',
    'create index on T (id)',
  ],
  'extension': ['create extension T_e'],
  'type of the table': [
    'drop table T',
    'create type T_y as (id int, n int)',
    'create table T of T_y (primary key (id))',
  ],
};
const { changes, objects } = pageOf('postgres');
let fresh: Fresh;
let serial = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.admin.query(
    'create table p (id int primary key); create function nothing() returns trigger language plpgsql as ' +
      '$$ begin return new; end $$',
  );
});
afterAll(async () => {
  await fresh.remove();
});

/** Carried: done, undone, and then to the letter what it was. */
async function tried(object: string, change: string): Promise<string> {
  const table = `b${(serial += 1)}`;
  await fresh.admin.query(`create table ${table} (id int primary key, n int)`);
  if (object === 'extension')
    await fresh.admin.query(`create extension if not exists plpgsql; alter extension plpgsql add table ${table}`);
  else
    for (const statement of OBJECTS[object]!)
      await fresh.admin.query(statement.replaceAll(/\bT(?=_|\b)/g, table).replaceAll(/\bP\b/g, 'p'));
  const look = async (): Promise<string> =>
    fresh.connection.look(async (session) => fingerprint(await session.introspect(table)));
  const live = await fresh.connection.look((session) => session.introspect(table));
  const keyed = live!.primaryKey.length > 0;
  const unique = live!.uniques.some((one) => one.columns.join() === 'n');
  const n = column({
    name: 'n',
    type: 'integer',
    nullable: live!.columns.find((c) => c.name === 'n')!.nullable,
    unique,
  });
  const columns = [column({ name: 'id', type: 'integer', primary_key: keyed, nullable: !keyed }), n];
  try {
    const before = await look();
    const outcome = await outcomeOf(fresh.connection, CHANGES[change]!(table, n), columns);
    expect(await look()).toBe(before);
    return outcome;
  } catch (error) {
    throw new Error(`${object}, ${change}`, { cause: error });
  } finally {
    if (object === 'publication FOR ALL TABLES') await fresh.admin.query(`drop publication ${table}_u`);
    if (object === 'extension') await fresh.admin.query(`alter extension plpgsql drop table ${table}`);
  }
}

describe('what hangs on a table', () => {
  it('is on the page, all of it', () => {
    expect(changes).toEqual(Object.keys(CHANGES));
    expect(objects.map(([object]) => object)).toEqual(Object.keys(OBJECTS));
  });

  it.each(objects)('%s', async (object, cells) => {
    const found: string[] = [];
    for (const [i, cell] of cells.entries()) found.push(cell === '–' ? cell : await tried(object, changes[i]!));
    expect(found).toEqual(cells);
  });
});
