import type { StoredEvent } from '#event-store';
import { foldName } from '#byodb';
import { isDone, typeDoneBy, typeOf, type TableEvent } from '../changes/index.js';
import { isRetyping } from '../table/columns.js';
import { evolve } from '../table/evolve.js';
import type { ColumnOp, Retype } from '../table/event-parts.js';
import { follow, lineageOf, track, type Lineage, type Track } from '../table/lineage.js';
import { tableStreams } from '../table/stream.js';
import { isKept, type Table } from '../table/table.js';

/** A table after one of its events, with all that going on from there takes. */
export interface Point extends Lineage {
  position: number;
  table: Table;
}

export interface Moment extends Point {
  event: StoredEvent;
}

/** The history played forward; pure, in any number of parts. `events` follow `from` without a gap. */
export function playForward(tableId: string, events: StoredEvent[], from: Point | null = null): Moment[] {
  const moments: Moment[] = [];
  let last = from;
  for (const event of events) {
    const body = tableStreams.decode(event);
    const table = evolve(last?.table ?? null, body, {
      version: event.version,
      recorded_at: event.recorded_at,
      table_id: tableId,
    });
    const moment = { event, position: event.position, table, ...lineageAfter(last, body, event.version, table) };
    moments.push(moment);
    last = moment;
  }
  return moments;
}

/** The operations on columns that an event tells to be done. */
function opsDone(before: Point | null, body: TableEvent): ColumnOp[] {
  if (!isDone(body)) return [];
  const asked = before?.table.pending.find((p) => p.saga_id === body.saga_id);
  return asked === undefined ? [] : typeOf(asked.change).columnOps(asked.change);
}

/**
 * By a column's mark: the changes of its type behind `from`, the first one first. `moments` follow `from` without a
 * gap.
 */
export async function retypesSince(from: Point, moments: AsyncIterable<Moment>): Promise<Record<string, Retype[]>> {
  const retypes: Record<string, Retype[]> = {};
  let before = from;
  for await (const moment of moments) {
    const body = tableStreams.decode(moment.event);
    let marks = before.lineage;
    for (const op of opsDone(before, body)) {
      const name = retypedBy(op);
      const mark = name === null ? undefined : marks[foldName(name)];
      if (name !== null && mark !== undefined) (retypes[mark] ??= []).push({ saga_id: body.saga_id, name });
      marks = follow(marks, op, moment.event.version);
    }
    before = moment;
  }
  return retypes;
}

/** The column whose type an operation may change; null: none. */
function retypedBy(op: ColumnOp): string | null {
  if (op.op === 'take') return op.column.name;
  return (op.op === 'alter' || op.op === 'rename') && isRetyping(op.set) ? op.name : null;
}

function lineageAfter(before: Point | null, body: TableEvent, version: number, table: Table): Lineage {
  if (isDone(body) && typeDoneBy(body).begins) return lineageOf(table.columns, version);
  const start: Track = {
    columns: before?.table.columns ?? [],
    lineage: before?.lineage ?? {},
    dropped: before?.dropped ?? {},
    order: before?.order ?? [],
  };
  const after = opsDone(before, body).reduce((seen, op) => track(seen, op, body.saga_id, version), start);
  // What was purged never comes back: kept for ever, this would grow with every column there ever was.
  const dropped = Object.fromEntries(Object.entries(after.dropped).filter(([, { saga_id }]) => isKept(table, saga_id)));
  const marks = new Set([...Object.values(after.lineage), ...Object.keys(dropped)]);
  return { lineage: after.lineage, dropped, order: after.order.filter((mark) => marks.has(mark)) };
}
