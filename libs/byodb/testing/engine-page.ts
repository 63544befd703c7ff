import { readFileSync } from 'node:fs';
import { v7 as uuid } from 'uuid';
import type { Connection } from '../src/engine.js';
import { DatabaseError } from '../src/errors.js';
import type { Task } from '../src/operations/index.js';
import { preparePlans, type Planned } from '../src/prepare.js';
import type { Column } from '../src/schema/column.js';
import { applyStep, compensateStep, type StepKey } from '../src/step.js';

export const LIMITS = { maxRewriteRows: 1000 };

/** The columns of an engine's second table: what is done to a table, or to its column `n`. */
export const CHANGES: Record<string, (table: string, n: Column) => Task> = {
  'rename table': (table) => ({ do: 'rename_table', table, to: `${table}_away` }),
  'rename column': (table) => ({ do: 'rename_column', table, name: 'n', to: 'k' }),
  'drop column': (table) => ({ do: 'drop_column', table, name: 'n' }),
  'drop table': (table) => ({ do: 'drop_table', table }),
  'alter type': (table, n) => ({
    do: 'alter_column',
    table,
    from: n,
    to: { ...n, type: n.type === 'date' ? 'timestamp' : 'bigint' },
  }),
};

/** What docs/engines says hangs on a table: the changes, and each object with what becomes of it in each of them. */
export function pageOf(engine: string): { changes: string[]; objects: [object: string, cells: string[]][] } {
  const page = readFileSync(new URL(`../../../docs/engines/${engine}.md`, import.meta.url), 'utf8').split('\n');
  const rows = page.slice(page.findIndex((line) => line.startsWith('| object |')));
  const cellsOf = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [[, ...changes], _rule, ...lines] = rows.slice(0, rows.indexOf('')).map(cellsOf) as [
    string[],
    string[],
    ...string[][],
  ];
  return { changes, objects: lines.map(([object, ...cells]) => [object!, cells]) };
}

export const stepKey = (stepId: string): StepKey => ({ stepId, token: 1, lockTimeoutMs: 2000 });

export async function plansOf(connection: Connection, task: Task, columns: Column[]): Promise<Planned[]> {
  return (await preparePlans(connection, uuid(), [task], { columns, indexes: [] }, LIMITS)).plans;
}

/**
 * `refused`: in prepare, before anything is touched, in names that the owner knows. `carried`: done and undone; `look`
 * is
 * called in between, and tells by itself what is not as it must be. Whatever else happens is thrown.
 */
export async function outcomeOf(
  connection: Connection,
  task: Task,
  columns: Column[],
  look = (): void => undefined,
): Promise<string> {
  let plans: Planned[];
  try {
    plans = await plansOf(connection, task, columns);
  } catch (error) {
    if (isRefusal(error)) return 'refused';
    throw error;
  }
  const steps = plans.filter(({ phase }) => phase === undefined);
  for (const { stepId, plan } of steps) await applyStep(connection, plan, stepKey(stepId), LIMITS);
  look();
  for (const { stepId, plan } of [...steps].reverse()) await compensateStep(connection, plan, stepKey(stepId));
  return 'carried';
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof DatabaseError) || error.message.includes('_saga_')) return false;
  return error.code === 'dependents_exist' || error.code === 'unsupported_change';
}
