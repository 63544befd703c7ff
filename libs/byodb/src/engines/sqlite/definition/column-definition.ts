import type { Column } from '../../../schema/column.js';
import { balanced, tokenize, type Token } from '../parser/tokens.js';
import { composeColumn } from '../rebuild/edit-text.js';
import { quote } from '../sql.js';
import { declaredType, printedType, renderDefault, strictType, type Shape } from '../types.js';

export function definition(column: Column, soleKey: boolean, strict: boolean): string {
  if (column.generated)
    return composeColumn(column.name, 'integer', [`${keyName(column)}primary key autoincrement`]).text;
  const { declared, marks } = typeClauses(column, soleKey, strict);
  return composeColumn(column.name, declared, [
    ...marks,
    column.nullable ? '' : 'not null',
    ...defaultClause(column),
    soleKey ? 'primary key' : '',
  ]).text;
}

/** The type to declare, and in a STRICT table what keeps the one that was asked for. */
export function typeClauses(column: Column, soleKey: boolean, strict: boolean): { declared: string; marks: string[] } {
  const own =
    column.native?.engine === 'sqlite' && column.native.type !== undefined ? printedType(column.native.type) : null;
  if (own !== null) return { declared: own, marks: [] };
  if (!strict) return { declared: declaredType(column, soleKey), marks: [] };
  const { declared, mark } = strictType(column, soleKey);
  return { declared, marks: mark === null ? [] : [markClause(mark)] };
}

function markClause(mark: string): string {
  return `constraint ${quote(mark)} null`;
}

/** A numbered column must be declared exactly INTEGER: its key's name keeps what it was asked as. */
export function keyName(shape: Shape): string {
  return shape.type === 'integer' ? '' : `constraint ${quote(shape.type)} `;
}

export function defaultClause(column: Pick<Column, 'type' | 'default' | 'native'>): string[] {
  const own = column.native?.engine === 'sqlite' ? column.native.default : undefined;
  // An expression that stood in a file: its tokens, which must end in balance, and nothing behind them.
  const words = own === undefined ? [] : tokenize(own);
  if (own !== undefined && balanced(words))
    return [`default ${words.map((word, i) => spaced(word, words[i - 1])).join('')}`];
  const expression = renderDefault(column);
  return expression === null ? [] : [`default ${expression}`];
}

export function uniqueIndex(name: string, table: string, column: string): string {
  return `CREATE UNIQUE INDEX ${quote(name)} on ${quote(table)} (${quote(column)})`;
}

/** The word, with one blank before it where something stood between it and the word before. */
function spaced(word: Token, before: Token | undefined): string {
  return before !== undefined && word.start > before.end ? ` ${word.text}` : word.text;
}
