import { engineOf, type Engine } from '#byodb';
import type { Saga, SagaEvent } from '#sagas';
import type { Change, DatabaseChange, DatabaseRef, EventOf, RequestEvent } from '#tables';

/** A command decided: the event that asks for a change, and the databases on which a saga will carry it out. */
export interface Decided {
  event: RequestEvent;
  databases: DatabaseRef[];
  /** Sagas ahead of it that are told something in the same commit. */
  told?: Told[];
}

/** A command decided that makes a table. */
export interface Creation extends Decided {
  event: EventOf<'TableCreationRequested'>;
}

export interface Told {
  saga: Saga;
  events: SagaEvent[];
}

/**
 * A command about a database and several of its tables, decided: the event for each table's stream, `version` being the
 * one it is at.
 */
export interface DecidedForDatabase {
  change: DatabaseChange;
  events: { table_id: string; name: string; version: number; event: RequestEvent }[];
  steps: object[];
  /** Tables that an adoption of all of them left out, and why. */
  skipped?: Skipped[];
}

export interface Skipped {
  name: string;
  kind: string;
  reason: string;
}

/** What is to be appended, and the 202's body but for the saga. */
export interface Requested {
  sagaId: string;
  tables: { table_id: string; version: number; event: RequestEvent }[];
  change: Change | DatabaseChange;
  subject: { id: string; name: string };
  targets: DatabaseRef[];
  body: object;
  told: Told[];
}

/** One of each. */
export function enginesOf(databases: DatabaseRef[]): Engine[] {
  return [...new Set(databases.map((d) => d.engine))].map((engine) => engineOf(engine));
}
