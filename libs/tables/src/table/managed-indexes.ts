import {
  findNamed,
  indexMentions,
  sameIndex,
  tellIndex,
  withIndexColumnRenamed,
  withoutGoneColumns,
  type Column,
  type Engine,
  type Index,
  type Managed,
  type Plan,
  type Task,
} from '#byodb';
import type { Saga } from '#sagas';
import { applyOp } from './columns.js';
import type { ColumnOp, IndexOp } from './event-parts.js';
import { Refused } from './refused.js';
import { indexesOf, type Table } from './table.js';

/**
 * What a table's columns and indexes are after operations on both. Indexes go and get other names before columns
 * change, and are made behind them. Lenient, as `applyOp` is.
 */
export function applyOps(before: Managed, ops: ColumnOp[], indexOps: IndexOp[] = []): Managed {
  const went = indexOps.filter((op) => !isMaking(op)).reduce(applyIndexOp, before.indexes);
  const { columns, indexes } = afterColumnOps({ columns: before.columns, indexes: went }, ops);
  return { columns, indexes: indexOps.filter(isMaking).reduce(applyIndexOp, indexes) };
}

/** An index follows its columns' names, and goes with one of them. */
function afterColumnOps(before: Managed, ops: ColumnOp[]): Managed {
  const renamed = ops.reduce(
    (indexes, op) => (op.op === 'rename' ? withIndexColumnRenamed(indexes, op.name, op.to) : indexes),
    before.indexes,
  );
  const columns = ops.reduce(applyOp, before.columns);
  return { columns, indexes: withoutGoneColumns(renamed, columns) };
}

function isMaking(op: IndexOp): boolean {
  return op.op === 'create' || op.op === 'replace';
}

/** Lenient, for foreseeing: an op that no longer fits changes nothing here and is refused when its turn comes. */
export function applyIndexOp(indexes: Index[], op: IndexOp): Index[] {
  const found = findNamed(indexes, nameOf(op));
  switch (op.op) {
    case 'create':
      return found === undefined ? [...indexes, op.index] : indexes;
    case 'drop':
      return indexes.filter((index) => index !== found);
    case 'rename':
      return indexes.map((index) => (index === found ? withNewName(index, op) : index));
    case 'replace':
      if (found === undefined) return [...indexes, op.index];
      return sameIndex(found, op.index) ? indexes : indexes.map((index) => (index === found ? op.index : index));
  }
}

function withNewName(
  { adopted: _adopted, ...index }: Index,
  { to, called }: Extract<IndexOp, { op: 'rename' }>,
): Index {
  return { ...index, name: to, called };
}

/** The index that an operation is about, by the name that it has before. */
function nameOf(op: IndexOp): string {
  return op.op === 'create' || op.op === 'replace' ? op.index.name : op.name;
}

/** Why operations decided earlier no longer make sense of the table as it is by now; null: they do. */
export function misfitOfIndexes({ columns, indexes }: Managed, ops: IndexOp[]): string | null {
  let now = indexes;
  for (const op of ops) {
    const misfit = misfitOfOne(now, columns, op);
    if (misfit !== null) return misfit;
    now = applyIndexOp(now, op);
  }
  return null;
}

function misfitOfOne(indexes: Index[], columns: Column[], op: IndexOp): string | null {
  const name = nameOf(op);
  const found = findNamed(indexes, name);
  if (op.op === 'create' && found !== undefined) return `there is an index ${name} by now`;
  if (op.op !== 'create' && found === undefined) return `there is no index ${name} any more`;
  if (op.op === 'rename') {
    const taken = findNamed(indexes, op.to);
    return taken === undefined || taken === found ? null : `there is an index ${op.to} by now`;
  }
  if (op.op === 'drop') return null;
  const missing = op.index.columns.find((column) => findNamed(columns, column.name) === undefined);
  return missing === undefined ? null : `there is no column ${missing.name} any more`;
}

/**
 * The index that needs a column which is to be dropped, as a sentence; null: none does. One that the table was adopted
 * with goes with the column, and comes back with it.
 */
export function neededColumn(indexes: Index[], ops: ColumnOp[], indexOps: IndexOp[] = []): string | null {
  let now = indexOps.filter((op) => !isMaking(op)).reduce(applyIndexOp, indexes);
  for (const op of ops) {
    if (op.op === 'rename') now = withIndexColumnRenamed(now, op.name, op.to);
    if (op.op !== 'drop') continue;
    const needing = now.find((index) => index.adopted !== true && indexMentions(index, op.name));
    if (needing !== undefined)
      return `index ${needing.name} ${tellIndex(needing)} needs the column ${op.name}: drop the index first`;
  }
  return null;
}

