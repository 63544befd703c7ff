import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { v7 as uuid } from 'uuid';
import { asideName } from '../../operation.js';
import { observe } from '../../observe.js';
import { preparePlans, type Planned } from '../../prepare.js';
import { preparePurge } from '../../prepare-purge.js';
import type { Task } from '../../operations/index.js';
import { applyStep, compensateStep, finalizeStep, type StepKey } from '../../step.js';
import { literal, quote, whole } from './sql.js';
import { postgres } from './index.js';
import { freshDatabase, type Fresh } from './testing/fixture.js';

/** Nothing that is read from a database is ever run: SQL stands in every place of the catalog, and a canary holds. */
let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.admin.query(`create table canary (n int); insert into canary values (42);
    create function nothing() returns trigger language plpgsql as $$ begin return new; end $$`);
});
afterAll(async () => {
  await fresh.remove();
});

const DO = ['drop table canary', 'delete from canary', 'update canary set n = 0', 'create table hatched (n int)'];
const OUT = [
  "'; ",
  '"; ',
  '); ',
  '")); ',
  '$$; ',
  '*/ ',
  "\\'; ",
  "'::text); ",
  '; commit; ',
  'x" int); ',
  '%I %s $1 ? ',
  '',
];
const evil = fc
  .tuple(
    fc.constantFrom(...OUT),
    fc.constantFrom(...DO),
    fc.constantFrom(' --', '; --', ' /*', ';', ''),
    fc.nat({ max: 99 }),
  )
  .map(([out, what, end, n]) => `${n}${out}${what}${end}`);
const LIMITS = { maxRewriteRows: 1000 };
const key = (stepId: string): StepKey => ({ stepId, token: 1, lockTimeoutMs: 2000 });

async function carryOut(plans: Planned[]): Promise<void> {
  for (const { stepId, plan } of plans.filter(({ phase }) => phase === undefined))
    await applyStep(fresh.connection, plan, key(stepId), LIMITS);
  for (const { stepId, plan } of plans.filter(({ phase }) => phase !== undefined))
    await finalizeStep(fresh.connection, plan, key(stepId));
}

/** Names and texts of one case. */
interface Hostile {
  table: string;
  column: string;
  name(i: number): string;
  /** As a literal. */
  word(i: number): string;
}

/** Names end in a number of their own, within 63 bytes. */
function hostile(texts: string[], id: string): Hostile {
  const name = (i: number): string => `${texts[i % texts.length]!.slice(0, 40)}#${id}.${i}`;
  return { table: name(0), column: name(1), name, word: (i) => literal(texts[i % texts.length]!) };
}

/** A table with everything that has a name or a text of its own, and two rows. */
async function makeTable({ table, column, name, word }: Hostile): Promise<void> {
  const [t, c] = [quote(table), quote(column)];
  await fresh.admin.query(`
    create type ${quote(name(2))} as enum (${word(2)});
    create domain ${quote(name(3))} as text default ${word(3)} check (value <> ${word(4)});
    create collation ${quote(name(4))} from "C";
    create sequence ${quote(name(5))};
    create table ${t} (
      id int primary key,
      ${c} text collate ${quote(name(4))} default ${word(5)} not null check (${c} <> ${word(6)}),
      ${quote(name(6))} ${quote(name(2))} default ${word(2)},
      ${quote(name(7))} ${quote(name(3))},
      n int default nextval(${literal(quote(name(5)))}),
      plain varchar(200) default ${word(7)}
    );
    comment on table ${t} is ${word(1)};
    comment on column ${t}.${c} is ${word(2)};
    create index ${quote(name(8))} on ${t} (lower(${c} || ${word(3)})) where ${c} <> ${word(4)};
    comment on index ${quote(name(8))} is ${word(5)};
    alter table ${t} add constraint ${quote(name(9))} unique (${c});
    create statistics ${quote(name(10))} (ndistinct) on ${c}, n from ${t};
    create trigger ${quote(name(11))} before update on ${t} for each row execute function nothing(${word(6)});
    create policy ${quote(name(12))} on ${t} using (plain <> ${word(7)});
    create table ${quote(name(13))} (k text) partition by list (k);
    create table ${quote(name(14))} partition of ${quote(name(13))} for values in (${word(1)});
    insert into ${t} (id, ${c}) values (1, 'a'), (2, ${word(0)} || 'x')`);
}

it('SQL in names, texts, types, bounds and expressions of a catalog is carried along and never run', async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(evil, { minLength: 8, maxLength: 8 }), async (texts) => {
      const names = hostile(texts, String((n += 1)));
      const { table, column, name } = names;
      const t = quote(table);
      await makeTable(names);
      await fresh.admin.query(`drop policy ${quote(name(12))} on ${t}`);
      const tableId = uuid();
      const live = async (called: string): Promise<ReturnType<typeof observe>> =>
        fresh.connection.look(async (session) => observe(postgres, (await session.introspect(called))!));
      const plan = async (task: Task, called = table): Promise<Planned[]> =>
        (await preparePlans(fresh.connection, tableId, [task], { columns: await live(called), indexes: [] }, LIMITS))
          .plans;
      const there = async (): Promise<unknown> => (await fresh.admin.query(`select * from ${t} order by id`)).rows;
      const before = await there();
      const plainly = (await live(table)).find((one) => one.name === 'plain')!;
      const tasks: Task[] = [
        { do: 'rename_table', table, to: name(15) },
        { do: 'rename_column', table, name: column, to: name(16) },
        { do: 'drop_table', table },
        {
          do: 'alter_column',
          table,
          from: plainly,
          to: { ...plainly, type: 'text', length: null, default: texts[0]! },
        },
      ];
      for (const task of tasks) {
        const plans = await plan(task);
        await carryOut(plans);
        for (const one of [...plans].reverse()) await compensateStep(fresh.connection, one.plan, key(one.stepId));
        expect(await there()).toEqual(before);
      }
      for (const dropped of [column, name(6), name(7)]) {
        const was = await live(table);
        const plans = await plan({ do: 'drop_column', table, name: dropped });
        await carryOut(plans);
        const aside = asideName(plans[0]!.stepId);
        await carryOut(
          await plan({
            do: 'restore_column',
            table,
            aside,
            column: was.find((one) => one.name === dropped)!,
            former: plans[0]!.plan.was!,
            after: 'id',
          }),
        );
        for (const one of (await preparePurge(fresh.connection, tableId, [{ aside, table }])).plans)
          await finalizeStep(fresh.connection, one.plan, key(one.stepId));
        expect(await there()).toEqual(before);
      }
      expect((await fresh.admin.query("select n, to_regclass('hatched') as h from canary")).rows).toEqual([
        { n: 42, h: null },
      ]);
    }),
    { numRuns: 8, seed: 9 },
  );
});

it('what is not one whole is not put into a statement', () => {
  for (const text of ['1; drop table canary', '1) --', 'x /* y', "'a", '"a', '(1', '1]', "'a'; select 'b'"])
    expect(() => whole(text)).toThrow('not one whole');
  for (const text of [
    "'a;b--'::text",
    '("x;y" > (1)::numeric)',
    "E'a\\';'",
    "CHECK ((a[1] <> '/*'))",
    'numeric(10,2)',
    "(a -> 'b'::text)",
  ])
    expect(whole(text)).toBe(text);
});
