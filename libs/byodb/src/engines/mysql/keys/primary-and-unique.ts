import { DatabaseError } from '../../../errors.js';
import { foldName, type Extra, type LiveTable } from '../../../live.js';
import { namesIn, parts, tokens, wordAt } from '../parser/ddl-text.js';
import { quote, unquote } from '../sql.js';

const PRIMARY = 'PRIMARY KEY';
const UNIQUE = 'UNIQUE KEY';

interface Unique {
  name: string;
  columns: string[];
}

/**
 * Takes in a primary or unique key as SHOW CREATE TABLE prints it. What its columns alone do not say (USING, COMMENT,
 * DESC, a prefix) stands in an extra, to the letter; the columns are left out where it is not made of whole ones.
 */
export function readKey(live: LiveTable, part: string): void {
  const isPrimary = part.startsWith(PRIMARY);
  const name = isPrimary ? '' : unquote(wordAt(tokens(part), 2));
  const columns = wholeColumns(live, part);
  if (columns !== null && isPrimary) live.primaryKey = columns;
  if (columns !== null && !isPrimary) live.uniques.push({ name, columns });
  const plain = columns === null ? null : isPrimary ? plainPrimary(columns) : plainUnique({ name, columns });
  if (part !== plain) live.extras.push({ kind: isPrimary ? PRIMARY : UNIQUE, name, definition: part });
}

/** What makes the table's primary key again; null: it has none. */
export function primaryClause(live: LiveTable): string | null {
  return primaryExtra(live)?.definition ?? (live.primaryKey.length === 0 ? null : plainPrimary(live.primaryKey));
}

/** The columns that its primary key needs, be it of whole ones or not. */
export function primaryMembers(live: LiveTable): string[] {
  if (live.primaryKey.length > 0) return live.primaryKey;
  const extra = primaryExtra(live);
  return extra === undefined ? [] : namesIn(groupOf(extra.definition));
}

export function primaryExtra(live: LiveTable): Extra | undefined {
  return live.extras.find((extra) => extra.kind === PRIMARY);
}

export function uniqueClause(live: LiveTable, unique: Unique): string {
  return uniqueExtra(live, unique)?.definition ?? plainUnique(unique);
}

export function uniqueExtra(live: LiveTable, unique: Unique): Extra | undefined {
  return live.extras.find((extra) => extra.kind === UNIQUE && foldName(extra.name) === foldName(unique.name));
}

/**
 * Whether an index begins with the column that is not its own unique: a foreign key that used that one then uses this.
 */
export function hasIndexBeside(live: LiveTable, column: string): boolean {
  return [
    live.primaryKey,
    ...live.uniques.map((unique) => unique.columns).filter((columns) => columns.length > 1),
    ...plainKeys(live),
  ].some((index) => begins(index, [column]));
}

/** Whether a foreign key over these columns, of this table or to it, finds no index but the primary key. */
export function restsOnPrimaryKey(live: LiveTable, columns: readonly string[]): boolean {
  return (
    begins(primaryMembers(live), columns) &&
    ![...live.uniques.map((unique) => unique.columns), ...plainKeys(live)].some((index) => begins(index, columns))
  );
}

/** Those in front of this one. */
export function membersBefore(columns: readonly string[], name: string): string[] {
  return columns.slice(
    0,
    columns.findIndex((column) => foldName(column) === foldName(name)),
  );
}

/** Whether the index has these columns in front, in this order. */
export function begins(index: readonly string[], columns: readonly string[]): boolean {
  return columns.every((column, i) => index[i] !== undefined && foldName(index[i]) === foldName(column));
}

function plainKeys(live: LiveTable): string[][] {
  return live.extras.filter((extra) => extra.kind === 'KEY').map((extra) => keyColumns(live, extra) ?? []);
}

/** The columns of an index that is not unique; null: it is not made of whole ones. */
export function keyColumns(live: LiveTable, key: Extra): string[] | null {
  return wholeColumns(live, key.definition);
}

/**
 * A period stands for its two columns. MariaDB makes USING HASH where a value is too long for an index: nobody here can
 * ask for such a unique.
 */
function wholeColumns(live: LiveTable, part: string): string[] | null {
  if (tokens(part).some((word, i, words) => word === 'HASH' && words[i - 1] === 'USING')) return null;
  const columns: string[] = [];
  for (const member of parts(groupOf(part))) {
    const [, quoted, behind] = /^(`(?:[^`]|``)+`)(| ASC| DESC| WITHOUT OVERLAPS)$/.exec(member) ?? [];
    if (quoted === undefined) return null;
    columns.push(...(behind === ' WITHOUT OVERLAPS' ? periodColumns(live, unquote(quoted)) : [unquote(quoted)]));
  }
  return columns;
}

function periodColumns(live: LiveTable, name: string): string[] {
  const period = live.extras.find((extra) => extra.kind === 'PERIOD FOR' && extra.name === name);
  return period === undefined ? [] : parts(groupOf(period.definition)).map(unquote);
}

function groupOf(definition: string): string {
  const group = tokens(definition).find((word) => word.startsWith('('));
  if (group === undefined) throw new TypeError(`a key names no columns: ${definition}`);
  return group;
}

function plainPrimary(columns: readonly string[]): string {
  return `${PRIMARY} (${columns.map(quote).join(',')})`;
}

/** As it is printed where its columns say all of it. */
export function plainUnique({ name, columns }: Unique): string {
  return `${UNIQUE} ${quote(name)} (${columns.map(quote).join(',')})`;
}

export const MOST_KEYS = 64;

/** Those of columns that were dropped stand until these are purged. Errors: DatabaseError unsupported_change. */
export function refuseManyKeys(live: LiveTable): void {
  const keys = new Set([
    ...live.uniques.map((u) => u.name),
    ...live.extras.filter((e) => /(^| )KEY$/.test(e.kind) && e.kind !== 'PRIMARY KEY').map((e) => e.name),
  ]);
  const count = keys.size + (primaryClause(live) === null ? 0 : 1);
  if (count >= MOST_KEYS)
    throw new DatabaseError(
      'unsupported_change',
      `mysql: ${live.name} has ${count} keys, and a table has at most ${MOST_KEYS}`,
    );
}
