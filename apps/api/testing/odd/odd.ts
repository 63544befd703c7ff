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
export const ALL = ENGINES;
export const PG = ['postgres'] as const;
export const MY = ['mysql'] as const;
export const LITE = ['sqlite'] as const;

export function trigger(
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
