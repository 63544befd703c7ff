import type { Rendered } from '../../ddl.js';
import { existingColumn, findColumn, isApart, isOnlyColumn, type LiveColumn, type LiveTable } from '../../live.js';
import { isIntegerType } from '../../schema/column-types.js';
import { sameType, type Column } from '../../schema/column.js';
import { sameDefault } from '../../schema/defaults.js';
import { convert, metadataOnly, sameFamily } from './conversion.js';
import { defaultClause, keyName, typeClauses, uniqueIndex } from './definition/column-definition.js';
import { columnText, isStrict, sourceOf, textOf } from './introspect.js';
import { parseTable, type Clause, type ColumnText } from './parser/parse.js';
import { tokenAt, tokenize } from './parser/tokens.js';
import { composeColumn, renderTable, replaceColumn } from './rebuild/edit-text.js';
import { hangsOn, isOwnUniqueOf, putBack, reindex } from './rebuild/put-back.js';
import { rebuild, withIndexes } from './rebuild/rebuild.js';
import type { Shape } from './types.js';

export function restoreColumn(live: LiveTable, name: string, was: LiveTable, apart: readonly string[] = []): Rendered {
  const [now, then] = [findColumn(live, name), findColumn(was, name)];
  const from = now === undefined ? null : shapeOf(now);
  const to = then === undefined ? null : shapeOf(then);
  return putBack(
    live,
    live,
    name,
    was,
    from === null || to === null || sameFamily(from, to) ? undefined : convert(name, from, to),
    apart,
  );
}

export function alterColumn(
  live: LiveTable,
  name: string,
  to: Column,
  uniqueName: string,
  apart: readonly string[] = [],
): Rendered {
  const text = textOf(live);
  const column = columnText(text, name);
  const now = existingColumn(live, name);
  const from = shapeOf(now);
  const isUnique = live.uniques.some((u) => isOnlyColumn(u.columns, name) && !isApart(u.name, apart));
  const changesType = from === null || !sameType(from, to);
  const soleKey = isOnlyColumn(live.primaryKey, name);
  const type =
    changesType && !now.generated
      ? typeClauses(to, soleKey, isStrict(text))
      : { declared: column.declared, marks: column.clauses.filter(isMark).map((c) => c.text) };
  const clauses = alteredClauses(column, now, to, {
    changesType,
    dropsUnique: isUnique && !to.unique,
    marks: type.marks,
  });
  const isTouched =
    type.declared !== column.declared || clauses.join('\n') !== column.clauses.map((c) => c.text).join('\n');
  let next = isTouched
    ? replaceColumn(text, name, surrounded(column, composeColumn(column.name, type.declared, clauses)))
    : text;
  next = {
    ...next,
    constraints: next.constraints.flatMap((clause) => {
      if (isUnique && !to.unique && clause.kind === 'unique' && hangsOn(text, clause, name)) return [];
      return changesType && now.generated && clause.kind === 'primary key' ? [renamedKey(clause, to)] : [clause];
    }),
  };
  const { indexes, triggers } = sourceOf(live);
  const dropped = isUnique && !to.unique ? indexes.filter((sql) => isOwnUniqueOf(sql, name, apart)) : [];
  const kept = indexes.filter((sql) => !dropped.includes(sql));
  const added = to.unique && !isUnique ? [uniqueIndex(uniqueName, live.name, column.name)] : [];
  if (!isTouched && renderTable(next, text.name) === renderTable(text, text.name))
    return reindex(live, dropped, kept, added);
  const converts = changesType && from !== null && !metadataOnly(from, to);
  return withIndexes(
    rebuild(live, {
      text: next,
      indexes: kept,
      triggers,
      values: converts ? { [column.name]: convert(column.name, from, to) } : {},
    }),
    added,
  );
}

/** With the blanks and comments that stood around the column. */
function surrounded(former: ColumnText, column: ColumnText): ColumnText {
  const tokens = tokenize(former.text);
  const [start, end] = [former.text.slice(0, tokenAt(tokens, 0).start), former.text.slice(tokenAt(tokens, -1).end)];
  const [read] = parseTable(`CREATE TABLE x(${start}${column.text.trim()}${end})`)?.columns ?? [];
  if (read === undefined) throw new TypeError(`the text of column ${column.name} cannot be read`);
  return read;
}

/** In a STRICT table: what says of which type the column was asked to be. */
function isMark(clause: Clause): boolean {
  return clause.kind === 'null' && clause.name !== null;
}

interface Altering {
  changesType: boolean;
  dropsUnique: boolean;
  marks: string[];
}

function alteredClauses(
  column: ColumnText,
  now: LiveColumn,
  to: Column,
  { changesType, dropsUnique, marks }: Altering,
): string[] {
  const wasDefault = now.default !== null && 'value' in now.default ? now.default.value : null;
  // A default that the portable schema cannot say is the customer's: it stays until another one is asked for.
  const keepsDefault =
    to.default === null
      ? wasDefault === null
      : now.default !== null && 'value' in now.default && !changesType && sameDefault(to.type, wasDefault, to.default);
  const stays = column.clauses.filter(
    (clause) =>
      !(
        (clause.kind === 'not null' && to.nullable && !now.nullable) ||
        (clause.kind === 'null' && (!to.nullable || isMark(clause))) ||
        (clause.kind === 'default' && !keepsDefault) ||
        (clause.kind === 'unique' && dropsUnique)
      ),
  );
  const texts = stays.map((clause) =>
    changesType && now.generated && clause.kind === 'primary key' ? renamedKey(clause, to).text : clause.text,
  );
  if (!to.nullable && now.nullable) texts.push('not null');
  if (!keepsDefault) texts.push(...defaultClause(to));
  return [...marks, ...texts];
}

function renamedKey(clause: Clause, to: Column): Clause {
  const text = `${keyName(to)}${clause.body}`;
  return isIntegerType(to.type) ? { ...clause, text, outer: clause.outer.replace(clause.text, () => text) } : clause;
}

function shapeOf(column: LiveColumn): Shape | null {
  return column.type === null
    ? null
    : { type: column.type, length: column.length, precision: column.precision, scale: column.scale };
}