/** Errors: Refused unsupported_change (one of the engines cannot make one of the indexes). */
export function refuseUnindexable({ columns, indexes }: Managed, engines: Engine[]): void {
  for (const engine of engines) {
    for (const index of indexes) {
      const own = columns.filter((column) => column.type !== 'native' && indexMentions(index, column.name));
      const reason = engine.refusesIndex(own, index);
      if (reason !== null) throw new Refused('unsupported_change', `${engine.name}: ${reason}`);
    }
  }
}

/** Whether two lists say the same of their indexes, whatever these are called in databases. */
export function sameIndexes(some: Index[], others: Index[]): boolean {
  return (
    some.length === others.length &&
    some.every((index) => {
      const other = others.find(({ name }) => name === index.name);
      return other !== undefined && sameIndex(index, other);
    })
  );
}

/**
 * Operations that lead to these indexes. `ops`: what happens to columns in the same change. One that has another name
 * alone is renamed.
 */
export function indexOpsLeadingTo(from: Managed, to: Index[], ops: ColumnOp[] = []): IndexOp[] {
  const { indexes: after } = afterColumnOps(from, ops);
  const stays = (wanted: Index): Index | undefined => {
    const found = findNamed(after, wanted.name);
    return found !== undefined && sameIndex(found, wanted) ? found : undefined;
  };
  const kept = new Set(to.flatMap((wanted) => stays(wanted)?.name ?? []));
  const open = to.filter((wanted) => stays(wanted) === undefined);
  const renamed: { from: Index; to: Index }[] = [];
  for (const wanted of open) {
    const free = findNamed(after, wanted.name) === undefined;
    const was = after.find(
      (index) => !kept.has(index.name) && !renamed.some((pair) => pair.from === index) && sameIndex(index, wanted),
    );
    if (free && was !== undefined) renamed.push({ from: was, to: wanted });
  }
  const gone = from.indexes.filter(({ name }) => !kept.has(name) && !renamed.some((pair) => pair.from.name === name));
  return [
    ...gone.map(({ name }): IndexOp => ({ op: 'drop', name })),
    ...renamed.map((pair): IndexOp => {
      return { op: 'rename', name: pair.from.name, to: pair.to.name, called: pair.to.called };
    }),
    ...open
      .filter((wanted) => !renamed.some((pair) => pair.to === wanted))
      .map((index): IndexOp => ({ op: 'create', index })),
  ];
}

/** What operations on indexes come to in one database: before what happens to columns, and behind it. */
export function indexTasks(
  table: string,
  there: Managed,
  ops: ColumnOp[],
  indexOps: IndexOp[],
): { before: Task[]; behind: Task[] } {
  const before: Task[] = [];
  let indexes = there.indexes;
  for (const op of indexOps) {
    const found = findNamed(indexes, nameOf(op));
    // A database that differs by somebody's word may not have the index, or have it already.
    if (found === undefined || op.op === 'create') continue;
    if (op.op === 'rename')
      before.push({ do: 'rename_index', table, index: found, to: { name: op.to, called: op.called } });
    else if (op.op === 'drop' || !sameIndex(found, op.index)) before.push({ do: 'drop_index', table, index: found });
    else continue;
    indexes = op.op === 'replace' ? indexes.filter((index) => index !== found) : applyIndexOp(indexes, op);
  }
  const behind: Task[] = [];
  let after = afterColumnOps({ columns: there.columns, indexes }, ops).indexes;
  for (const op of indexOps.filter(isMaking)) {
    const next = applyIndexOp(after, op);
    const made = next.filter((index) => !after.includes(index));
    behind.push(...made.map((index): Task => ({ do: 'create_index', table, index })));
    after = next;
  }
  return { before, behind };
}

/** An operation as a part of a sentence. */
export function sayIndexOp(op: IndexOp): string {
  switch (op.op) {
    case 'create':
      return `create index ${op.index.name} ${tellIndex(op.index)}`;
    case 'replace':
      return `make index ${op.index.name} ${tellIndex(op.index)}`;
    case 'drop':
      return `drop index ${op.name}`;
    case 'rename':
      return `rename index ${op.name} to ${op.to}`;
  }
}

/**
 * The table's indexes, where a saga has brought some back under names that are not known yet: a table that was restored
 * under another name may have had to give them others.
 */
export function withNamesLearnt(
  table: Pick<Table, 'indexes'>,
  { steps }: Pick<Saga<object, Plan>, 'steps'>,
): Pick<Table, 'indexes'> {
  const left = steps.flatMap((step) => step.plan?.indexes_after ?? []);
  const learnt = indexesOf(table).map((index) => {
    const names = left.filter(({ name }) => name === index.name).flatMap(({ called }) => called);
    return { ...index, called: [...new Set([...index.called, ...names])] };
  });
  const isSame = learnt.every((index, i) => index.called.length === table.indexes?.[i]?.called.length);
  return isSame ? {} : { indexes: learnt };
}
