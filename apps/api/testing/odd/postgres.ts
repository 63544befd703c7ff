import { PG, type Odd } from './odd.js';

/** Some of them are there on SQLite too. */
export const POSTGRES: readonly Odd[] = [
  {
    what: 'grant and comment',
    engines: PG,
    on: ['a', 'b'],
    after: (n) => [
      `grant select (a), update (b) on ${n.t} to public`,
      `comment on column ${n.t}.a is 'it''s theirs'`,
      `comment on table ${n.t} is 'theirs'`,
      `grant select on ${n.t} to public`,
    ],
  },
  {
    what: 'partial index',
    engines: ['postgres', 'sqlite'],
    on: ['a', 'b'],
    after: (n) => [`create index ${n.t}_part on ${n.t} (b) where a > 5`],
  },
  {
    what: 'partial unique index',
    engines: ['postgres', 'sqlite'],
    on: ['b', 'w'],
    after: (n) => [`create unique index ${n.t}_punq on ${n.t} (b) where w = 'x'`],
  },
  {
    what: 'expression index',
    engines: ['postgres', 'sqlite'],
    on: ['b'],
    after: (n) => [`create index ${n.t}_expr on ${n.t} (lower(b))`],
  },
  {
    what: 'policy over a',
    engines: PG,
    on: ['a'],
    after: (n) => [
      `create policy ${n.t}_pol on ${n.t} for select using (a > 0)`,
      `alter table ${n.t} enable row level security`,
    ],
  },
  {
    what: 'policy over no column',
    engines: PG,
    on: [],
    after: (n) => [
      `create policy ${n.t}_pol0 on ${n.t} using (true)`,
      `alter table ${n.t} enable row level security`,
      `alter table ${n.t} force row level security`,
    ],
  },
  {
    what: 'rule over b',
    engines: PG,
    on: ['b'],
    after: (n) => [
      `create rule ${n.t}_rule as on insert to ${n.t} do also insert into ${n.log} (t_id, words) values ` +
        '(new.id, new.b)',
    ],
  },
  {
    what: 'statistics a, c',
    engines: PG,
    on: ['a', 'c'],
    after: (n) => [`create statistics ${n.t}_stat on a, c from ${n.t}`],
  },
  {
    what: 'materialized view',
    engines: PG,
    on: ['a'],
    after: (n) => [`create materialized view ${n.t}_mv as select a from ${n.t}`],
  },
  {
    what: 'publication of a',
    engines: PG,
    on: ['id', 'a'],
    after: (n) => [`create publication ${n.t}_pub for table ${n.t} (id, a) with (publish = 'insert')`],
  },
  {
    what: 'publication of all',
    engines: PG,
    on: [],
    after: (n) => [`create publication ${n.t}_puball for table ${n.t} with (publish = 'insert')`],
  },
  {
    what: 'statistics target, storage, option',
    engines: PG,
    on: ['b'],
    after: (n) => [
      `alter table ${n.t} alter b set statistics 500`,
      `alter table ${n.t} alter b set storage external`,
      `alter table ${n.t} alter b set (n_distinct = 5)`,
      `alter table ${n.t} set (fillfactor = 70)`,
    ],
  },
  {
    what: 'exclusion',
    engines: PG,
    on: ['b'],
    after: (n) => [`alter table ${n.t} add constraint ${n.t}_excl exclude using btree (b with =)`],
  },
  {
    what: 'deferrable foreign key',
    engines: PG,
    on: ['r'],
    only: 'foreign key r',
    clause: (n) =>
      `constraint ${n.t}_r_fk foreign key (r) references ${n.p} (id) on delete cascade deferrable initially deferred`,
  },
  {
    what: 'check not valid',
    engines: PG,
    on: ['a'],
    after: (n) => [`alter table ${n.t} add constraint ${n.t}_nv check (a <> 999999) not valid`],
  },
  {
    what: 'trigger arguments',
    engines: PG,
    on: ['b'],
    after: (n) => [
      `create function ${n.t}_args() returns trigger language plpgsql as $$ begin execute format('select ` +
        `($1).%I', tg_argv[0]) using new; return new; end $$`,
      `create trigger ${n.t}_args before insert on ${n.t} for each row execute function ${n.t}_args('b')`,
    ],
  },
  {
    what: 'disabled trigger',
    engines: PG,
    on: [],
    after: (n) => [
      `create function ${n.t}_off() returns trigger language plpgsql as $$ begin raise 'never'; end $$`,
      `create trigger ${n.t}_off before insert on ${n.t} for each row execute function ${n.t}_off()`,
      `alter table ${n.t} disable trigger ${n.t}_off`,
    ],
  },
  {
    what: 'function over the row type',
    engines: PG,
    on: ['a'],
    after: (n) => [`create function ${n.t}_more(${n.t}) returns int language sql as 'select $1.a + 1'`],
  },
  {
    what: 'column of the row type elsewhere',
    engines: PG,
    on: [],
    after: (n) => [`create table ${n.t}_kept (one ${n.t})`],
  },
  {
    what: 'inherited child',
    engines: PG,
    on: [],
    isChild: true,
    after: (n) => [`create table ${n.t}_heir (own int) inherits (${n.t})`],
  },
  { what: 'replica identity full', engines: PG, on: [], after: (n) => [`alter table ${n.t} replica identity full`] },
];
