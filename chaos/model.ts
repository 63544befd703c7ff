import { changed, fold, made, type Column, type Literal } from './columns.js';
import type { Change, ChangeItem } from './plan.js';

export type Outcome = 'completed' | 'compensated' | 'rejected';

/** What became of one request of the plan. `refused`: a 4xx, nothing recorded; `skipped`: it had no table to speak of. */
export type Fate = { fate: 'accepted'; sagaId: string; tableId: string } | { fate: 'refused'; code: string } | { fate: 'skipped' };

/** A table that somebody else made, behind the program's back. */
export interface Foreign { database: string; name: string; table: number; late: boolean; rows: string[][] }

export interface ModelTable { table: number; tableId: string; name: string; databases: string[]; columns: Column[]; exists: boolean; dropped: boolean }

/** A value as it was written; none where it is not known what was committed, so that nothing can be claimed. */
export type Allowed = Literal[];
export interface WrittenRow {
  table: number; database: string; key: number;
  /** False: its INSERT was never answered, so it may be there or not. */
  certain: boolean;
  /** In the order written, by the name that the column had then. */
  values: { name: string; allowed: Allowed }[];
  lastWriteAt: number;
}

/** Plays one accepted change. A string says why what is said to be completed makes no sense. */
export function play(table: ModelTable | undefined, item: ChangeItem, tableId: string, outcome: Outcome): ModelTable | string {
  const { change } = item;
  if (change.what === 'create') {
    const whole: ModelTable = { table: item.table, tableId, name: change.name, databases: change.databases, columns: [], exists: false, dropped: false };
    return outcome === 'completed' ? { ...whole, exists: true, columns: change.entries.map((e) => made(e.body, e.uid)) } : whole;
  }
  if (table === undefined) return 'a change of a table that was never asked for';
  if (outcome !== 'completed') return table;
  if (change.what === 'restore') return table.dropped ? { ...table, exists: true, dropped: false } : 'restored, though it was not dropped';
  if (!table.exists) return `${change.what} completed on a table that does not exist`;
  if (change.what === 'rename') return { ...table, name: change.name };
  if (change.what === 'drop') return { ...table, exists: false, dropped: true };
  return playColumns(table, change);
}

function playColumns(table: ModelTable, change: Extract<Change, { what: 'columns' }>): ModelTable | string {
  let { columns } = table;
  for (const { body, uid } of change.entries) {
    const next = changed(columns, body, uid);
    if (next === null) return `${JSON.stringify(body)} completed, though it makes no sense for columns ${columns.map((c) => c.name).join(', ')}`;
    columns = next;
  }
  return { ...table, columns };
}

/** Which column each name ever asked for stands for; null where it stood for more than one, so that a written value cannot be told. */
export function namesOf(items: ChangeItem[]): Map<string, number | null> {
  const names = new Map<string, number | null>();
  const name = (text: string, uid: number): void => {
    const known = names.get(fold(text));
    names.set(fold(text), known === undefined || known === uid ? uid : null);
  };
  for (const { change } of items) {
    if (change.what !== 'create' && change.what !== 'columns') continue;
    for (const { body, uid } of change.entries) {
      name(body.name, uid);
      if (body.rename_to !== undefined) name(body.rename_to, uid);
    }
  }
  return names;
}

/** What must be found in a row, by the columns' names of now; columns of which nothing certain is known are left out. */
export function expectedValues(columns: Column[], row: WrittenRow, names: Map<string, number | null>): Map<string, Allowed> {
  const byUid = new Map<number, Allowed>();
  for (const { name, allowed } of row.values) {
    const uid = names.get(fold(name));
    if (uid !== undefined && uid !== null) byUid.set(uid, allowed);
  }
  return new Map(columns.flatMap((c) => ((byUid.get(c.uid) ?? []).length > 0 ? [[c.name, byUid.get(c.uid)!] as const] : [])));
}
