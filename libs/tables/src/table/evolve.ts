import {
  beginsTable,
  changeOf,
  isRequest,
  typeDoneBy,
  typeFailedBy,
  type DoneEvent,
  type EventOf,
  type TableEvent,
} from '../changes/index.js';
import { isFailure, type Failure } from './failure.js';
import { foreseeAlso } from './outlook.js';
import { newTable, type PendingChange, type Table } from './table.js';

/** When and where an event was recorded. */
export interface Recorded {
  version: number;
  recorded_at: string;
  table_id: string;
}

/** The table after one more of its events. Pure. The first one must begin a table. */
export function evolve(table: Table | null, event: TableEvent, at: Recorded): Table {
  if (beginsTable(event)) return begun(event, at);
  if (table === null) throw new Error(`${event.type} without an event before it that begins a table`);
  const seen = { version: at.version, updated_at: at.recorded_at };
  if (!isRequest(event)) return { ...ended(table, event, at.recorded_at), ...seen };
  const asked: PendingChange = { saga_id: event.saga_id, change: changeOf(event), requested_at: at.recorded_at };
  const next = { ...table, pending: [...table.pending, asked], ...seen };
  foreseeAlso(table, next, asked.change);
  return next;
}

/** A table that is to be made, or taken under management. */
function begun(event: EventOf<'TableCreationRequested' | 'TableAdoptionRequested'>, at: Recorded): Table {
  return {
    ...newTable(at.table_id, event.databases),
    version: at.version,
    name: event.name,
    origin: event.type === 'TableCreationRequested' ? (event.origin ?? null) : null,
    pending: [{ saga_id: event.saga_id, change: changeOf(event), requested_at: at.recorded_at }],
    created_at: at.recorded_at,
    updated_at: at.recorded_at,
  };
}

function ended(table: Table, event: DoneEvent | Failure, at: string): Table {
  const change = table.pending.find((pending) => pending.saga_id === event.saga_id)?.change;
  const over = { ...table, pending: table.pending.filter((pending) => pending.saga_id !== event.saga_id) };
  return isFailure(event)
    ? { ...over, ...typeFailedBy(event).fail(over, event, at) }
    : { ...over, last_error: null, ...typeDoneBy(event).conclude(over, event, change, at) };
}
