import type { Ddl, Dependent, Direction, Engine, Need, Rendered, Session } from './engine.js';
import { DatabaseError } from './errors.js';
import type { Expectation } from './expectation.js';
import type { LiveTable } from './live.js';
import type { Column } from './schema.js';

/** What planning may know: nothing of it is a clock, randomness or I/O. */
export interface PlanContext {
  engine: Engine;
  /** The table's id in history. */
  tableId: string;
  /** Names of what is set aside are made from it, so that they are known before the step runs. */
  stepId: string;
  /** The managed columns as they will be when the step's turn comes. */
  columns: Column[];
}

/** All that apply and compensate need, as data. */
export interface Plan<P = unknown> {
  operation: string;
  params: P;
  table_id: string;
  /** The table that the step works on, and what it is called when the step is done (what compensation works on). */
  table: string;
  table_after: string;
  /** Whose fingerprint tells the state after: differs from `table_after` where the table is set aside. */
  shown_after: string;
  before: Expectation[];
  after: Expectation[];
  /**
   * The table as it was predicted or found at planning; compensation restores from what it finds recorded by apply, see
   * step.ts.
   */
  was: LiveTable | null;
  columns_after: Column[];
  statements: string[];
  compensation: string[];
  reason: string;
  /** Names of indexes and the like that come back with a table and must be free. */
  takes?: string[];
  /** What else the statements need; missing in plans of earlier versions. */
  needs?: Need[];
  /** Sentences on what the statements leave as it is, for who reads the plan. */
  notes?: string[];
  /** See `Rendered.fills`. */
  fills?: true;
}

export type Draft = Omit<Plan, 'operation' | 'params' | 'table_id' | 'was'> & { live: LiveTable | null };

export interface Work {
  statements: string[];
  /**
   * The statements lose nothing whatever is written before them, and cannot run while the table is frozen (MySQL: a
   * rename).
   */
  thawFirst?: boolean;
}

/** One kind of schema change; one file each. */
export interface Operation<P> {
  readonly kind: string;
  /** Pure. Throws DatabaseError `unsupported_change` for what the engine cannot do. */
  plan(params: P, before: LiveTable | null, context: PlanContext): Draft;
  /** What can be known beforehand from live data; throws DatabaseError. Run in prepare and again under the lock. */
  check?(session: Session, plan: Plan<P>, live: LiveTable | null, limits: Limits, ddl: Ddl): Promise<void>;
  /** What it does depends on the rows that it finds: nobody may write between its look and its statement. */
  readonly looksAtRows?: { apply?: true; compensate?: true };
  apply(session: Session, plan: Plan<P>, live: LiveTable | null, ddl: Ddl): Promise<Work>;
  compensate(session: Session, plan: Plan<P>, live: LiveTable | null, ddl: Ddl): Promise<Work>;
  /**
   * Statements that follow, by what stands there by then. Run again after a crash, also where the others have run
   * already: safe to run twice. Missing: none follow.
   */
  settle?(session: Session, plan: Plan<P>, direction: Direction, ddl: Ddl): Promise<string[]>;
  /**
   * What takes away what the first of its statements left, where the last one was not run and the columns say nothing
   * of it. Missing: there is nothing of the kind.
   */
  tidy?(session: Session, plan: Plan<P>): Promise<string[]>;
}

export interface Limits {
  maxRewriteRows: number;
}

export function statementsOf(rendered: Rendered): Work {
  return { statements: rendered.statements, ...(rendered.thawFirst === undefined ? {} : { thawFirst: true }) };
}

/** `on`: what the others hang on. Errors: DatabaseError dependents_exist. */
export function refuseDependents(dependents: readonly Dependent[], on: string): void {
  if (dependents.length > 0)
    throw new DatabaseError(
      'dependents_exist',
      `${dependents.map((d) => `${d.kind} ${d.name}`).join(', ')} depend on ${on}`,
      { details: { dependents } },
    );
}

/** Refuses what could not be put back: see `Session.cannotRemake`. Errors: DatabaseError unsupported_change. */
export async function refuseUnremakeable(
  session: Session,
  live: LiveTable | null,
  column: string | null,
): Promise<void> {
  const reason = live === null ? null : ((await session.cannotRemake?.(live, column)) ?? null);
  if (reason !== null) throw new DatabaseError('unsupported_change', reason);
}

/** A table as it was, told so that it can be made again today: see `Session.inTodaysNames`. */
export async function inTodaysNames(session: Session, was: LiveTable): Promise<LiveTable> {
  return (await session.inTodaysNames?.(was)) ?? was;
}

/**
 * What a renderer gives for the table as it stands; null: not yet, since a change before this one has still to rename
 * something back.
 */
export function renderedNow(render: () => Rendered): Rendered | null {
  try {
    return render();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'unsupported_change') return null;
    throw error;
  }
}

/** Tables as they were, in today's names. */
export async function othersNow(session: Session, others: readonly LiveTable[] = []): Promise<LiveTable[]> {
  const now: LiveTable[] = [];
  for (const other of others) now.push(await inTodaysNames(session, other));
  return now;
}

/** `_saga_<32 hex of the step's id>`: 38 bytes, under every engine's limit with room for a suffix. */
export function asideName(stepId: string, suffix = ''): string {
  return `_saga_${stepId.replaceAll('-', '')}${suffix}`;
}

/** A unique constraint's name: index names are global in some engines, so it is the step's and not the table's. */
export function uniqueName(stepId: string, index = 0): string {
  return `uq_${stepId.replaceAll('-', '')}${index === 0 ? '' : `_${index}`}`;
}

export async function hasRows(session: Session, ddl: Ddl, table: string): Promise<boolean> {
  return (await session.query(`select 1 as found from ${ddl.quote(table)} limit 1`)).length > 0;
}

/** Counts rows by an SQL condition. */
export async function countRows(session: Session, ddl: Ddl, table: string, condition: string): Promise<number> {
  const [row] = await session.query(`select count(*) as n from ${ddl.quote(table)} where ${condition}`);
  return Number(row?.['n'] ?? 0);
}
