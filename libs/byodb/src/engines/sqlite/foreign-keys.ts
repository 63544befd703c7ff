import type { Need } from '../../ddl.js';
import { foldName } from '../../live.js';
import { pairs } from '../../pairs.js';
import type { Source } from './introspect.js';
import { clauseColumns, referenceOf, type Clause, type TableText } from './parser/parse.js';
import { sameName } from './parser/tokens.js';
import { quote } from './sql.js';

/** One foreign key of a table, wherever its text says it. */
export interface ForeignKey {
  /** As the customer knows it. */
  of: string;
  columns: string[];
  parent: string;
  /** What it refers to; empty: the parent's primary key. */
  target: string[];
}

export function isReference(clause: Clause): boolean {
  return clause.kind === 'references' || clause.kind === 'foreign key';
}

/** All foreign keys of a table, or those that a column is part of. */
export function foreignKeys(text: TableText, column: string | null = null): ForeignKey[] {
  const read = (clause: Clause, columns: string[]): ForeignKey[] => {
    const target = referenceOf(clause);
    if (target === null || (column !== null && !columns.some((c) => sameName(c, column)))) return [];
    return [
      {
        of: `foreign key ${clause.name ?? columns.join(', ')} of ${text.name}`,
        columns,
        parent: target.table,
        target: target.columns,
      },
    ];
  };
  return [
    ...text.columns.flatMap((c) =>
      c.clauses.filter((clause) => clause.kind === 'references').flatMap((clause) => read(clause, [c.name])),
    ),
    ...text.constraints
      .filter((clause) => clause.kind === 'foreign key')
      .flatMap((clause) => read(clause, clauseColumns(clause))),
  ];
}

interface Where {
  /** Quoted name of the table, or of what stands for it. */
  from: string;
  source: Source;
  /** The table's own name: a key that refers to itself is looked up in `self`, or else in `from`. */
  own: string;
  self?: string;
  /** Quoted expression of a column. */
  value?: (column: string) => string;
}

/**
 * A condition on rows: they have not the row that one of their keys refers to. Null: none of them can be asked about.
 */
export function unmatched(
  keys: ForeignKey[],
  { from, source, own, self = from, value = (column) => `${from}.${quote(column)}` }: Where,
): string | null {
  const conditions = keys.flatMap((key) => {
    const target = targetOf(key, source);
    const given = key.columns.map((c) => `${value(c)} is not null`).join(' and ');
    if (target === null) return [`(${given})`];
    if (target.length !== key.columns.length) return [];
    const parent = sameName(key.parent, own) ? self : quote(key.parent);
    // As a foreign key compares: with the affinity and the collation of what is referred to, and so without those of
    // the value.
    const match = pairs(key.columns, target)
      .map(([column, referred]) => `_saga_p.${quote(referred)} = +${value(column)}`)
      .join(' and ');
    return [`(${given} and not exists (select 1 from ${parent} as _saga_p where ${match}))`];
  });
  return conditions.length === 0 ? null : conditions.join(' or ');
}

/** Null: there is no such table. */
function targetOf(key: ForeignKey, source: Source): string[] | null {
  const parent = source.around?.parents?.[foldName(key.parent)];
  if (parent === null) return null;
  return key.target.length > 0 ? key.target : (parent ?? []);
}

/**
 * What these keys need to come back: their parents, and rows that match but for those that had not matched before
 * (`known`).
 */
export function needsOf(keys: ForeignKey[], known: string, where: Where): Need[] {
  return keys.flatMap((key): Need[] => {
    const target = targetOf(key, where.source);
    if (target === null) return [];
    const condition = unmatched([key], where);
    return [
      ...(sameName(key.parent, where.own)
        ? []
        : [{ need: 'table' as const, table: key.parent, columns: target, of: key.of }]),
      ...(condition === null
        ? []
        : [{ need: 'no_rows' as const, from: where.from, like: `${known} is null and (${condition})`, of: key.of }]),
    ];
  });
}
