import { DatabaseError } from '../../errors.js';
import { fitBytes } from '../../schema/names.js';

/** NAMEDATALEN - 1: PostgreSQL cuts longer names without an error, so that two of them could become one. */
const IDENTIFIER_BYTES = 63;

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteAll(names: readonly string[]): string {
  return names.map(quote).join(', ');
}

/**
 * A text literal that means the same under either setting of standard_conforming_strings
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE).
 */
export function literal(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A name that was derived from others, under the limit in bytes. `end` is kept whole. */
export function fitName(start: string, end: string): string {
  return fitBytes(start, end, IDENTIFIER_BYTES);
}

/**
 * The name that PostgreSQL itself gives to a key or sequence: the longer part is cut first (makeObjectName in
 * src/backend/commands/indexcmds.c).
 */
export function objectName(table: string, column: string | null, label: string): string {
  let [a, b] = [table, column ?? ''];
  const limit = IDENTIFIER_BYTES - label.length - (column === null ? 1 : 2);
  while (Buffer.byteLength(a) + Buffer.byteLength(b) > limit) {
    if (Buffer.byteLength(a) > Buffer.byteLength(b)) a = a.slice(0, -1);
    else b = b.slice(0, -1);
  }
  return [a, ...(column === null ? [] : [b]), label].join('_');
}

/** `name=value` as the catalog keeps a parameter, printed by its kind. */
export function optionClause(option: string): string {
  const at = option.indexOf('=');
  return `${quote(option.slice(0, at))} = ${literal(option.slice(at + 1))}`;
}

const WORDS = /\s+|[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}\p{N}_$]+|--|\/\*|[\s\S]/gu;
const CLOSES: Record<string, string> = { ')': '(', ']': '[' };

/**
 * A type, expression or definition as the server printed it: one whole, that cannot end the statement which it is put
 * into.
 * The server prints no other; whatever else could stand where one was read is not run. Throws DatabaseError.
 */
export function whole(text: string): string {
  const open: string[] = [];
  for (const [word] of text.matchAll(WORDS)) {
    const stray = word === ';' || word === '--' || word === '/*' || word === "'" || word === '"' || word === '\0';
    if (word === '(' || word === '[') open.push(word);
    else if (stray || (word in CLOSES && open.pop() !== CLOSES[word])) throw notWhole();
  }
  if (open.length > 0) throw notWhole();
  return text;
}

function notWhole(): DatabaseError {
  return new DatabaseError(
    'unsupported_change',
    'postgres: an expression or type that stands in the catalog is not one whole, and is not put into a statement',
  );
}
