import { completeColumn, type ColumnChange } from '#byodb';
import type { NewEvent, StoredEvent } from '#event-store';
import { decideColumns } from '../src/changes/columns.js';
import type { TableEvent } from '../src/changes/index.js';
import { decideRename } from '../src/changes/rename.js';
import { decideRevert } from '../src/changes/revert.js';
import { playForward, type Moment } from '../src/history/point.js';
import { applyOp } from '../src/table/columns.js';
import { consider, outlook } from '../src/table/outlook.js';
import { Refused } from '../src/table/refused.js';

const FAR = '2999-01-01T00:00:00.000Z';
const LONG_BEFORE = Date.parse('2020-01-01T00:00:00.000Z');
const TYPES = ['text', 'integer', 'bigint', 'boolean'] as const;

/**
 * A table's stream as the project itself would have written it: decided by its own code, some changes refused or
 * undone. `random` from 0 to 1.
 */
export function longTable(tableId: string, length: number, random: () => number): NewEvent[] {
  const events: NewEvent[] = [];
  const moments: Moment[] = [];
  const whole = (below: number): number => Math.floor(random() * below);
  const one = <T>(of: readonly T[]): T => of[whole(of.length)]!;
  const head = (): Moment => moments.at(-1)!;
  const record = ({ type, ...data }: TableEvent): void => {
    events.push({ type, schema_version: 1, data });
    const stored = {
      event_id: '',
      position: events.length,
      stream: `table-${tableId}`,
      version: events.length,
      type,
      schema_version: 1,
      data,
      metadata: { correlation_id: '', causation_id: null, actor: '' },
      recorded_at: new Date(LONG_BEFORE + events.length).toISOString(),
      hash: '',
    } satisfies StoredEvent;
    moments.push(...playForward(tableId, [stored], moments.at(-1) ?? null));
  };
  let made = 0;
  const name = (letter: string): string => `${letter}${made++}`;

  const columns = [
    completeColumn({ name: 'id', type: 'bigint', primary_key: true, generated: true }).column,
    completeColumn({ name: 'label', type: 'text' }).column,
  ];
  record({
    type: 'TableCreationRequested',
    saga_id: 's0',
    name: 'long',
    columns,
    databases: [{ id: 'd1', name: 'default', engine: 'sqlite' }],
  });
  record({ type: 'TableCreated', saga_id: 's0' });

  const change = (): ColumnChange => {
    const others = head().table.columns.filter((c) => !c.primary_key);
    const pick = random();
    if (others.length < 2 || (pick < 0.4 && others.length < 10)) return { name: name('c'), type: one(TYPES) };
    if (pick < 0.6) return { name: one(others).name };
    return pick < 0.8
      ? { name: one(others).name, rename_to: name('r') }
      : { name: one(others).name, unique: random() < 0.5, nullable: random() < 0.5 };
  };
  const ask = (sagaId: string): TableEvent => {
    const { table } = head();
    const pick = random();
    if (table.set_aside.length > 20)
      return {
        type: 'PurgeRequested',
        saga_id: sagaId,
        of: table.set_aside.slice(0, 1 + whole(15)).map((a) => a.saga_id),
      };
    if (pick < 0.08) return decideRename(consider(table), name('long'), sagaId);
    if (pick < 0.2)
      return decideRevert(
        consider(head().table),
        head(),
        moments[Math.max(1, moments.length - 1 - whole(60))]!,
        [],
        LONG_BEFORE,
        sagaId,
      );
    return decideColumns(consider(table), Array.from({ length: 1 + whole(3) }, change), [], String, sagaId);
  };

  for (let n = 1; events.length < length; n++) {
    let asked: TableEvent;
    try {
      asked = ask(`s${n}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      continue;
    }
    record(asked);
    if (events.length === length) break;
    const { table } = head();
    const { kind } = table.pending[0]!.change;
    const then = outlook(table);
    const failed = {
      saga_id: `s${n}`,
      kind,
      error: { code: 'rows_conflict', message: 'rows', database: 'default', step_id: null },
    };
    const pick = random();
    if (pick < 0.07) record({ type: 'ChangeRejected', ...failed });
    else if (pick < 0.15) record({ type: 'ChangeCompensated', ...failed });
    else if (asked.type === 'PurgeRequested') record({ type: 'Purged', saga_id: `s${n}`, of: asked.of });
    else if (asked.type === 'TableRenameRequested') record({ type: 'TableRenamed', saga_id: `s${n}`, name: then.name });
    else if (asked.type === 'TableRevertRequested')
      record({
        type: 'TableReverted',
        saga_id: `s${n}`,
        name: then.name,
        columns: then.columns,
        reversible_until: asked.ops.some((op) => op.op === 'drop') ? FAR : null,
      });
    else if (asked.type === 'ColumnsChangeRequested')
      record({
        type: 'ColumnsChanged',
        saga_id: `s${n}`,
        columns: asked.ops.reduce(applyOp, table.columns),
        reversible_until: asked.ops.some((op) => op.op === 'drop') ? FAR : null,
      });
  }
  return events;
}
