import {
  convertible,
  DatabaseError,
  foldName,
  indexesBefore,
  isPlanOf,
  namesOf,
  sameType,
  setAsideBy,
  type Column,
  type LiveTable,
  type ParamsOf,
  type Plan,
  type Task,
} from '#byodb';
import { type Past } from '../changes/change-type.js';
import { applyOp, columnAfter, findColumn, sameColumns } from './columns.js';
import { foundBy } from './kept-tables.js';
import type { ColumnOp, Retype } from './event-parts.js';

type BringBack = Extract<ColumnOp, { op: 'bring_back' }>;

/**
 * What operations on columns come to in one database, in order. `before`: the managed columns that stand there. Errors:
 * DatabaseError unsupported_change (a column was dropped before the table came there).
 */
export async function columnTasks(
  past: Past,
  table: string,
  before: Column[],
  ops: ColumnOp[],
  databaseId: string,
): Promise<Task[]> {
  const there = new ColumnsThere(past, table, before, databaseId);
  for (const [i, op] of ops.entries()) await there.add(op, ops.slice(i + 1));
  return there.tasks;
}

class ColumnsThere {
  readonly tasks: Task[] = [];
  /**
   * Columns made here in their last form, by the names that they have by then: what else happens to them has happened.
   */
  private readonly fresh = new Set<string>();

  constructor(
    private readonly past: Past,
    private readonly table: string,
    private columns: Column[],
    private readonly databaseId: string,
  ) {}

  /** `later`: the operations behind it. */
  async add(op: ColumnOp, later: ColumnOp[]): Promise<void> {
    this.tasks.push(...(await this.tasksOf(op, later)));
    this.columns = applyOp(this.columns, op);
  }

  private async tasksOf(op: ColumnOp, later: ColumnOp[]): Promise<Task[]> {
    const { table } = this;
    if (op.op === 'add') return [{ do: 'add_column', table, column: op.column }];
    if (op.op === 'bring_back') return [await this.bringBack(op, later)];
    if (op.op !== 'take' && this.fresh.has(foldName(op.name))) {
      this.followName(op);
      return [];
    }
    const from = findColumn(this.columns, op.op === 'take' ? op.column.name : op.name);
    // Missing here by somebody's word (a variant): there is nothing to be done to it.
    if (from === undefined) return [];
    return op.op === 'drop' ? [{ do: 'drop_column', table, name: from.name }] : this.alter(from, op);
  }

  /** Another column may get the name that this one had. */
  private followName(op: Exclude<ColumnOp, { op: 'add' | 'bring_back' | 'take' }>): void {
    if (op.op !== 'rename') return;
    this.fresh.delete(foldName(op.name));
    this.fresh.add(foldName(op.to));
  }

  private async bringBack(op: BringBack, later: ColumnOp[]): Promise<Task> {
    const { table } = this;
    const { column, after, key } = op;
    const dropped = await this.dropped(op);
    if (dropped !== null)
      return { do: 'restore_column', table, ...dropped, column, after, ...(key === undefined ? {} : { key }) };
    // The table came to this database after the drop: there are no values that could come back.
    if (column.primary_key || column.native !== undefined)
      throw new DatabaseError(
        'unsupported_change',
        `${column.name} was dropped before the table came to this database, and cannot be made here anew`,
      );
    this.fresh.add(foldName(column.name));
    return { do: 'add_column', table, column: lastForm(column, later) };
  }

  /** How the column was set aside here; null: it was not. */
  private async dropped({ saga_id, column }: BringBack): Promise<{ aside: string; former: LiveTable } | null> {
    for (const step of await this.past.stepsIn(saga_id, this.databaseId)) {
      const plan = step.plan;
      const left = setAsideBy(plan);
      if (left?.what !== 'column' || foldName(left.name) !== foldName(column.name)) continue;
      return { aside: left.aside, former: foundBy(plan) };
    }
    return null;
  }

  private async alter(from: Column, op: Extract<ColumnOp, { op: 'alter' | 'rename' | 'take' }>): Promise<Task[]> {
    const to = columnAfter(from, op);
    const altered = { ...to, name: from.name };
    const tasks = sameColumns([{ ...from, name: to.name }], [to]) ? [] : await this.retype(from, altered, op);
    if (to.name === from.name) return tasks;
    return [...tasks, { do: 'rename_column', table: this.table, name: from.name, to: to.name }];
  }

  /**
   * Of a revert that undoes conversions: the column's native type and default come from what the first of them found
   * here, and the values that it kept. What was altered beside the type is altered by itself.
   */
  private async retype(from: Column, to: Column, op: ColumnOp): Promise<Task[]> {
    const { table } = this;
    const plain: Task = { do: 'alter_column', table, from, to };
    const first = op.op === 'alter' && op.undoes !== undefined ? await this.firstRetype(op.undoes) : null;
    if (first === null || !sameType(first.params.from, to)) return [plain];
    const found = { ...first.params.from, name: from.name };
    const indexes = namesOf(indexesBefore(first));
    const former = {
      table: foundBy(first),
      name: first.params.from.name,
      keep: convertible(found.type, from.type) ? first.params.keep : null,
      ...(indexes.length === 0 ? {} : { indexes }),
    };
    const back: Task = { do: 'alter_column', table, from, to: found, former };
    return sameColumns([found], [to]) ? [back] : [back, { do: 'alter_column', table, from: found, to }];
  }

  /** The plan of the step that was the first of these conversions here; null: none was made here. */
  private async firstRetype(retypes: Retype[]): Promise<Plan<ParamsOf<'alter_column'>> | null> {
    for (const { saga_id, name } of retypes) {
      for (const step of await this.past.stepsIn(saga_id, this.databaseId)) {
        const plan = step.plan;
        if (step.status !== 'succeeded' || !isPlanOf('alter_column', plan)) continue;
        const { from, to } = plan.params;
        if (foldName(from.name) === foldName(name) && !sameType(from, to)) return plan;
      }
    }
    return null;
  }
}

/** What the rest of a revert makes of a column: it alters and renames what it brought back, and drops none of it. */
function lastForm(column: Column, ops: ColumnOp[]): Column {
  return ops.filter((op) => op.op === 'alter' || op.op === 'rename').reduce(columnAfter, column);
}
