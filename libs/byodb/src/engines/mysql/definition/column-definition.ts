import { DatabaseError } from '../../../errors.js';
import type { LiveColumn, LiveTable } from '../../../live.js';
import { sameType, type Column } from '../../../schema/column.js';
import { sameDefault } from '../../../schema/defaults.js';
import { blank, tokens, wordAt } from '../parser/ddl-text.js';
import { defaultSql, nativeType } from '../types.js';
import { sameName } from './alter-statement.js';

/** A definition taken apart: what comes before and behind NULL and DEFAULT is the customer's. */
interface Parted {
  type: string;
  charset: string[];
  notNull: boolean;
  default: string[];
  check: string[];
  rest: string[];
}

function partedOf(definition: string): Parted {
  const words = tokens(definition);
  const found: Parted = { type: wordAt(words, 0), charset: [], notNull: false, default: [], check: [], rest: [] };
  for (let i = 1; i < words.length; i++) {
    const said = wordAt(words, i);
    const [word, next] = [said.toUpperCase(), words[i + 1]?.toUpperCase()];
    if (word === 'NOT' && next === 'NULL') {
      found.notNull = true;
      i++;
    } else if (word === 'NULL') continue;
    else if (word === 'CHARACTER' && next === 'SET') {
      found.charset.push(...words.slice(i, i + 3));
      i += 2;
    } else if (word === 'COLLATE') {
      found.charset.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'DEFAULT') {
      found.default.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'CHECK') {
      found.check.push(...words.slice(i, i + 2));
      i++;
    } else if (word === 'GENERATED' || word === 'AS')
      return {
        ...found,
        rest: words
          .slice(i)
          .filter(
            (w, j, all) =>
              !(w.toUpperCase() === 'NOT' && all[j + 1]?.toUpperCase() === 'NULL') &&
              !(w.toUpperCase() === 'NULL' && all[j - 1]?.toUpperCase() === 'NOT'),
          ),
      };
    else found.rest.push(said);
  }
  return found;
}

/**
 * So that nobody who does not know the column is refused, and nothing is run for it: nullable, no check, no default. A
 * timestamp is nullable only when told so.
 */
export function relaxedDefinition(definition: string): string {
  const { type, charset, rest } = partedOf(definition);
  const computed = rest.some((word) => /^(GENERATED|AS)$/i.test(word));
  const update = rest.findIndex((word) => word.toUpperCase() === 'ON');
  const kept = update === -1 ? rest : [...rest.slice(0, update), ...rest.slice(update + 3)];
  return [
    type,
    ...unsigned(kept),
    ...charset,
    ...(computed ? [] : ['NULL', 'DEFAULT NULL']),
    ...kept.filter((word) => !UNSIGNED.test(word)),
  ].join(' ');
}

/** MariaDB 10.3.3 and MySQL 8.0.23 know invisible columns; one column of a table must be seen. */
export function hiddenDefinition(live: LiveTable, name: string, definition: string): string {
  const isHidden = (column: LiveColumn): boolean =>
    tokens(column.definition).some((word) => word.toUpperCase() === 'INVISIBLE');
  const alone = live.columns.every((column) => sameName(column.name, name) || isHidden(column));
  if (alone || tokens(definition).some((word) => word.toUpperCase() === 'INVISIBLE')) return definition;
  return `${definition}${HIDING}`;
}

export const HIDING = ' /*M!100303 INVISIBLE */ /*!80023 INVISIBLE */';

/**
 * What `to` says and the customer's own beside it: comment, check, visibility, and, where the type stays, its spelling,
 * character set and ON UPDATE.
 */
export function changedDefinition(column: LiveColumn, to: Column): string {
  const { type, charset, default: value, check, rest } = partedOf(column.definition);
  const stays = column.type !== null && sameType(to, { ...column, type: column.type });
  const kept = rest.filter((word) => word.toUpperCase() !== 'AUTO_INCREMENT' && !UNSIGNED.test(word));
  const behind = [...(to.generated ? ['AUTO_INCREMENT'] : [])];
  if (stays) {
    // None is printed as DEFAULT NULL, which a column that becomes NOT NULL cannot have.
    const same = to.default === null ? [] : defaultsAgree(column, to) ? value : ['DEFAULT', defaultSql(to)];
    return [type, ...charset, to.nullable ? 'NULL' : 'NOT NULL', ...same, ...behind, ...kept, ...check].join(' ');
  }
  const textual = (t: string | null): boolean => t === 'string' || t === 'text';
  const update = kept.findIndex((word) => word.toUpperCase() === 'ON');
  if (update !== -1) kept.splice(update, 3);
  const ours = column.type === 'json' && /^\(json_valid\(`(?:[^`]|``)+`\)\)$/i.test(check[1] ?? '') ? [] : check;
  const [native, ...bounds] = nativeType(to).split(' ');
  return [
    native,
    ...(textual(column.type) && textual(to.type) ? charset : bounds),
    to.nullable ? 'NULL' : 'NOT NULL',
    ...(to.default === null ? [] : ['DEFAULT', defaultSql(to)]),
    ...behind,
    ...kept,
    ...ours,
  ].join(' ');
}

/**
 * MariaDB alters no table with such a default while tables are locked, the sequence among them. What brings a column
 * back refuses rows that do not fit by itself.
 */
export function drawsNumbers(column: LiveColumn): boolean {
  return tokens(column.definition).some((word) => /\bnextval\(/i.test(blank(word)));
}

/** For what must not meet rows that are written meanwhile. Errors: DatabaseError unsupported_change. */
export function refuseDrawing(live: LiveTable): void {
  const drawing = live.columns.find(drawsNumbers);
  if (drawing !== undefined)
    throw new DatabaseError(
      'unsupported_change',
      `mysql: the default of ${drawing.name} draws from a sequence, and MariaDB adds and alters no column ` +
        `of ${live.name} while nobody may write to it`,
    );
}

const UNSIGNED = /^(UNSIGNED|ZEROFILL)$/i;
const unsigned = (words: string[]): string[] => words.filter((word) => UNSIGNED.test(word));

export function defaultsAgree(column: LiveColumn, to: Column): boolean {
  if (column.default === null) return to.default === null;
  return 'value' in column.default && to.default !== null && sameDefault(to.type, column.default.value, to.default);
}
