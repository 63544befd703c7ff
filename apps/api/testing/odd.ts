import fc from 'fast-check';

export type EngineName = 'postgres' | 'mysql' | 'sqlite';
export const ENGINES = ['postgres', 'mysql', 'sqlite'] as const;

/**
 * The tables of one case: the managed one, one that it refers to, one that refers to it, and one that triggers write
 * to.
 */
export interface Names {
  t: string;
  p: string;
  ch: string;
  log: string;
}
export function namesOf(base: string): Names {
  return { t: `${base}_t`, p: `${base}_p`, ch: `${base}_ch`, log: `${base}_log` };
}

/** Columns of the managed table beside its key; `x` has a type that one engine alone knows. */
export type ColumnName = 'id' | 'a' | 'b' | 'c' | 'r' | 'w' | 'x' | 'g';

/**
 * What a customer may put on or around a table. `clause` stands in its CREATE TABLE, `after` are statements behind it.
 */
export interface Odd {
  what: string;
  engines: readonly EngineName[];
  /** Columns of the managed table without which it would not be there. */
  on: readonly ColumnName[];
  clause?: (n: Names, engine: EngineName) => string;
  after?: (n: Names, engine: EngineName) => string[];
  /** Of one such group a table has at most one. */
  only?: string;
  /** It is a table beside this one that refers to it. */
  isChild?: true;
}

/** A type that one engine alone knows: as it is declared, a value of it, and what must be there before. */
export interface OwnType {
  what: string;
  engine: EngineName;
  declared: (n: Names) => string;
  /** An SQL literal, another one for each `i`. */
  value: (i: number) => string;
  first?: (n: Names) => string[];
  after?: (n: Names) => string[];
}

const ALL = ENGINES;
const PG = ['postgres'] as const;
const MY = ['mysql'] as const;
const LITE = ['sqlite'] as const;
const ACTIONS = ['no action', 'restrict', 'cascade', 'set null'] as const;

function trigger(
  name: string,
  when: string,
  table: string,
  body: string,
  engine: EngineName,
  condition = '',
): string[] {
  if (engine === 'mysql') return [`create trigger ${name} ${when} on ${table} for each row begin ${body}; end`];
  if (engine === 'sqlite')
    return [
      `create trigger ${name} ${when} on ${table}${condition === '' ? '' : ` when ${condition}`} begin ${body}; end`,
    ];
  return [
    `create function ${name}_f() returns trigger language plpgsql as $$ begin ${body}; return new; end $$`,
    `create trigger ${name} ${when} on ${table} for each ` +
      `row${condition === '' ? '' : ` when (${condition})`} execute function ${name}_f()`,
  ];
}

const foreignKeys: Odd[] = ACTIONS.flatMap((del) =>
  ACTIONS.map((upd): Odd => ({
    what: `foreign key r -> parent, on delete ${del}, on update ${upd}`,
    engines: ALL,
    on: ['r'],
    only: 'foreign key r',
    clause: (n) => `constraint ${n.t}_r_fk foreign key (r) references ${n.p} (id) on delete ${del} on update ${upd}`,
  })),
);

const children: Odd[] = ACTIONS.map((del): Odd => ({
  what: `foreign key of another table -> id, on delete ${del}`,
  engines: ALL,
  on: ['id'],
  only: 'child',
  isChild: true,
  after: (n) => [
    `alter table ${n.ch} add constraint ${n.ch}_fk foreign key (t_id) references ${n.t} (id) on delete ${del}`,
  ],
}));

