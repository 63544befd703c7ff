import { completeColumn, type Column } from '#byodb';
import type { TableEvent } from '../src/changes/index.js';
import { evolve } from '../src/table/evolve.js';
import type { DatabaseRef } from '../src/table/event-parts.js';
import type { Table } from '../src/table/table.js';

/** When each event of a played table is recorded. */
export const RECORDED_AT = '2026-01-01T00:00:00.000Z';

export const ON_SQLITE: DatabaseRef[] = [{ id: 'd', name: 'default', engine: 'sqlite' }];

export const SOME_ERROR = { code: 'rows_conflict', message: 'rows do not fit', database: null, step_id: null };

export function column(input: Parameters<typeof completeColumn>[0]): Column {
  return completeColumn(input).column;
}

/** The table after more of its events; null: they are its first ones. */
export function play(table: Table | null, ...events: TableEvent[]): Table {
  let version = table?.version ?? 0;
  const after = events.reduce<Table | null>(
    (seen, event) => evolve(seen, event, { version: (version += 1), recorded_at: RECORDED_AT, table_id: 't' }),
    table,
  );
  if (after === null) throw new Error('nothing was played');
  return after;
}
