import { convertible, engineOf, foldName, MAX_COLUMNS, type Column, type Engine, type EngineName } from '#byodb';
import { refuseBuiltElsewhere, Refused, refuseEnded, refuseOwnTypes, refuseUnsupported } from './decide.js';
import {
  applyOp,
  findColumn,
  opsOf,
  outlook,
  type ColumnOp,
  type DatabaseRef,
  type DriftAnswer,
  type EventOf,
  type Outlook,
  type Table,
  type Variant,
} from './table.js';

/**
 * Decides what an answer to drift changes. `found`: the columns that stand in `database` now; null: the table is not
 * there. `adopt`: history and the other databases follow, but for what was ignored before, unless nothing else differs:
 * then it is meant. `restore`: that database goes back to what history says. `ignore`: it stays as it is, and is no drift
 * any more.
 */
export function decideDrift(
  table: Table,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Column[] | null,
  engines: Engine[],
  sagaId: string,
): EventOf<'DriftResolutionRequested'> {
  refuseEnded(table);
  const ahead = outlook(table);
  if (!ahead.databases.some((d) => d.id === database.id))
    throw new Refused('table_not_found', `the table does not live in ${database.name}`);
  const answer =
    found === null
      ? answerToNoTable(ahead, database, as)
      : answerTo(ahead, acceptedIn(table, database.id, found), database, as, found, engines);
  return { type: 'DriftResolutionRequested', saga_id: sagaId, database, as, found, ...answer };
}

type DriftDecision = Pick<EventOf<'DriftResolutionRequested'>, 'changes' | 'variant'>;

function answerToNoTable({ columns }: Outlook, database: DatabaseRef, as: DriftAnswer): DriftDecision {
  if (as === 'ignore')
    throw new Refused(
      'unsupported_change',
      `the table is gone from ${database.name}: restore it there, or adopt that it is gone`,
    );
  if (as === 'restore') refuseBuiltElsewhere(columns, [engineOf(database.engine as EngineName)]);
  return { changes: [], variant: null };
}

function answerTo(
  { columns, databases }: Outlook,
  accepted: Variant | null,
  database: DatabaseRef,
  as: DriftAnswer,
  found: Column[],
  engines: Engine[],
): DriftDecision {
  if (as === 'ignore') {
    const own = found.filter((c) => findColumn(columns, c.name) !== undefined);
    const beside = found.filter((c) => !own.includes(c)).map((c) => c.name);
    return { changes: [], variant: variantOf(columns, own, beside) };
  }
  if (as === 'restore') {
    const changes = leading(found, columns);
    for (const op of changes) refuseUnlike(op, found, [database]);
    return { changes, variant: variantOf(columns, changes.reduce(applyOp, found), []) };
  }
  const beside = accepted?.beside ?? [];
  const managed = without(found, beside);
  const changes = leading(accepted?.columns ?? columns, managed);
  const after = changes.reduce(applyOp, columns);
  if (after.length > MAX_COLUMNS) throw new Refused('unsupported_change', `a table has at most ${MAX_COLUMNS} columns`);
  const others = databases.filter((d) => d.id !== database.id);
  if (others.length > 0) {
    for (const op of changes) refuseUnlike(op, columns, others);
    refuseUnsupported(after, engines);
  }
  return { changes, variant: variantOf(after, managed, beside) };
}

/**
 * How the database was allowed to differ, as it will be once every pending change is done; null: it was not, or it
 * differs in nothing else, so that an answer can only mean what was ignored.
 */
function acceptedIn(table: Table, databaseId: string, found: Column[]): Variant | null {
  const variant = table.variants[databaseId];
  if (variant === undefined) return null;
  const columns = table.pending.flatMap(({ change }) => opsOf(change)).reduce(applyOp, variant.columns);
  return leading(columns, without(found, variant.beside)).length === 0 ? null : { ...variant, columns };
}

function without(columns: Column[], names: string[]): Column[] {
  return columns.filter((column) => !names.some((name) => foldName(name) === foldName(column.name)));
}

function leading(from: Column[], to: Column[]): ColumnOp[] {
  const renamed = renamedIn(from, to);
  const before = from.map((column) => renamed.find((pair) => pair.from === column)?.to ?? column);
  return [
    ...renamed.map((pair): ColumnOp => ({ op: 'rename', name: pair.from.name, to: pair.to.name, set: null })),
    ...before.filter((c) => findColumn(to, c.name) === undefined).map((c): ColumnOp => ({ op: 'drop', name: c.name })),
    ...to
      .filter((c) => {
        const was = findColumn(before, c.name);
        return was !== undefined && !sameColumn(was, c);
      })
      .map((column): ColumnOp => ({ op: 'take', column })),
    ...to.filter((c) => findColumn(before, c.name) === undefined).map((column): ColumnOp => ({ op: 'add', column })),
  ];
}

/**
 * Columns that stand in the same place with another name and nothing else changed: they were renamed. Taken for a
 * column that went and one that came, their values would not follow.
 */
function renamedIn(from: Column[], to: Column[]): { from: Column; to: Column }[] {
  return from.flatMap((column, i) => {
    const now = to[i];
    if (now === undefined || findColumn(to, column.name) !== undefined || findColumn(from, now.name) !== undefined)
      return [];
    return sameColumn({ ...now, name: column.name }, column) ? [{ from: column, to: now }] : [];
  });
}

/** Null: the database is no exception. */
function variantOf(columns: Column[], there: Column[], beside: string[]): Variant | null {
  const same = columns.length === there.length && columns.every((column, i) => sameColumn(column, there[i]!));
  return beside.length === 0 && same ? null : { columns: there, beside };
}

/** Whatever the order of their fields: one may have been read, the other asked for. */
function sameColumn(a: Column, b: Column): boolean {
  const told = (column: Column): string => JSON.stringify(Object.entries(column).sort(([x], [y]) => (x < y ? -1 : 1)));
  return told(a) === told(b);
}

/** What no DDL through here does to a table with rows. */
function refuseUnlike(op: ColumnOp, from: Column[], databases: DatabaseRef[]): void {
  const refuse = (name: string, why: string): never => {
    throw new Refused('unsupported_change', `${name} ${why}: adopt or ignore it, or mend it by hand`);
  };
  if (op.op === 'add') {
    refuseBuiltElsewhere(
      [op.column],
      databases.map((d) => engineOf(d.engine as EngineName)),
    );
    if (op.column.primary_key)
      refuse(op.column.name, 'is part of the primary key, which is not added to a table that is there');
  } else if (op.op === 'take') {
    const was = from.find((c) => foldName(c.name) === foldName(op.column.name))!;
    refuseOwnTypes([op.column]);
    if (
      was.primary_key !== op.column.primary_key ||
      was.key_place !== op.column.key_place ||
      was.generated !== op.column.generated
    )
      refuse(was.name, 'has another place in the primary key, or is numbered in one of the two only');
    if (!convertible(was.type, op.column.type))
      refuse(was.name, `is ${was.native?.type ?? was.type} and cannot become ${op.column.type}`);
  }
}