export const ODDS: readonly Odd[] = [
  ...foreignKeys,
  ...children,
  {
    what: 'foreign key c -> id of the same table',
    engines: ALL,
    on: ['c', 'id'],
    clause: (n) => `constraint ${n.t}_c_fk foreign key (c) references ${n.t} (id) on delete set null`,
  },
  { what: 'unique b', engines: ALL, on: ['b'], clause: (n) => `constraint ${n.t}_b_key unique (b)` },
  { what: 'unique a, b', engines: ALL, on: ['a', 'b'], clause: (n) => `constraint ${n.t}_ab_key unique (a, b)` },
  { what: 'index a', engines: ALL, on: ['a'], after: (n) => [`create index ${n.t}_a on ${n.t} (a)`] },
  {
    what: 'index b desc, a',
    engines: ALL,
    on: ['a', 'b'],
    after: (n) => [`create index ${n.t}_ba on ${n.t} (b desc, a)`],
  },
  { what: 'check a', engines: ALL, on: ['a'], clause: (n) => `constraint ${n.t}_a_ok check (a > 0)` },
  {
    what: 'check a, c',
    engines: ALL,
    on: ['a', 'c'],
    clause: (n) => `constraint ${n.t}_ac_ok check (c is null or c < a + 100000)`,
  },
  { what: 'unnamed check c', engines: ALL, on: ['c'], clause: () => 'check (c > 0)' },
  {
    what: 'view over b',
    engines: ALL,
    on: ['b'],
    after: (n) => [`create view ${n.t}_vb as select id, b from ${n.t} where id > 0`],
  },
  {
    what: 'view over a alone',
    engines: ALL,
    on: ['a'],
    after: (n) => [`create view ${n.t}_va as select a + 1 as more from ${n.t}`],
  },
  {
    what: 'trigger: w from b',
    engines: ALL,
    on: ['b', 'w'],
    only: 'trigger w',
    after: (n, e) =>
      trigger(
        `${n.t}_w`,
        e === 'sqlite' ? 'after insert' : 'before insert',
        n.t,
        e === 'sqlite'
          ? `update ${n.t} set w = 'by trigger ' || new.b where id = new.id`
          : e === 'mysql'
            ? `set new.w = concat('by trigger ', new.b)`
            : `new.w := 'by trigger ' || new.b`,
        e,
      ),
  },
  {
    what: 'trigger: a logged',
    engines: ALL,
    on: ['a'],
    after: (n, e) =>
      trigger(`${n.t}_log`, 'after insert', n.t, `insert into ${n.log} (t_id, words) values (new.id, new.a)`, e),
  },
  {
    what: 'trigger: every update logged',
    engines: ALL,
    on: [],
    after: (n, e) =>
      trigger(`${n.t}_upd`, 'after update', n.t, `insert into ${n.log} (t_id, words) values (new.id, 'updated')`, e),
  },
  {
    what: 'trigger: every delete logged',
    engines: ALL,
    on: [],
    after: (n, e) =>
      trigger(`${n.t}_del`, 'after delete', n.t, `insert into ${n.log} (t_id, words) values (old.id, 'deleted')`, e),
  },
  {
    what: 'trigger of update of c',
    engines: ['postgres', 'sqlite'],
    on: ['c'],
    after: (n, e) =>
      trigger(`${n.t}_uc`, 'after update of c', n.t, `insert into ${n.log} (t_id, words) values (new.id, 'c')`, e),
  },
  {
    what: 'trigger when a',
    engines: ['postgres', 'sqlite'],
    on: ['a'],
    after: (n, e) =>
      trigger(
        `${n.t}_wa`,
        'after insert',
        n.t,
        `insert into ${n.log} (t_id, words) values (new.id, 'when')`,
        e,
        'new.a > 1',
      ),
  },
  {
    what: 'trigger of the parent: writes c',
    engines: ALL,
    on: ['c'],
    after: (n, e) => trigger(`${n.p}_c`, 'after insert', n.p, `update ${n.t} set c = 1 where id = new.id`, e),
  },
  { what: 'generated g = a * 2, stored', engines: ALL, on: ['a', 'g'], only: 'g', clause: () => '' },
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
  { what: 'prefix index', engines: MY, on: ['b'], after: (n) => [`create index ${n.t}_pre on ${n.t} (b(10))`] },
  {
    what: 'index with a comment',
    engines: MY,
    on: ['a'],
    after: (n) => [`create index ${n.t}_com on ${n.t} (a) using btree comment 'it''s theirs'`],
  },
  { what: 'full text', engines: MY, on: ['b'], after: (n) => [`create fulltext index ${n.t}_ft on ${n.t} (b)`] },
  { what: 'ignored index', engines: MY, on: ['c'], after: (n) => [`create index ${n.t}_ign on ${n.t} (c) ignored`] },
  {
    what: 'comments',
    engines: MY,
    on: ['w'],
    after: (n) => [`alter table ${n.t} modify w varchar(50) comment 'it''s theirs', comment = 'the \\\\ table'`],
  },
  { what: 'virtual column with an index', engines: MY, on: ['b', 'g'], only: 'g', clause: () => '' },
  {
    what: 'event',
    engines: MY,
    on: ['c'],
    after: (n) => [
      `create event ${n.t}_ev on schedule every 1 year starts '2099-01-01' do update ${n.t} set c = 1 where id = 0`,
    ],
  },
  {
    what: 'system versioning',
    engines: MY,
    on: [],
    only: 'system versioning',
    after: (n) => [`alter table ${n.t} add system versioning`],
  },
  {
    what: 'full text search',
    engines: LITE,
    on: ['b', 'id'],
    after: (n) => [`create virtual table ${n.t}_fts using fts5(b, content='${n.t}', content_rowid='id')`],
  },
  {
    what: 'view with instead of',
    engines: LITE,
    on: ['a'],
    after: (n) => [
      `create view ${n.t}_vi as select id, a from ${n.t}`,
      `create trigger ${n.t}_ii instead of insert on ${n.t}_vi begin insert into ${n.t} (id, a) values ` +
        '(new.id, new.a); end',
    ],
  },
  {
    what: 'index collate nocase',
    engines: LITE,
    on: ['b'],
    after: (n) => [`create index ${n.t}_nc on ${n.t} (b collate nocase)`],
  },
  {
    what: 'check and comments in the text',
    engines: LITE,
    on: ['a'],
    clause: (n) => `/* a, b */ constraint "${n.t} odd" check (a is not 'x, (y' -- no\n and a <> -1)`,
  },
];

