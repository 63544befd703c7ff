import type { Column, Index, Managed } from '#byodb';
import type { Change } from '../changes/index.js';
import type { ChangeError, ColumnOp, DatabaseRef, Origin, Variant } from './event-parts.js';

export interface PendingChange {
  saga_id: string;
  change: Change;
  requested_at: string;
}

/**
 * What a saga set aside, and until when it is kept. `table`: the dropped table, everywhere; `part`: columns, former
 * values, or the table in `databases`, where it does not live any more.
 */
export interface SetAside {
  saga_id: string;
  what: 'table' | 'part';
  reversible_until: string;
  databases?: DatabaseRef[];
}

/**
 * A database that the table was let go in, since it was lost: what stands there, should it come back, is the table's no
 * more.
 */
export interface LetGo {
  at: string;
  name: string;
}

/** Of what is kept of a table, see ReadModel. */
export const TABLE_SHAPE = 2;

/** The table as confirmed, and what was asked since. */
export interface Table {
  table_id: string;
  version: number;
  name: string;
  exists: boolean;
  ended: 'dropped' | 'failed' | null;
  databases: DatabaseRef[];
  origin: Origin | null;
  columns: Column[];
  /** Missing: it never had one. */
  indexes?: Index[];
  /** By database id. */
  variants: Record<string, Variant>;
  pending: PendingChange[];
  last_error: ChangeError | null;
  reversible_until: string | null;
  set_aside: SetAside[];
  /** By database id; missing in tables of earlier versions. */
  let_go?: Record<string, LetGo>;
  /** A purge that could not be is not asked for again before this time. */
  no_purge_before: string | null;
  created_at: string;
  updated_at: string;
}

/** What a table is before its first event. `databases`: where it is to be made. */
export function newTable(tableId: string, databases: DatabaseRef[]): Table {
  return {
    table_id: tableId,
    version: 0,
    name: '',
    exists: false,
    ended: null,
    databases,
    origin: null,
    columns: [],
    variants: {},
    pending: [],
    last_error: null,
    reversible_until: null,
    set_aside: [],
    no_purge_before: null,
    created_at: '',
    updated_at: '',
  };
}

/**
 * What the table will be called and made of when every pending change succeeds: what a new command is judged against.
 */
export interface Outlook extends Managed {
  name: string;
  dropped: boolean;
  databases: DatabaseRef[];
}

/** A table that a command is about, and what its pending changes come to. */
export interface Considered {
  table: Table;
  ahead: Outlook;
  /** What each of them does to columns, in order. */
  readonly pendingOps: { saga_id: string; ops: ColumnOp[] }[];
  /** Whether one of them brings back something that is set aside. */
  readonly isComingBack: boolean;
}

/** Whether the table lives, or will live, in a database. */
export function livesIn({ databases }: { databases: DatabaseRef[] }, databaseId: string): boolean {
  return databases.some((database) => database.id === databaseId);
}

/** The managed columns as they stand in one database. */
export function columnsIn(table: Pick<Table, 'columns' | 'variants'>, databaseId: string): Column[] {
  return table.variants[databaseId]?.columns ?? table.columns;
}

export function indexesOf(table: Pick<Table, 'indexes'>): Index[] {
  return table.indexes ?? [];
}

/** What is managed of the table in one database. */
export function managedIn(table: Pick<Table, 'columns' | 'indexes' | 'variants'>, databaseId: string): Managed {
  const variant = table.variants[databaseId];
  return { columns: variant?.columns ?? table.columns, indexes: variant?.indexes ?? indexesOf(table) };
}

/** What is managed of the table, where a database is no exception. */
export function managedOf(table: Pick<Table, 'columns' | 'indexes'>): Managed {
  return { columns: table.columns, indexes: indexesOf(table) };
}

/** A table's own fields for these. One that never had an index says nothing of indexes. */
export function fieldsOf(
  table: Pick<Table, 'indexes'>,
  { columns, indexes }: Managed,
): Pick<Table, 'columns' | 'indexes'> {
  return table.indexes === undefined && indexes.length === 0 ? { columns } : { columns, indexes };
}

/** The dropped table itself, as it is kept; undefined: it is not. */
export function tableAside(table: Pick<Table, 'set_aside'>): SetAside | undefined {
  return table.set_aside.find((aside) => aside.what === 'table');
}

/** Whether anything that a saga set aside is still kept. */
export function isKept(table: Pick<Table, 'set_aside'>, sagaId: string): boolean {
  return table.set_aside.some((aside) => aside.saga_id === sagaId);
}

/** The sagas of which a purge that is on its way destroys what they set aside. */
export function beingDestroyed(table: Pick<Table, 'pending'>): Set<string> {
  return new Set(table.pending.flatMap(({ change }) => (change.kind === 'table.purge' ? change.of : [])));
}

/** What keeps the table in a database where it was removed, and from which it can come back. */
export function asideIn(table: Pick<Table, 'set_aside'>, databaseId: string): SetAside | undefined {
  return table.set_aside.find((aside) => aside.databases?.some((database) => database.id === databaseId) === true);
}

/** Whether the table lives in a database, or anything of it is set aside there. */
export function concerns(table: Table, databaseId: string): boolean {
  const isThere = table.ended === null || table.set_aside.some((aside) => aside.databases === undefined);
  return (isThere && livesIn(table, databaseId)) || asideIn(table, databaseId) !== undefined;
}

/** Where the table lives, and where it is only set aside: what was set aside of it before is there too. */
export function placesOf(table: Table): DatabaseRef[] {
  // Of one that lives nowhere any more nothing is kept where it lived last.
  const lives = table.ended === null || tableAside(table) !== undefined;
  const aside = table.set_aside.flatMap((one) => one.databases ?? []);
  const all = [...(lives ? table.databases : []), ...aside];
  return all.filter((ref, i) => all.findIndex((other) => other.id === ref.id) === i);
}

/** One more thing set aside; `until` null: nothing was. */
export function alsoAside(
  setAside: SetAside[],
  sagaId: string,
  what: SetAside['what'],
  until: string | null,
  databases?: DatabaseRef[],
): SetAside[] {
  if (until === null) return setAside;
  const where = databases === undefined ? {} : { databases };
  return [...setAside, { saga_id: sagaId, what, reversible_until: until, ...where }];
}

export function withoutVariants(variants: Record<string, Variant>, ids: string[]): Record<string, Variant> {
  return Object.fromEntries(Object.entries(variants).filter(([id]) => !ids.includes(id)));
}
