import type { Engine } from './engine.js';
import { DatabaseError } from './errors.js';
import { indexAmong, isIndexThere, wholeIndexes, withoutOwnIndexes } from './live-indexes.js';
import { findColumn, foldName, isAside, isOnlyColumn, type LiveTable } from './live.js';
import { keyNames, sameType, type Column } from './schema/column.js';
import { sameDefault } from './schema/defaults.js';
import { sameIndex, tellIndex, type Index, type LiveIndex } from './schema/table-index.js';
import type { Session } from './session.js';

/**
 * What must stand in the database before or after a step: the managed part alone; what others added beside it is no
 * concern.
 */
export interface Expectation {
  table: string;
  /** The managed columns; null: no such table; 'any': it is there, whatever its columns. */
  columns: Column[] | null | 'any';
  /** Columns that must not be there. */
  without?: string[];
  /** Columns that must be there, whatever they are. */
  with?: string[];
  /** The managed indexes. */
  indexes?: Index[];
  /** Indexes that must not be there, by their names in the database; what a broken-off build left does not count. */
  without_indexes?: string[];
  /**
   * The mark that it must bear; looked at only where it is what tells our table from another's: without transactional
   * DDL.
   */
  owner?: string;
}

export interface Difference {
  table: string;
  column: string | null;
  expected: string;
  found: string;
}

/** Reads what each expectation names and lists where the database differs. Empty: it is as expected. */
export async function differences(
  engine: Engine,
  session: Session,
  expectations: Expectation[],
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const expectation of expectations)
    found.push(...differencesIn(engine, expectation, await session.introspect(expectation.table)));
  return found;
}

export function differencesIn(engine: Engine, expectation: Expectation, live: LiveTable | null): Difference[] {
  const { table, columns } = expectation;
  if (columns === null) return live === null ? [] : [{ table, column: null, expected: 'no table', found: 'a table' }];
  if (live === null) return [{ table, column: null, expected: 'a table', found: 'no table' }];
  const found: Difference[] = [];
  if (expectation.owner !== undefined && !engine.facts.transactionalDdl && live.owner !== expectation.owner)
    found.push({ table, column: null, expected: 'a table made by this change', found: 'a table of somebody else' });
  if (columns !== 'any') {
    const key = keyNames(columns);
    // A generated key that was dropped stays the key, out of the way, until it is purged.
    if (
      key.map(foldName).join() !==
      live.primaryKey
        .filter((name) => !isAside(name))
        .map(foldName)
        .join()
    )
      found.push({
        table,
        column: null,
        expected: `primary key (${key.join(', ')})`,
        found: `primary key (${live.primaryKey.join(', ')})`,
      });
    const apart = withoutOwnIndexes(engine, live, expectation.indexes ?? []);
    for (const column of columns) {
      const difference = compareColumn(engine, column, apart);
      if (difference !== null) found.push({ table, column: column.name, ...difference });
    }
  }
  const { indexes = [] } = expectation;
  const there = indexes.length === 0 ? [] : wholeIndexes(engine, live);
  for (const index of indexes) {
    const difference = compareIndex(index, indexAmong(there, index));
    if (difference !== null) found.push({ table, column: null, ...difference });
  }
  for (const name of expectation.without_indexes ?? [])
    if (isIndexThere(engine, live, name))
      found.push({ table, column: null, expected: `no index ${name}`, found: 'an index' });
  for (const name of expectation.without ?? [])
    if (findColumn(live, name) !== undefined)
      found.push({ table, column: name, expected: 'no column', found: 'a column' });
  for (const name of expectation.with ?? [])
    if (findColumn(live, name) === undefined)
      found.push({ table, column: name, expected: 'a column', found: 'no column' });
  return found;
}

/** Null: the live table has the index as history tells it. */
function compareIndex(index: Index, now: LiveIndex | undefined): { expected: string; found: string } | null {
  const expected = `index ${index.name} ${tellIndex(index)}`;
  if (now === undefined) return { expected, found: `no index ${index.name}` };
  return sameIndex(now, index) ? null : { expected, found: `index ${index.name} ${tellIndex(now)}` };
}

/** Null: the live table has the column as the engine keeps it. A unique index that is managed itself is none of it. */
export function compareColumn(
  engine: Engine,
  column: Column,
  live: LiveTable,
): { expected: string; found: string } | null {
  const kept = column.type === 'native' ? column : engine.keeps(column);
  const own = column.native;
  const found = findColumn(live, kept.name);
  if (found === undefined) return { expected: 'a column', found: 'no column' };
  if (
    own?.type !== undefined
      ? found.native !== own.type
      : found.type === null || !sameType(kept, { ...found, type: found.type })
  )
    return { expected: `type ${own?.type ?? kept.type}${bounds(kept)}`, found: `type ${found.native}` };
  if (found.nullable !== kept.nullable)
    return { expected: kept.nullable ? 'nullable' : 'not null', found: found.nullable ? 'nullable' : 'not null' };
  if (found.generated !== kept.generated)
    return {
      expected: kept.generated ? 'generated' : 'not generated',
      found: found.generated ? 'generated' : 'not generated',
    };
  const [value, raw] =
    found.default === null
      ? [null, undefined]
      : 'value' in found.default
        ? [found.default.value, undefined]
        : [undefined, found.default.raw];
  if (own?.default !== undefined || raw !== undefined) {
    if (raw !== own?.default)
      return {
        expected: `default ${own?.default ?? JSON.stringify(kept.default)}`,
        found: `default ${raw ?? JSON.stringify(value)}`,
      };
  } else if (value === undefined || !sameDefault(kept.type, kept.default, value))
    return { expected: `default ${JSON.stringify(kept.default)}`, found: `default ${JSON.stringify(found.default)}` };
  const unique = live.uniques.some((u) => isOnlyColumn(u.columns, kept.name));
  if (unique !== kept.unique && !(unique && kept.primary_key))
    return { expected: kept.unique ? 'unique' : 'not unique', found: unique ? 'unique' : 'not unique' };
  return null;
}

function bounds(column: Column): string {
  return column.length !== null
    ? `(${column.length})`
    : column.precision !== null
      ? `(${column.precision},${column.scale})`
      : '';
}

export function drift(found: Difference[]): DatabaseError {
  const first = found[0]!;
  const where = first.column === null ? first.table : `${first.table}.${first.column}`;
  return new DatabaseError('drift_detected', `${where}: expected ${first.expected}, found ${first.found}`, {
    details: { difference: found },
  });
}