/** Beside the columns that every table has. */
export const OWN_TYPES: readonly OwnType[] = [
  {
    what: 'domain',
    engine: 'postgres',
    first: (n) => [`create domain ${n.t}_dom as int not null default 3 check (value > 0)`],
    declared: (n) => `${n.t}_dom`,
    value: (i) => String(i),
  },
  { what: 'serial', engine: 'postgres', declared: () => 'serial', value: (i) => String(i) },
  {
    what: 'serial, used by another table',
    engine: 'postgres',
    declared: () => 'serial',
    value: (i) => String(i),
    after: (n) => [`create table ${n.t}_user (id int default nextval('${n.t}_x_seq'))`],
  },
  {
    what: 'identity',
    engine: 'postgres',
    declared: () => 'int generated by default as identity (start with 50)',
    value: (i) => String(i),
  },
  {
    what: 'default that raises',
    engine: 'postgres',
    first: (n) => [`create function ${n.t}_boom() returns int language plpgsql as $$ begin raise 'boom'; end $$`],
    declared: (n) => `int default ${n.t}_boom()`,
    value: (i) => String(i),
  },
  {
    what: 'enum',
    engine: 'postgres',
    first: (n) => [`create type ${n.t}_mood as enum ('sad', 'it''s ok')`],
    declared: (n) => `${n.t}_mood not null default 'sad'`,
    value: (i) => (i % 2 === 0 ? `'sad'` : `'it''s ok'`),
  },
  { what: 'array', engine: 'postgres', declared: () => `text[] default '{x}'`, value: (i) => `'{${i},"a b"}'` },
  {
    what: 'collated',
    engine: 'postgres',
    declared: () => `varchar collate "C" not null default 'x'`,
    value: (i) => `'v${i}'`,
  },
  {
    what: 'point with a spatial key',
    engine: 'mysql',
    declared: () => 'point not null',
    value: (i) => `point(${i}, 2)`,
    after: (n) => [`create spatial index ${n.t}_sp on ${n.t} (x)`],
  },
  {
    what: 'on update',
    engine: 'mysql',
    declared: () => 'timestamp not null default current_timestamp on update current_timestamp',
    value: (i) => `'2021-01-01 00:00:${String(i % 60).padStart(2, '0')}'`,
  },
  {
    what: 'zero date',
    engine: 'mysql',
    declared: () => `datetime not null default '0000-00-00 00:00:00'`,
    value: (i) => `'2021-01-01 00:00:${String(i % 60).padStart(2, '0')}'`,
  },
  {
    what: 'enum',
    engine: 'mysql',
    declared: () => `enum('a','B''') character set latin1 not null default 'a'`,
    value: (i) => (i % 2 === 0 ? `'a'` : `'B'''`),
  },
  {
    what: 'unsigned zerofill',
    engine: 'mysql',
    declared: () => 'int(5) unsigned zerofill default 7',
    value: (i) => String(i),
  },
  {
    what: 'char(36) latin1',
    engine: 'mysql',
    declared: () => 'char(36) character set latin1',
    value: (i) => `'v${i}'`,
  },
  { what: 'invisible', engine: 'mysql', declared: () => 'int invisible default 3', value: (i) => String(i) },
  {
    what: 'sequence',
    engine: 'mysql',
    first: (n) => [`create sequence ${n.t}_seq`],
    declared: (n) => `int default nextval(${n.t}_seq)`,
    value: (i) => String(i),
  },
  {
    what: 'expression default',
    engine: 'mysql',
    declared: () => `varchar(60) default (concat('d', uuid()))`,
    value: (i) => `'v${i}'`,
  },
  { what: 'NVARCHAR', engine: 'sqlite', declared: () => `NVARCHAR(160) not null default 'x'`, value: (i) => `'v${i}'` },
  { what: 'collate nocase', engine: 'sqlite', declared: () => 'text collate nocase unique', value: (i) => `'v${i}'` },
  { what: 'no type', engine: 'sqlite', declared: () => 'default (1 + 1)', value: (i) => String(i) },
  { what: 'MEDIUMINT', engine: 'sqlite', declared: () => 'MEDIUMINT(8) default 3', value: (i) => String(i) },
  {
    what: 'words in the type',
    engine: 'sqlite',
    declared: () => 'UNSIGNED BIG INT not null default 5 check (x <> 17.5)',
    value: (i) => String(i),
  },
];

