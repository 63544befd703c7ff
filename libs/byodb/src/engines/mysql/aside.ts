import { createHash } from 'node:crypto';
import { ASIDE_PREFIX, type Extra, type LiveTable } from '../../live.js';
import { quote } from './text.js';

/** Longest identifier. */
const MAX = 64;

interface Renaming { from: string; to: string; definition: string }

/**
 * Foreign keys' names are the whole database's, so they move away with a table that is set aside. The former name stands in the
 * new one, or a digest of it where it is too long; a digest of the table's new name keeps two tables' apart.
 */
export function keysAway(live: LiveTable, aside: string, stays: (key: Extra) => boolean): Renaming[] {
  return namedKeys(live).filter(stays).map((key) => {
    const whole = `${prefix(aside)}${key.name}`;
    return { from: key.name, to: whole.length <= MAX ? whole : `${prefix(aside)}${digest(key.name, 32)}`, definition: key.definition };
  });
}

/** `rename`: for a table that comes back under another name, beside one that may have its keys' names by now. */
export function keysBack(live: LiveTable, was: LiveTable, rename: (name: string) => string): Renaming[] {
  const start = prefix(live.name);
  return namedKeys(live).filter((key) => key.name.startsWith(start)).map((key) => {
    const rest = key.name.slice(start.length);
    return { from: key.name, to: rename(namedKeys(was).find((k) => digest(k.name, 32) === rest)?.name ?? rest), definition: key.definition };
  });
}

/**
 * One ALTER, as a rename of a key is a drop and an add. The rows are as good as they were: MariaDB is told not to look at them
 * again, and then copies nothing; MySQL, which cannot be told in the statement, looks.
 */
export function renameWithKeys(table: string, to: string, keys: Renaming[], more: readonly string[] = []): string {
  if (keys.length === 0 && more.length === 0) return `RENAME TABLE ${quote(table)} TO ${quote(to)}`;
  const clauses = keys.flatMap((key) => [`DROP FOREIGN KEY ${quote(key.from)}`, `ADD CONSTRAINT ${quote(key.to)} ${key.definition.replace(/^CONSTRAINT `(?:[^`]|``)+` /, '')}`]);
  const unseen = keys.length === 0 ? '' : '/*M! SET STATEMENT foreign_key_checks = 0 FOR */ ';
  return `${unseen}ALTER TABLE ${quote(table)} ${[...clauses, ...more].join(', ')}, RENAME TO ${quote(to)}`;
}

export const NUMBERING = '_ai';

/** The key that keeps an AUTO_INCREMENT column allowed while the primary key is gone. */
export function numberingKey(aside: string): string {
  return `${aside}${NUMBERING}`;
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
