import type { ZodType } from 'zod';
import type { Managed, Plan, Task } from '#byodb';
import type { ChangeStep, Saga } from '#sagas';
import type { ColumnOp, DatabaseRef, EventDefinition } from '../table/event-parts.js';
import type { Outlook, Table } from '../table/table.js';
import type { Failure } from '../table/failure.js';
import type { Change, DoneEvent, RequestEvent } from './index.js';

/**
 * All that one kind of change is: what it says in the log, what it means to a table, and what it asks of databases. One
 * file each; index.ts lists them. Every member must be given, so that none is forgotten by a new kind; one that asks
 * for nothing says so.
 */
export interface ChangeType<
  C = Change,
  R extends { type: string } = RequestEvent,
  O extends { type: string } = DoneEvent,
> {
  /** The event that asks for it. */
  readonly requested: EventDefinition & { type: R['type'] };
  /** The event that tells that it was done. */
  readonly done: EventDefinition & { type: O['type'] };
  /** The body of the call that asks for it. */
  readonly body: ZodType;

  /** The change as its event asks for it. */
  changeOf(event: R): C;

  /** What the table will be when it succeeds. Pure. */
  foresee(ahead: Outlook, change: C): Outlook;
  /** When its turn has come: whether it is still to be done to the confirmed table. Pure. */
  judge(table: Table, change: C): Judgement;
  /**
   * What is another in the table after it was done; its pending change is gone already. Pure. `change`: undefined in a
   * stream of which the beginning is missing.
   */
  conclude(table: Table, event: O, change: C | undefined, at: string): Partial<Table>;
  /** What is another after it was rejected or compensated. Pure. */
  fail(table: Table, event: Failure, at: string): Partial<Table>;
  /** The event that tells that a saga has done it. */
  outcome(ending: Ending<C>): O;

  /** The operations on columns that it asks of a database that is no exception. */
  columnOps(change: C): ColumnOp[];
  /** The names that the table may get by it: nobody else may have them. */
  names(change: C, table: { name: string }): string[];
  /** Databases that it brings the table to. */
  bringsTo(change: C): DatabaseRef[];
  /** Sagas of which it destroys what they set aside; none: it destroys nothing. */
  destroys(change: C): string[];
  /** Whether it brings back what was set aside: while it is pending nothing is destroyed. */
  readonly bringsBack: boolean;
  /** Whether it can never be undone. */
  isForGood(change: C): boolean;
  /** Whether the table begins with it. */
  readonly begins: boolean;
  /** Whether it chooses its databases itself; others go to all in which the table lives. */
  readonly choosesDatabases: boolean;
  /** Whether one saga does it to several tables of one database. */
  readonly isOfDatabase: boolean;

  /** What is managed of the table in one database before it begins. */
  standing(change: C, place: Place): Managed;
  /** What it comes to in one database, in order; none: the table is only looked at there. */
  tasks(change: C, place: Place, past: Past): Promise<Task[]>;
  /** Why, by what the past says, it cannot be done after all; null: it can. */
  contradiction(change: C, table: Table, past: Past): Promise<string | null>;

  /** One plain sentence for each of its events. */
  sayRequested(event: R): string;
  sayDone(event: O): string;
}

export type Judgement = { do: 'go' } | { do: 'nothing' } | { do: 'refuse'; reason: string };

/** A table in one database. */
export interface Place {
  table: Table;
  databaseId: string;
}

/** What came before, as far as a change needs it to be carried out. */
export interface Past {
  /** The steps that a saga applied in one database; none for a saga that is not known. */
  stepsIn(sagaId: string | undefined, databaseId: string): Promise<ChangeStep<Plan>[]>;
  /** The table after one of its events; null: there is no such version. */
  tableAt(tableId: string, version: number): Promise<Table | null>;
}

/** A saga that has done its change. */
export interface Ending<C> {
  /** As it was before. */
  table: Table;
  change: C;
  saga: Saga<object, Plan>;
  /** Until when what it set aside is kept, if it set anything aside (ISO 8601). */
  keptUntil: string;
  /** The same; null: it set nothing aside. */
  reversibleUntil: string | null;
}

export const GO: Judgement = { do: 'go' };
export const NOTHING: Judgement = { do: 'nothing' };
export const refuse = (reason: string): Judgement => ({ do: 'refuse', reason });

/** For changes that make no sense of a table that is not there. */
export function onlyIfItStands(judge: () => Judgement, table: Table): Judgement {
  if (table.exists) return judge();
  return refuse(table.ended === 'failed' ? `the table's creation failed` : 'the table is dropped');
}

export const MOVED_ON = 'the table lives elsewhere by now';
