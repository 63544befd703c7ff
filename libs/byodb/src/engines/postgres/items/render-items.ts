import { DatabaseError } from '../../../errors.js';
import { foreignKeyClause } from '../foreign-keys.js';
import { literal, optionClause, quote } from '../sql.js';
import type { Item, Source, Statistics } from './table-items.js';

/** PostgreSQL knows no unique over all partitions but one that holds the partition key. Throws `unsupported_change`. */
export function refuseUniqueApart(table: string, source: Source, columns: readonly string[]): void {
  const missing = (source.partitionKey ?? []).find((name) => name === null || !columns.includes(name));
  if (missing === undefined) return;
  throw new DatabaseError(
    'unsupported_change',
    `postgres: ${table} is partitioned${missing === null ? ' by an expression' : ` by ${missing}`}, so ` +
      `that ${columns.join(', ')} alone cannot be unique over all of its partitions`,
  );
}

/** Clauses of one ALTER TABLE, and what cannot stand in one. */
export interface Parts {
  clauses: string[];
  statements: string[];
}

export function dropParts(items: readonly Item[]): Parts {
  return {
    clauses: items.filter((item) => item.kind !== 'index').map((item) => `drop constraint ${quote(item.name)}`),
    statements: items.filter((item) => item.kind === 'index').map((item) => `drop index ${quote(item.name)}`),
  };
}

/** Makes dropped items again, with all that hung on them. Keys come first: a foreign key may need them. */
export function remakeParts(table: string, items: readonly Item[], statistics: readonly Statistics[] = []): Parts {
  const clauses = items
    .filter((item) => item.kind !== 'index')
    .map((item) => `add constraint ${quote(item.name)} ${foreignKeyClause(item, table)}`);
  const statements = items.flatMap((item) => {
    const made =
      item.kind === 'index'
        ? [`create ${item.unique ? 'unique ' : ''}index ${quote(item.name)} on ${quote(table)} ${item.definition}`]
        : [];
    if (item.options.length > 0)
      made.push(`alter index ${quote(item.name)} set (${item.options.map(optionClause).join(', ')})`);
    if (item.tablespace !== null) made.push(`alter index ${quote(item.name)} set tablespace ${quote(item.tablespace)}`);
    if (item.clustered) made.push(`alter table ${quote(table)} cluster on ${quote(item.name)}`);
    if (item.replicaIdentity) made.push(`alter table ${quote(table)} replica identity using index ${quote(item.name)}`);
    if (item.comment !== null) {
      const thing =
        item.kind === 'index' ? `index ${quote(item.name)}` : `constraint ${quote(item.name)} on ${quote(table)}`;
      made.push(`comment on ${thing} is ${literal(item.comment)}`);
    }
    return made;
  });
  const counted = statistics.map((s) => `create statistics ${quote(s.name)} ${s.definition} from ${quote(table)}`);
  return { clauses, statements: [...statements, ...counted] };
}

export function alterTable(table: string, clauses: readonly string[]): string[] {
  return clauses.length === 0 ? [] : [`alter table ${quote(table)} ${clauses.join(', ')}`];
}

/**
 * What would make an insert fail that leaves the column out, once its value is NULL there, or act on rows elsewhere; an
 * index's expression may fail on NULL. A generated key still numbers itself.
 */
export function affectsInserts(item: Item, column: string, generated: boolean): boolean {
  return (
    (item.bitesNull || item.kind === 'foreign key' || (item.kind === 'index' && item.expression)) &&
    item.mentions.includes(column) &&
    !(item.kind === 'primary key' && generated)
  );
}
