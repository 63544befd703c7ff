import type { LiveTable } from '../../live.js';
import type { Rendered } from '../../engine.js';
import { renderTable } from './edit.js';
import { isRowid, readSource, sourceOf, textOf, withoutRowid, type Source } from './introspect.js';
import type { TableText } from './parse.js';
import { isWord, literal, quote, replaceTokens, sameName, tokenize } from './tokens.js';

const NEW = '_saga_new';

/**
 * The table made anew with another text and its rows copied (https://www.sqlite.org/lang_altertable.html, "Making Other Kinds
 * Of Table Schema Changes"). `values` gives the expression for a column whose values are not simply copied, null for one
 * that the old table does not have.
 */
export function rebuild(live: LiveTable, text: TableText, indexes: string[], values: Record<string, string | null> = {}): Rendered {
  const before = textOf(live);
  const { triggers } = sourceOf(live);
  const copied = text.columns.filter((c) => values[c.name] !== null && !c.clauses.some((clause) => clause.kind === 'generated'));
  const into = copied.map((c) => quote(c.name));
  const from = copied.map((c) => values[c.name] ?? quote(c.name));
  const rowid = sharedRowid(before, text);
  if (rowid !== null) {
    into.unshift(rowid);
    from.unshift(rowid);
  }
  const name = live.name;
  const statements = [
    renderTable(text, NEW),
    ...(into.length === 0 ? [] : [`insert into ${quote(NEW)} (${into.join(', ')}) select ${from.join(', ')} from ${quote(name)}`]),
    ...(countsUp(before) && countsUp(text) ? [
      // Else numbers of deleted rows would be given out again.
      `delete from sqlite_sequence where name = ${literal(NEW)}`,
      `insert into sqlite_sequence (name, seq) select ${literal(NEW)}, seq from sqlite_sequence where name = ${literal(name)}`,
    ] : []),
    `drop table ${quote(name)}`,
    // Else the rename would rewrite the foreign keys, triggers and views of others that name the table, or fail on a view of it.
    'pragma legacy_alter_table = on',
    `alter table ${quote(NEW)} rename to ${quote(name)}`,
    'pragma legacy_alter_table = off',
    ...indexes,
    ...triggers,
  ];
  const source: Source = { table: renderTable(text, name), indexes, triggers };
  return { statements, live: { ...readSource(source), name } };
}

function countsUp(text: TableText): boolean {
  return [...text.columns.flatMap((c) => c.clauses), ...text.constraints].some((c) => c.kind === 'primary key' && tokenize(c.body).some((t) => isWord(t, 'autoincrement')));
}

/** A hidden rowid that both have: others' rows may point at it (full text search does). Null: none, or every name of it is taken by a column. */
function sharedRowid(before: TableText, after: TableText): string | null {
  for (const text of [before, after]) {
    if (withoutRowid(text) || text.columns.some((c) => isRowid(text, c.name))) return null;
  }
  return ['rowid', '_rowid_', 'oid'].find((name) => ![...before.columns, ...after.columns].some((c) => sameName(c.name, name))) ?? null;
}

export function withRowid(options: string): string {
  return replaceTokens(options, (token, i, tokens) => {
    const isOption = (at: number): boolean => isWord(tokens[at], 'without') || isWord(tokens[at - 1], 'without');
    return isOption(i) || token.text === ',' ? '' : null;
  });
}
