import type { Dependent, Touch } from '../../engine.js';
import { primaryKeyOf, triggerName, type SchemaRow } from './introspect.js';
import { parseIndex, parseTable, referenceOf, type Clause, type TableText } from './parse.js';
import { isSymbol, mentions, sameName, tokenize } from './tokens.js';

/** What in the whole schema hangs on a table, or on one column of it; by names in the texts, so rather one too many than one too few. */
export function dependentsOf(rows: SchemaRow[], table: string, column: string | null, change: Touch = 'remove'): Dependent[] {
  const own = rows.find((row) => row.type === 'table' && sameName(row.name, table));
  const text = own?.sql == null ? null : parseTable(own.sql);
  const found: Dependent[] = [];
  const moves = change === 'rename';
  // SQLite itself rewrites every name in views, triggers and foreign keys; another type is no concern of a view or a trigger.
  const minds = change === 'remove';
  for (const row of rows) {
    if (row.sql === null) continue;
    const isOwn = sameName(row.tbl_name, table);
    const hit = column === null ? says(row.sql, table) : says(row.sql, table) && (says(row.sql, column) || (row.type === 'view' && tokenize(row.sql).some((t) => isSymbol(t, '*'))));
    if (row.type === 'table' && parseTable(row.sql) === null && hit) found.push({ kind: 'virtual table', name: row.name });
    if (row.type === 'view' && minds && hit && !sameName(row.name, table)) found.push({ kind: 'view', name: row.name });
    if (row.type === 'trigger' && minds && !isOwn && hit) found.push({ kind: 'trigger', name: triggerName(row.sql) });
    if (row.type === 'trigger' && minds && isOwn && column !== null && says(row.sql, column)) found.push({ kind: 'trigger', name: triggerName(row.sql) });
    if (row.type === 'index' && !moves && isOwn && column !== null && leansOn(row.sql, column)) found.push({ kind: 'index', name: row.name });
    if (row.type === 'table' && !moves) found.push(...foreignKeys(row, table, column, text));
  }
  return column === null || text === null || moves ? found : [...found, ...ownClauses(text, column)];
}

function says(sql: string, name: string): boolean {
  // Any spelling counts, also one in single quotes, which SQLite takes for a name where it must be one.
  return tokenize(sql).some((t) => mentions(t, name) || (t.kind === 'string' && sameName(t.value, name)));
}

/** An expression or a WHERE: a plain index on the column follows it. */
function leansOn(sql: string, column: string): boolean {
  const index = parseIndex(sql);
  return (index.columns === null || index.partial) && says(index.body, column);
}

function clausesOf(text: TableText): Clause[] {
  return [...text.columns.flatMap((c) => c.clauses), ...text.constraints];
}

function foreignKeys(row: SchemaRow, table: string, column: string | null, parent: TableText | null): Dependent[] {
  const text = parseTable(row.sql!);
  if (text === null) return [];
  const isSelf = sameName(row.name, table);
  return clausesOf(text).flatMap((clause) => {
    const target = clause.kind === 'references' || clause.kind === 'foreign key' ? referenceOf(clause) : null;
    if (target === null || !sameName(target.table, table) || (isSelf && column === null)) return [];
    const columns = target.columns.length > 0 || parent === null ? target.columns : primaryKeyOf(parent);
    if (column !== null && !columns.some((c) => sameName(c, column))) return [];
    return [{ kind: 'foreign key', name: clause.name === null ? row.name : `${row.name}.${clause.name}` }];
  });
}

/** Checks over other columns too, and generated columns: what names the column alone goes and comes with it. */
function ownClauses(text: TableText, column: string): Dependent[] {
  const others = text.columns.filter((c) => !sameName(c.name, column)).map((c) => c.name);
  const leans = (clause: Clause): boolean => says(clause.body, column);
  const inColumns = text.columns.filter((c) => !sameName(c.name, column)).flatMap((c) => c.clauses
    .filter((clause) => (clause.kind === 'generated' || clause.kind === 'check') && leans(clause))
    .map((clause) => ({ kind: clause.kind === 'check' ? 'check' : 'generated column', name: clause.name ?? c.name })));
  const ownColumn = text.columns.find((c) => sameName(c.name, column));
  const shared = [...text.constraints, ...(ownColumn?.clauses ?? [])]
    .filter((clause) => clause.kind === 'check' && (ownColumn?.clauses.includes(clause) || leans(clause)) && others.some((name) => says(clause.body, name)))
    .map((clause) => ({ kind: 'check', name: clause.name ?? clause.body }));
  return [...inColumns, ...shared];
}