export type KeyShape = 'id' | 'id, a' | 'none';
export interface Scenario {
  engine: EngineName;
  key: KeyShape;
  odds: readonly Odd[];
  own: OwnType | null;
  kind: string;
}

const COLUMNS: Record<string, Record<EngineName, string>> = {
  id: { postgres: 'int not null', mysql: 'int not null', sqlite: 'integer not null' },
  a: { postgres: 'int not null default 1', mysql: 'int not null default 1', sqlite: 'integer not null default 1' },
  b: { postgres: 'varchar(50)', mysql: 'varchar(50)', sqlite: 'varchar(50)' },
  c: { postgres: 'int', mysql: 'int', sqlite: 'integer' },
  r: { postgres: 'int', mysql: 'int', sqlite: 'integer' },
  w: { postgres: 'varchar(50)', mysql: 'varchar(50)', sqlite: 'varchar(50)' },
};

/** Names of its columns, in their order. */
export function columnsOf({ odds, own }: Pick<Scenario, 'odds' | 'own'>): ColumnName[] {
  return [
    'id',
    'a',
    'b',
    'c',
    'r',
    'w',
    ...(own === null ? [] : ['x' as const]),
    ...(odds.some((o) => o.on.includes('g')) ? ['g' as const] : []),
  ];
}

/** The managed table as its owner's script makes it: without the columns `less`, and without what hangs on them. */
export function scriptOf(
  scenario: Scenario,
  n: Names,
  less: readonly string[] = [],
): { before: string[]; table: string[]; after: string[] } {
  const { engine, key, own, kind } = scenario;
  const odds = scenario.odds.filter((o) => !o.on.some((c) => less.includes(c)));
  const without = (c: string): boolean => less.includes(c);
  const lines = Object.entries(COLUMNS)
    .filter(([c]) => !without(c))
    .map(
      ([c, declared]) =>
        `${c} ${kind === 'strict' ? declared[engine].replace('varchar(50)', 'text') : declared[engine]}`,
    );
  if (own !== null && !without('x')) lines.push(`x ${own.declared(n)}`);
  const computed = odds.find((o) => o.on.includes('g'));
  if (computed !== undefined)
    lines.push(
      computed.what.startsWith('virtual')
        ? "g varchar(60) generated always as (concat(b, '!')) virtual"
        : 'g int generated always as (a * 2) stored',
    );
  if (key !== 'none' && !key.split(', ').some(without)) lines.push(`constraint ${n.t}_pkey primary key (${key})`);
  // The rest of a key is none, but what referred to it needs one.
  const clauses = odds.flatMap((o) => o.clause?.(n, engine) ?? []).filter((c) => c !== '');
  const end = kind === 'strict' ? ' strict' : kind === 'without rowid' ? ' without rowid' : '';
  const after = odds.flatMap((o) => (engine === 'sqlite' && o.isChild === true ? [] : (o.after?.(n, engine) ?? [])));
  if (computed?.what.startsWith('virtual') === true) after.push(`create index ${n.t}_g on ${n.t} (g)`);
  return {
    before: without('x') ? [] : (own?.first?.(n) ?? []),
    table: [`create table ${n.t} (${[...lines, ...clauses].join(', ')})${end}`],
    after: [...after, ...(without('x') ? [] : (own?.after?.(n) ?? []))],
  };
}

