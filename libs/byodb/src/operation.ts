import type { Need, Rendered } from './ddl.js';
import type { Engine } from './engine.js';
import { DatabaseError } from './errors.js';
import type { Expectation } from './expectation.js';
import { isAside, type LiveTable } from './live.js';
import type { Column } from './schema/column.js';
import { withoutGoneColumns, type Index } from './schema/table-index.js';
import type { Direction, Session } from './session.js';

/** What planning may know: nothing of it is a clock, randomness or I/O. */
export interface PlanContext {
  engine: Engine;
  /** The table's id in history. */
  tableId: string;
  /** Names of what is set aside are made from it, so that they are known before the step runs. */
  stepId: string;
  /** The managed columns as they will be when the step's turn comes. */
  columns: Column[];
  /** The managed indexes, likewise. */
  indexes: Index[];
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
   * The table as planning found or predicted it; compensation restores from it. The step itself checks, by the
   * fingerprint in the ledger, that apply had found the same.
   */
  was: LiveTable | null;
  columns_after: Column[];
  /** Missing: the table has no managed index then. */
  indexes_after?: Index[];
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
  /** See `Exclusive.outsideTransaction`; of its statements alone, not of those of its compensation. */
  outsideTransaction?: true;
}

/**
 * What an operation says of its plan. `indexes_after`: missing where it does nothing to indexes. Those whose columns
 * are gone, and what its expectations say of indexes, follow from it.
 */
export type Draft = Omit<Plan, 'operation' | 'params' | 'table_id' | 'was'> & { live: LiveTable | null };

/** One thing to be done to a table; `do` names the operation that knows what it comes to. */
export interface AnyTask {
  do: string;
  table: string;
}

/** Parameters of an operation whose task is stored as it was asked for, with the id of its step. */
export type Asked<T extends AnyTask> = T & { step_id: string };

/** One operation that a task comes to. */
export interface Step {
  operation: Operation<unknown>;
  params: unknown;
  stepId: string;
}

/**
 * Where a column that an earlier task renames or brings back stands until that has run: under which name, or as the
 * values of a table of its own.
 */
export interface Standing {
  name: string;
  kept: LiveTable | null;
}

export interface WorkContext {
  session: Session;
  engine: Engine;
}

export interface TaskContext extends WorkContext {
  /** The table as the tasks before this one will leave it. */
  live: LiveTable | null;
  /** Undefined: no earlier task of the change touches the column's name or place. */
  standing(column: string): Standing | undefined;
  /** The table as it was before the columns that earlier tasks bring back were dropped. */
  back: readonly LiveTable[];
  newStepId(): string;
}

/** What a task comes to, and what the tasks behind it must know of it. */
export interface Expansion {
  steps: Step[];
  /** `column` is there only once the task has run; until then it stands `at`. */
  standing?: { column: string; at: Standing };
  /** See `TaskContext.back`. */
  back?: LiveTable;
}

export interface CheckContext extends WorkContext {
  limits: Limits;
  /** In prepare, where an earlier task has still to run: where the step's column (`columnOf`) stands now. */
  stands?: Standing;
}

export interface FollowContext extends WorkContext {
  limits: Limits;
  /** What the table is called before the change. */
  table: string;
  newStepId(): string;
}

export interface Work {
  statements: string[];
  /**
   * The statements lose nothing whatever is written before them, and cannot run while the table is frozen (MySQL: a
   * rename).
   */
  thawFirst?: boolean;
}

/**
 * What a step leaves in the database until it is purged. `name`: what its owner called the table, or the column that it
 * is, or whose values it holds. `aside`: what it is called there.
 */
export interface SetAside {
  what: 'table' | 'column' | 'values';
  name: string;
  aside: string;
}

/**
 * What a step says of the table in its own database: nothing, that it is gone, or that it stands with the plan's
 * columns.
 */
export type HistoryEffect = 'none' | 'gone' | 'stands';

/**
 * One kind of schema change; one file each. `P`: the parameters that its plans store. `T`: the task that asks for it;
 * never: other operations alone do.
 */
export interface Operation<P, T = never> {
  readonly kind: string;

  /** The steps that a task comes to. Missing: this operation alone, and its parameters are `Asked<T>`. */
  expand?(task: T, context: TaskContext): Promise<Expansion>;
  /** Whether a change that begins with the task finds no table of its columns. Missing: it finds one. */
  meetsNoTable?(task: T): boolean;
  /** What the column that the task brings back is called while it is set aside. Missing: it brings none back. */
  bringsBack?(task: T): string;

