import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHANGES, outcomeOf, pageOf } from '../../../testing/engine-page.js';
import { fingerprint, type LiveTable } from '../../live.js';
import { observe } from '../../observe.js';
import { freshDatabase, type Fresh } from './testing/fixture.js';

/** What others put around a table `T (id, n)`; `P` is another table, names that begin with T are each case's own. */
const OBJECTS: Record<string, string[]> = {
  'view': ['create view T_v as select n from T'],
  'view of a view': ['create view T_v as select n from T', 'create view T_w as select n from T_v'],
  'trigger of another table': [
    'create table T_o (n int)',
    'create trigger T_t after insert on T_o for each row update T set n = new.n',
  ],
  'own trigger': ['create trigger T_t before insert on T for each row set new.n = 1'],
  'own trigger that does not name the column': [
    'create trigger T_t before insert on T for each row set @seen = new.id',
  ],
  'foreign key of another table': [
    'alter table T add unique (n)',
    'create table T_c (n int, foreign key (n) references T (n))',
  ],
  'own foreign key': ['alter table T add foreign key (n) references P (id) on delete cascade'],
  'own foreign key to itself': ['alter table T add foreign key (n) references T (id)'],
  'own check': ['alter table T add check (n > 0)'],
  'check of the column': ['alter table T modify n int check (n > 0)'],
  'generated column': ['alter table T add g int generated always as (n + 1) stored'],
  'default of another column': ['alter table T add d int default (n + 1)'],
  'own index': ["create index T_i on T (n desc, id) comment 'theirs'"],
  'own unique': ['alter table T add unique key (n) using btree'],
  'unique over two columns': ['alter table T add unique key (id, n)'],
  'primary key over two columns': ['alter table T drop primary key, add primary key (id, n)'],
  'primary key WITHOUT OVERLAPS': [
    'alter table T add s date not null, add e date not null, add period for p (s, e)',
    'alter table T drop primary key, add primary key (n, p without overlaps)',
  ],
  'period': ['alter table T modify n date not null, add e date not null, add period for p (n, e)'],
  'system versioning': ['alter table T add system versioning'],
  'partition by another column': ['alter table T partition by hash (id) partitions 2'],
  'partition key': ['alter table T drop primary key', 'alter table T partition by hash (n) partitions 2'],
  'default that draws from a sequence': ['create sequence T_q', 'alter table T modify n int default nextval(T_q)'],
  'procedure, function or event': [
    'create procedure T_p() select n from T',
    'create function T_f() returns int return (select max(n) from T)',
    'create event T_e on schedule every 1 year do update T set n = 1',
  ],
};
const { changes, objects } = pageOf('mysql');
let fresh: Fresh;
let serial = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.admin('create table p (id int primary key)');
});
afterAll(async () => {
  await fresh.remove();
});

/** Carried: done, undone, and then to the letter what it was. */
async function tried(object: string, change: string): Promise<string> {
  const table = `b${(serial += 1)}`;
  await fresh.admin(`create table ${table} (id int primary key, n int)`);
  for (const statement of OBJECTS[object]!)
    await fresh.admin(statement.replaceAll(/\bT(?=_|\b)/g, table).replaceAll(/\bP\b/g, 'p'));
  const live = (): Promise<LiveTable | null> => fresh.connection.look((session) => session.introspect(table));
  const found = await live();
  const columns = observe(fresh.connection.engine, found!);
  const task = CHANGES[change]!(
    table,
    columns.find((c) => c.name === 'n')!,
  );
  const outcome = await outcomeOf(fresh.connection, task, columns).catch((error: unknown) => {
    throw new Error(`${object}, ${change}`, { cause: error });
  });
  if (outcome === 'carried') expect(fingerprint(await live())).toBe(fingerprint(found));
  return outcome;
}

describe('what hangs on a table', () => {
  it('is on the page, all of it', () => {
    expect(changes).toEqual(Object.keys(CHANGES));
    expect(objects.map(([object]) => object)).toEqual(Object.keys(OBJECTS));
  });

  it.each(objects)('%s', async (object, cells) => {
    const found: string[] = [];
    for (const change of changes) found.push(await tried(object, change));
    expect(found).toEqual(cells);
  });
});
