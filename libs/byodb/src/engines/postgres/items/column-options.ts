import type { LiveColumn } from '../../../live.js';
import { alterTable } from './render-items.js';
import { definitionOf } from './table-items.js';
import { literal, optionClause, quote } from '../sql.js';
import { COMPRESSION, STORAGE } from '../types.js';

/** What a column that is made anew gets beside its type, default and NOT NULL: all that its owner had set on it. */
export function columnStatements(table: string, column: LiveColumn): string[] {
  const { comment, acl, statistics, storage, compression, options } = definitionOf(column);
  const alter = `alter column ${quote(column.name)}`;
  return [
    ...alterTable(table, [
      ...(statistics === undefined ? [] : [`${alter} set statistics ${statistics}`]),
      ...(storage === undefined ? [] : [`${alter} set storage ${STORAGE[storage]}`]),
      ...(compression === undefined ? [] : [`${alter} set compression ${COMPRESSION[compression]}`]),
      ...(options === undefined ? [] : [`${alter} set (${options.map(optionClause).join(', ')})`]),
    ]),
    ...(comment === undefined
      ? []
      : [`comment on column ${quote(table)}.${quote(column.name)} is ${literal(comment)}`]),
    ...(acl ?? []).flatMap((entry) => grants(table, column.name, entry)),
  ];
}

const RIGHTS: Record<string, string> = { r: 'select', a: 'insert', w: 'update', x: 'references' };

/** From the catalog's `who=rights/by whom`. */
function grants(table: string, column: string, entry: string): string[] {
  const match = /^("(?:[^"]|"")*"|[^=]*)=([a-zA-Z*]*)\//.exec(entry);
  if (match === null) return [];
  const [, who = '', rights = ''] = match;
  const name = who.startsWith('"') ? who.slice(1, -1).replaceAll('""', '"') : who;
  const to = name === '' ? 'public' : quote(name);
  return [...rights.matchAll(/([a-z])(\*?)/g)].map(
    ([, letter = '', star]) =>
      `grant ${RIGHTS[letter]} (${quote(column)}) on ${quote(table)} to ` +
      `${to}${star === '*' ? ' with grant option' : ''}`,
  );
}
