import { changed, fold, made, type Column, type Literal } from './columns.js';
import type { Change, ChangeItem } from './plan-items.js';

export type Outcome = 'completed' | 'compensated' | 'rejected';

/**
 * What became of one request of the plan. `refused`: a 4xx, nothing recorded; `skipped`: it had no table to speak of.
 */
export type Fate =
  | { fate: 'accepted'; sagaId: string; tableId: string; done?: Done }
  | { fate: 'refused'; code: string }
  | { fate: 'skipped' };

/**
 * What only the run knows of a change: the version that a revert went for; the database and column of a change by hand.
 */
export interface Done {
  version?: number;
  database?: string;
  name?: string;
}

/** A table that somebody else made, behind the program's back. */
export interface Foreign {
  database: string;
  name: string;
  table: number;
  late: boolean;
  rows: string[][];
}

export interface ModelTable {
  table: number;
  tableId: string;
  name: string;
  databases: string[];
  columns: Column[];
  exists: boolean;
  dropped: boolean;
  names: Names;
  /** As it was from each version of its stream on. */
  past?: { version: number; name: string; columns: Column[] }[];
  /** Databases that it was taken from once: what stands aside there may be rows of any time. */
  left?: Set<string>;
  /** What others put into it by hand, and history does not know, by database. */
  extras?: Map<string, Set<string>>;
  /** What came back may stand elsewhere than it stood. */
  loose?: boolean;
}

/** Which columns ever bore a name, for a moment even: more than one, and a value written to it cannot be told. */
export type Names = Map<string, Set<number>>;

/** A value as it was written; none where it is not known what was committed, so that nothing can be claimed. */
export type Allowed = Literal[];

export interface WrittenRow {
  table: number;
  database: string;
  key: number;
  /** False: its INSERT was never answered, so it may be there or not. */
  certain: boolean;
  /** In the order written, by the name that the column had then. */
  values: { name: string; allowed: Allowed }[];
  lastWriteAt: number;
}

/** Plays one accepted change. A string says why what is said to be completed makes no sense. */
export function play(
  table: ModelTable | undefined,
  item: ChangeItem,
  tableId: string,
  outcome: Outcome,
  version = 0,
  done: Done = {},
): ModelTable | string {
  const next = playOne(table, item, tableId, outcome, done);
  if (typeof next === 'string' || outcome !== 'completed') return next;
  return { ...next, past: [...(table?.past ?? []), { version, name: next.name, columns: next.columns }] };
}

function playOne(
  table: ModelTable | undefined,
  item: ChangeItem,
  tableId: string,
  outcome: Outcome,
  done: Done,
): ModelTable | string {
  const { change } = item;
  if (change.what === 'adopt')
    return playOne(
      undefined,
      {
        ...item,
        change: {
          what: 'create',
          name: change.name,
          databases: [change.database],
          entries: change.entries,
          occupied: null,
        },
      },
      tableId,
      outcome,
      done,
    );
  if (change.what === 'create') {
    const columns = change.entries.map((e, i) => made(e.body, i));
    const names: Names = new Map(columns.map((c) => [fold(c.name), new Set([c.uid])]));
    const exists = outcome === 'completed';
    return {
      table: item.table,
      tableId,
      name: change.name,
      databases: change.databases,
      columns: exists ? columns : [],
      exists,
      dropped: false,
      names,
    };
  }
  if (table === undefined) return 'a change of a table that was never asked for';
  if (change.what === 'drift') return playDrift(table, change, outcome, done);
  if (change.what === 'columns') return playColumns(table, change, item.seq, outcome);
  if (outcome !== 'completed') return table;
  // A restore of a table that is there alters nothing and completes.
  if (change.what === 'databases') {
    const left = new Set([...(table.left ?? []), ...change.remove]);
    return {
      ...table,
      left,
      databases: [
        ...table.databases.filter((name) => !change.remove.includes(name)),
        ...change.add.filter((name) => !table.databases.includes(name)),
      ],
    };
  }
  if (change.what === 'revert') {
    const then = table.past?.findLast((p) => p.version <= done.version!);
    return then === undefined
      ? 'reverted to what it never was'
      : { ...table, name: then.name, columns: then.columns, loose: true };
  }
  if (change.what === 'restore')
    return table.dropped || table.exists
      ? { ...table, exists: true, dropped: false }
      : 'restored, though it never came to be';
  if (!table.exists) return `${change.what} completed on a table that does not exist`;
  return change.what === 'rename' ? { ...table, name: change.name } : { ...table, exists: false, dropped: true };
}

/** What somebody did by hand stands, whatever became of the answer to it. */
function playDrift(
  table: ModelTable,
  { hand, as, uid }: Extract<Change, { what: 'drift' }>,
  outcome: Outcome,
  { database, name }: Done,
): ModelTable | string {
  if (hand === 'drop') return { ...table, loose: true };
  const extras = new Map([...(table.extras ?? [])].map(([where, all]) => [where, new Set(all)]));
  const there = extras.get(database!) ?? new Set();
  extras.set(database!, there.add(name!));
  const names: Names = new Map([...table.names, [fold(name!), new Set([HAND + uid])]]);
  if (outcome === 'completed' && as !== 'ignore') there.delete(name!);
  const columns =
    outcome === 'completed' && as === 'adopt'
      ? [...table.columns, made({ name: name!, type: 'integer' }, HAND + uid)]
      : table.columns;
  return { ...table, names, columns, extras, loose: true };
}

/** Apart from the numbers of columns that were asked for. */
const HAND = 1_000_000_000;

/** What was undone is played too, for the names that were there for a moment: rows may have been written to them. */
function playColumns(
  table: ModelTable,
  change: Extract<Change, { what: 'columns' }>,
  seq: number,
  outcome: Outcome,
): ModelTable | string {
  const names: Names = new Map([...table.names].map(([name, uids]) => [name, new Set(uids)]));
  let { columns } = table;
  for (const [i, { body }] of change.entries.entries()) {
    // The plan may have taken it for an alteration: whether it adds is told by what there is.
    const next = changed(columns, body, (seq + 1) * 1000 + i);
    if (next === null && outcome === 'completed')
      return (
        `${JSON.stringify(body)} completed, though it makes no sense for columns ` +
        `${columns.map((c) => c.name).join(', ')}`
      );
    if (next === null) break;
    columns = next;
    for (const { name, uid } of columns) names.set(fold(name), (names.get(fold(name)) ?? new Set()).add(uid));
  }
  if (outcome !== 'completed') return { ...table, names };
  return table.exists ? { ...table, names, columns } : 'columns completed on a table that does not exist';
}

/**
 * What must be found in a row, by the columns' names of now; columns of which nothing certain is known are left out.
 */
export function expectedValues(table: Pick<ModelTable, 'columns' | 'names'>, row: WrittenRow): Map<string, Allowed> {
  const byUid = new Map<number, Allowed>();
  for (const { name, allowed } of row.values) {
    const uids = table.names.get(fold(name)) ?? new Set();
    for (const uid of uids) byUid.set(uid, uids.size === 1 ? allowed : []);
  }
  return new Map(
    table.columns.flatMap((c) => ((byUid.get(c.uid) ?? []).length > 0 ? [[c.name, byUid.get(c.uid)!] as const] : [])),
  );
}
