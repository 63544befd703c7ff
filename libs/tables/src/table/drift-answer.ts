import { engineOf, MAX_COLUMNS, type Engine, type Managed } from '#byodb';
import { applyOp, findColumn } from './columns.js';
import { opsLeadingTo, refuseUnlike, withoutNames } from './drift-ops.js';
import type { ColumnOp, DatabaseRef, IndexOp, Variant } from './event-parts.js';
import { applyOps, indexOpsLeadingTo, refuseUnindexable, sameIndexes } from './managed-indexes.js';
import { Refused, refuseBuiltElsewhere, refuseUnsupported } from './refused.js';
import type { Considered, Outlook } from './table.js';
import { variantOf } from './variants.js';

/** What somebody answers to what was found in a database; found is null: the table is not there. */
export interface DriftAnswered {
  database: DatabaseRef;
  as: 'adopt' | 'restore' | 'ignore';
  found: Managed | null;
}

/**
 * What an answer comes to: operations that lead to what was found (adopt), or back from it (restore), and what that
 * database is from then on, where it differs.
 */
export interface DriftDecision {
  changes: ColumnOp[];
  /** Missing: nothing is to be done to indexes. */
  index_changes?: IndexOp[];
  variant: Variant | null;
}

/** Pure. Errors: Refused unsupported_change. */
export function answerToDrift(
  considered: Considered,
  { database, as, found }: DriftAnswered,
  engines: Engine[],
): DriftDecision {
  return found === null
    ? answerToNoTable(considered.ahead, database, as)
    : answerTo(considered, { database, as, found }, engines);
}

function decision(changes: ColumnOp[], onIndexes: IndexOp[], variant: Variant | null): DriftDecision {
  return { changes, ...(onIndexes.length === 0 ? {} : { index_changes: onIndexes }), variant };
}

function answerToNoTable({ columns }: Outlook, database: DatabaseRef, as: DriftAnswered['as']): DriftDecision {
  if (as === 'ignore')
    throw new Refused(
      'unsupported_change',
      `the table is gone from ${database.name}: restore it there, or adopt that it is gone`,
    );
  if (as === 'restore') refuseBuiltElsewhere(columns, [engineOf(database.engine)]);
  return decision([], [], null);
}

function answerTo(
  considered: Considered,
  { database, as, found }: DriftAnswered & { found: Managed },
  engines: Engine[],
): DriftDecision {
  const { ahead } = considered;
  if (as === 'adopt') return adopting(considered, database, found, engines);
  if (as === 'restore') {
    const changes = opsLeadingTo(found.columns, ahead.columns);
    for (const op of changes) refuseUnlike(op, found.columns, [database]);
    const onIndexes = indexOpsLeadingTo(found, ahead.indexes, changes);
    return decision(changes, onIndexes, variantOf(ahead, applyOps(found, changes, onIndexes), []));
  }
  const own = found.columns.filter((c) => findColumn(ahead.columns, c.name) !== undefined);
  const beside = found.columns.filter((c) => !own.includes(c)).map((c) => c.name);
  return decision([], [], variantOf(ahead, { columns: own, indexes: found.indexes }, beside));
}

function adopting(considered: Considered, database: DatabaseRef, found: Managed, engines: Engine[]): DriftDecision {
  const { ahead } = considered;
  const accepted = acceptedIn(considered, database.id, found);
  const beside = accepted?.beside ?? [];
  const managed: Managed = { columns: withoutNames(found.columns, beside), indexes: found.indexes };
  const from: Managed = { columns: accepted?.columns ?? ahead.columns, indexes: accepted?.indexes ?? ahead.indexes };
  const changes = opsLeadingTo(from.columns, managed.columns);
  const onIndexes = indexOpsLeadingTo(from, managed.indexes, changes);
  const after = applyOps(ahead, changes, onIndexes);
  if (after.columns.length > MAX_COLUMNS)
    throw new Refused('unsupported_change', `a table has at most ${MAX_COLUMNS} columns`);
  const others = ahead.databases.filter((d) => d.id !== database.id);
  if (others.length > 0) {
    for (const op of changes) refuseUnlike(op, ahead.columns, others);
    refuseUnsupported(after.columns, engines);
    refuseUnindexable(after, engines);
  }
  return decision(changes, onIndexes, variantOf(after, managed, beside));
}

/**
 * How the database was allowed to differ, as it will be once every pending change is done; null: it was not, or it
 * differs in nothing else, so that an answer can only mean what was ignored.
 */
function acceptedIn({ table, pendingOps }: Considered, databaseId: string, found: Managed): Variant | null {
  const variant = table.variants[databaseId];
  if (variant === undefined) return null;
  const columns = pendingOps.flatMap(({ ops }) => ops).reduce(applyOp, variant.columns);
  const sameKeys = variant.indexes === undefined || sameIndexes(variant.indexes, found.indexes);
  const isNothingElse = opsLeadingTo(columns, withoutNames(found.columns, variant.beside)).length === 0 && sameKeys;
  return isNothingElse ? null : { ...variant, columns };
}
