import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import { DatabaseError } from '../../errors.js';
import { fingerprint } from '../../live.js';
import { observe } from '../../observe.js';
import { applyStep, compensateStep, preparePlans, type StepKey, type Task } from '../../step.js';
import type { Column } from '../../schema.js';
import { freshDatabase, type Fresh } from './testing/fixture.js';

/** What others put around a table `T (id, n)`; `P` is another table, names that begin with T are each case's own. */
const OBJECTS: Record<string, string[]> = {
  'view': ['create view T_v as select n from T'],
  'view of a view': ['create view T_v as select n from T', 'create view T_w as select n from T_v'],
  'trigger of another table': ['create table T_o (n int)', 'create trigger T_t after insert on T_o for each row update T set n = new.n'],
  'own trigger': ['create trigger T_t before insert on T for each row set new.n = 1'],
  'own trigger that does not name the column': ['create trigger T_t before insert on T for each row set @seen = new.id'],
  'foreign key of another table': ['alter table T add unique (n)', 'create table T_c (n int, foreign key (n) references T (n))'],
  'own foreign key': ['alter table T add foreign key (n) references P (id) on delete cascade'],
  'own foreign key to itself': ['alter table T add foreign key (n) references T (id)'],
  'own check': ['alter table T add check (n > 0)'],
  'check of the column': ['alter table T modify n int check (n > 0)'],
  'generated column': ['alter table T add g int generated always as (n + 1) stored'],
  'default of another column': ['alter table T add d int default (n + 1)'],
  'own index': ['create index T_i on T (n desc, id) comment \'theirs\''],
  'own unique': ['alter table T add unique key (n) using btree'],
  'unique over two columns': ['alter table T add unique key (id, n)'],
  'primary key over two columns': ['alter table T drop primary key, add primary key (id, n)'],
  'primary key WITHOUT OVERLAPS': ['alter table T add s date not null, add e date not null, add period for p (s, e)', 'alter table T drop primary key, add primary key (n, p without overlaps)'],
  'period': ['alter table T modify n date not null, add e date not null, add period for p (n, e)'],
  'system versioning': ['alter table T add system versioning'],
  'partition by another column': ['alter table T partition by hash (id) partitions 2'],
  'partition key': ['alter table T drop primary key', 'alter table T partition by hash (n) partitions 2'],
  'default that draws from a sequence': ['create sequence T_q', 'alter table T modify n int default nextval(T_q)'],
  'procedure, function or event': ['create procedure T_p() select n from T', 'create function T_f() returns int return (select max(n) from T)', 'create event T_e on schedule every 1 year do update T set n = 1'],
};
const CHANGES: Record<string, (table: string, n: Column) => Task> = {
  'rename table': (table) => ({ do: 'rename_table', table, to: `${table}_away` }),
  'rename column': (table) => ({ do: 'rename_column', table, name: 'n', to: 'm' }),
  'drop column': (table) => ({ do: 'drop_column', table, name: 'n' }),
  'drop table': (table) => ({ do: 'drop_table', table }),
  'alter type': (table, n) => ({ do: 'alter_column', table, from: n, to: n.type === 'date' ? { ...n, type: 'timestamp' } : { ...n, type: 'bigint' } }),
};

/** The lines of the page's table with this head. */
function linesOf(head: string): string[][] {
  const page = readFileSync(new URL('../../../../../docs/engines/mysql.md', import.meta.url), 'utf8').split('\n');
  const start = page.findIndex((line) => line.startsWith(`| ${head} |`));
  const rows = page.slice(start).slice(0, page.slice(start).indexOf(''));
  return [rows[0]!, ...rows.slice(2)].map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const [[, ...changes], ...lines] = linesOf('object') as [string[], ...string[][]];
let fresh: Fresh;
let serial = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.admin('create table p (id int primary key)');
});
afterAll(async () => { await fresh.remove(); });

const key = (stepId: string): StepKey => ({ stepId, token: 1, lockTimeoutMs: 2000 });

/** Refused in prepare; carried: done, undone, and then to the letter what it was. */
async function outcomeOf(object: string, change: string): Promise<string> {
  const table = `b${serial += 1}`;
  await fresh.admin(`create table ${table} (id int primary key, n int)`);
  for (const statement of OBJECTS[object]!) await fresh.admin(statement.replaceAll(/\bT(?=_|\b)/g, table).replaceAll(/\bP\b/g, 'p'));
  const live = () => fresh.connection.look((session) => session.introspect(table));
  const found = await live();
  const columns = observe(fresh.connection.engine, found!);
  let prepared = false;
  try {
    const { plans } = await preparePlans(fresh.connection, uuid(), [CHANGES[change]!(table, columns.find((c) => c.name === 'n')!)], columns, { maxRewriteRows: 1000 });
    prepared = true;
    const steps = plans.filter(({ phase }) => phase === undefined);
    for (const { stepId, plan } of steps) await applyStep(fresh.connection, plan, key(stepId), { maxRewriteRows: 1000 });
    for (const { stepId, plan } of [...steps].reverse()) await compensateStep(fresh.connection, plan, key(stepId));
    expect(fingerprint(await live())).toBe(fingerprint(found));
    return 'carried';
  } catch (error) {
    if (!prepared && error instanceof DatabaseError && (error.code === 'dependents_exist' || error.code === 'unsupported_change') && !error.message.includes('_saga_')) return 'refused';
    throw new Error(`${object}, ${change}`, { cause: error });
  }
}

describe('what hangs on a table', () => {
  it('is on the page, all of it', () => {
    expect(changes).toEqual(Object.keys(CHANGES));
    expect(lines.map(([object]) => object)).toEqual(Object.keys(OBJECTS));
  });

  it.each(lines.map(([object, ...cells]) => [object!, cells] as const))('%s', async (object, cells) => {
    const found: string[] = [];
    for (const change of changes) found.push(await outcomeOf(object, change));
    expect(found).toEqual(cells);
  });
});
