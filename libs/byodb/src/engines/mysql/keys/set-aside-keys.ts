import { createHash } from 'node:crypto';
import { ASIDE_PREFIX, isAside, type Extra, type LiveTable } from '../../../live.js';
import { quote } from '../sql.js';

/** Longest identifier. */
const LONGEST_NAME = 64;

interface Renaming {
  from: string;
  to: string;
  definition: string;
}

/**
 * Foreign keys' names are the whole database's, so they move away with a table that is set aside. The former name
 * stands in the
 * new one, or a digest of it where it is too long; a digest of the table's new name keeps two tables' apart.
 */
export function keysAway(live: LiveTable, aside: string, stays: (key: Extra) => boolean): Renaming[] {
  return namedKeys(live)
    .filter(stays)
    .map((key) => {
      const whole = `${prefix(aside)}${key.name}`;
      return {
        from: key.name,
        to: whole.length <= LONGEST_NAME ? whole : `${prefix(aside)}${digest(key.name, 32)}`,
        definition: key.definition,
      };
    });
}

/** `rename`: for a table that comes back under another name, beside one that may have its keys' names by now. */
export function keysBack(live: LiveTable, was: LiveTable, rename: (name: string) => string): Renaming[] {
  const start = prefix(live.name);
  return namedKeys(live)
    .filter((key) => key.name.startsWith(start))
    .map((key) => {
      const rest = key.name.slice(start.length);
      return {
        from: key.name,
        to: rename(namedKeys(was).find((k) => digest(k.name, 32) === rest)?.name ?? rest),
        definition: key.definition,
      };
    });
}

/**
 * One ALTER, as a rename of a key is a drop and an add. The rows are as good as they were: MariaDB is told not to look
 * at them
 * again, and then copies nothing; MySQL, which cannot be told in the statement, looks.
 */
export function renameWithKeys(table: string, to: string, keys: Renaming[], more: readonly string[] = []): string {
  if (keys.length === 0 && more.length === 0) return `RENAME TABLE ${quote(table)} TO ${quote(to)}`;
  const clauses = keys.flatMap((key) => [
    `DROP FOREIGN KEY ${quote(key.from)}`,
    `ADD CONSTRAINT ${quote(key.to)} ${key.definition.replace(/^CONSTRAINT `(?:[^`]|``)+` /, '')}`,
  ]);
  const unseen = keys.length === 0 ? '' : '/*M! SET STATEMENT foreign_key_checks = 0 FOR */ ';
  return `${unseen}ALTER TABLE ${quote(table)} ${[...clauses, ...more].join(', ')}, RENAME TO ${quote(to)}`;
}

/**
 * Ends of the names of keys that stand in for a primary key: one for the column that numbers itself, one for what rests
 * on its first columns.
 */
const NUMBERED_SUFFIX = '_ai';
const KEY_START_SUFFIX = '_pk';

/**
 * While the primary key is gone an AUTO_INCREMENT column must be in a key, and a foreign key over the first members
 * must find one.
 */
export function standIns(aside: string, numbered: string | undefined, keyStart: readonly string[]): Extra[] {
  const key = (name: string, columns: readonly string[]): Extra[] =>
    columns.length === 0
      ? []
      : [{ kind: 'KEY', name, definition: `KEY ${quote(name)} (${columns.map(quote).join(',')})` }];
  return [
    ...key(`${aside}${NUMBERED_SUFFIX}`, numbered === undefined ? [] : [numbered]),
    ...key(`${aside}${KEY_START_SUFFIX}`, keyStart),
  ];
}

export function isStandIn({ kind, name }: Extra): boolean {
  return kind === 'KEY' && isAside(name) && (name.endsWith(NUMBERED_SUFFIX) || name.endsWith(KEY_START_SUFFIX));
}

export function isForeignKey(extra: Extra): boolean {
  return extra.kind === 'foreign key';
}

function namedKeys(live: LiveTable): Extra[] {
  return live.extras.filter((extra) => isForeignKey(extra) && extra.name !== '');
}

function prefix(aside: string): string {
  return `${ASIDE_PREFIX}${digest(aside, 8)}_`;
}

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
