import type { ColumnName, EngineName, Names } from './odd.js';
import type { Scenario } from './scenario.js';

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