  /** Pure. Throws DatabaseError `unsupported_change` for what the engine cannot do. */
  plan(params: P, before: LiveTable | null, context: PlanContext): Draft;
  /** What can be known beforehand from live data; throws DatabaseError. Run in prepare and again under the lock. */
  check?(context: CheckContext, plan: Plan<P>, live: LiveTable | null): Promise<void>;
  /** Its check refuses a name that is taken, and says by what: to prepare that is no drift. */
  readonly refusesTaken?: true;
  /** The column that must be there for its check; the check then honours `CheckContext.stands`. */
  columnOf?(params: P): string;
  /**
   * What comes behind the pivot, when every database has done the change: a step, or a sentence for the plan on why
   * none does. `live`: the table as the change will leave it.
   */
  follow?(context: FollowContext, plan: Plan<P>, live: LiveTable): Promise<{ step: Step } | { note: string } | null>;

  /** What it does depends on the rows that it finds: nobody may write between its look and its statement. */
  readonly looksAtRows?: { apply?: true; compensate?: true };
  apply(context: WorkContext, plan: Plan<P>, live: LiveTable | null): Promise<Work>;
  compensate(context: WorkContext, plan: Plan<P>, live: LiveTable | null): Promise<Work>;
  /**
   * Statements that follow, by what stands there by then. Run again after a crash, also where the others have run
   * already: safe to run twice. Missing: none follow.
   */
  settle?(context: WorkContext, plan: Plan<P>, direction: Direction): Promise<string[]>;
  /**
   * What takes away what the first of its statements left, where the last one was not run and the columns say nothing
   * of it. Missing: there is nothing of the kind.
   */
  tidy?(context: WorkContext, plan: Plan<P>): Promise<string[]>;
  /**
   * Whether what stands there after a crash was made by somebody else, so that there is nothing to undo. Missing: what
   * is neither the former nor the new state is drift.
   */
  isOthers?(context: WorkContext, plan: Plan<P>): Promise<boolean>;

  /** What is there until a purge destroys it. Missing: nothing is left. */
  leavesAside?(plan: Plan<P>): SetAside;
  /** Missing: the table stands. */
  effectOnHistory?(columnsAfter: readonly Column[]): HistoryEffect;
}

export interface Limits {
  maxRewriteRows: number;
}

export function stepOf<P, T>(operation: Operation<P, T>, params: NoInfer<P>, stepId: string): Step {
  return { operation, params, stepId };
}

/** The plan of a step, and the table as it will leave it. Pure. */
export function planOf(
  { operation, params, stepId }: Step,
  was: LiveTable | null,
  context: Omit<PlanContext, 'stepId'>,
): { plan: Plan; live: LiveTable | null } {
  const { live, indexes_after: left = context.indexes, ...draft } = operation.plan(params, was, { ...context, stepId });
  const after = withoutGoneColumns(left, draft.columns_after);
  const plan: Plan = {
    ...draft,
    before: draft.before.map((expected) => expectingIndexes(expected, context.indexes)),
    after: draft.after.map((expected) => expectingIndexes(expected, after)),
    ...(after.length === 0 ? {} : { indexes_after: after }),
    operation: operation.kind,
    params,
    table_id: context.tableId,
    was,
  };
  return { plan, live };
}

/** A table that is set aside has its indexes under other names. */
function expectingIndexes(expected: Expectation, indexes: Index[]): Expectation {
  const isManaged = Array.isArray(expected.columns) && !isAside(expected.table);
  return isManaged && indexes.length > 0 ? { ...expected, indexes } : expected;
}

export function statementsOf(rendered: Rendered): Work {
  return { statements: rendered.statements, ...(rendered.thawFirst === undefined ? {} : { thawFirst: true }) };
}

/** The table that a look before has found. Errors: DatabaseError drift_detected. */
export function existingTable(live: LiveTable | null, table: string): LiveTable {
  if (live === null) throw new DatabaseError('drift_detected', `${table} is not there any more`);
  return live;
}

/** The table as the plan's step found it. */
export function tableBefore({ was, table, operation }: Plan): LiveTable {
  if (was === null) throw new Error(`the plan of ${operation} on ${table} does not tell what the table was`);
  return was;
}

/** What the step's column is called where its check looks; null: nothing but its values is there. */
export function nameNow({ stands }: CheckContext, name: string): string | null {
  if (stands === undefined) return name;
  return stands.kept === null ? stands.name : null;
}

/** `_saga_<32 hex of the step's id>`: 38 bytes, under every engine's limit with room for a suffix. */
export function asideName(stepId: string, suffix = ''): string {
  return `_saga_${stepId.replaceAll('-', '')}${suffix}`;
}

/** A unique constraint's name: index names are global in some engines, so it is the step's and not the table's. */
export function uniqueName(stepId: string, index = 0): string {
  return `uq_${stepId.replaceAll('-', '')}${index === 0 ? '' : `_${index}`}`;
}