/** The tables beside it. On SQLite a foreign key stands in its table's text. */
export function neighbours({ engine, odds }: Scenario, n: Names): string[] {
  const child = odds.find((o) => o.only === 'child');
  const action = child === undefined ? null : child.what.split('on delete ')[1]!;
  const reference =
    engine === 'sqlite' && action !== null ? ` constraint ${n.ch}_fk references ${n.t} (id) on delete ${action}` : '';
  return [
    `create table ${n.p} (id int primary key, name varchar(20))`,
    `create table ${n.log} (t_id int, words varchar(80))`,
    `create table ${n.ch} (id int primary key, t_id int${reference})`,
  ];
}

/** What `odds` says may stand together: at most one of a group, and nothing that the engine refuses by itself. */
export function together(
  engine: EngineName,
  key: KeyShape,
  kind: string,
  odds: readonly Odd[],
  own: OwnType | null,
): Odd[] {
  const taken = new Set<string>();
  return odds
    .filter((o) => {
      if (!o.engines.includes(engine)) return false;
      if (o.only !== undefined && taken.has(o.only)) return false;
      // A key of several columns cannot be referred to by one of them.
      if (
        key !== 'id' &&
        (o.only === 'child' || (o.on.includes('id') && o.on.includes('c')) || o.what === 'full text search')
      )
        return false;
      if (kind === 'without rowid' && o.what === 'full text search') return false;
      // InnoDB has no spatial key on a versioned table, and no such history of a generated column's index.
      if (
        o.what === 'system versioning' &&
        (own?.what === 'point with a spatial key' ||
          odds.some((other) => other.on.includes('g') || other.what === 'full text'))
      )
        return false;
      if (o.only !== undefined) taken.add(o.only);
      return true;
    })
    .filter((o, i, all) => all.findIndex((other) => other.what === o.what) === i);
}

/** Any table of the engine with up to `most` odd things around it. */
export function scenarios(engine: EngineName, most: number): fc.Arbitrary<Scenario> {
  const here = ODDS.filter((o) => o.engines.includes(engine));
  // Sixteen foreign keys would crowd out the rest.
  const groups = [...new Set(here.map((o) => o.only ?? o.what))].map((group) =>
    here.filter((o) => (o.only ?? o.what) === group),
  );
  const odd = fc.constantFrom(...groups).chain((group) => fc.constantFrom(...group));
  const own = fc.option(fc.constantFrom(...OWN_TYPES.filter((o) => o.engine === engine)), { nil: null });
  const kind = engine === 'sqlite' ? fc.constantFrom('', '', '', 'without rowid', 'strict') : fc.constant('');
  return fc
    .record({
      key: fc.constantFrom<KeyShape>('id', 'id', 'id', 'id, a', 'none'),
      kind,
      odds: fc.array(odd, { maxLength: most }),
      own,
    })
    .map(({ key, kind: wanted, odds, own: type }): Scenario => {
      const plain = key === 'none' && wanted === 'without rowid' ? '' : wanted;
      const x = plain === 'strict' ? null : type;
      return { engine, key, kind: plain, own: x, odds: together(engine, key, plain, odds, x) };
    });
}

/** SQL literals for one row; `i` is its id. */
export function rowOf(scenario: Scenario, i: number, parent: number | null): Record<string, string> {
  return {
    id: String(i),
    a: String(1 + i),
    b: `'b${i}'`,
    c: i % 3 === 0 ? String(1 + (i % 2)) : 'null',
    r: parent === null ? 'null' : String(parent),
    w: `'w${i}'`,
    ...(scenario.own === null ? {} : { x: scenario.own.value(i) }),
  };
}

export function tell(scenario: Scenario): string {
  const { engine, key, kind, odds, own } = scenario;
  return (
    `${engine}${kind === '' ? '' : ` ${kind}`}, key ${key}${own === null ? '' : `, x ${own.what}`}: ` +
    `${odds.map((o) => o.what).join('; ') || 'nothing odd'}`
  );
}
