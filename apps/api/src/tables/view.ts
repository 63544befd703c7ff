import type { CoreDatabase } from '#event-store';
import { sagaStatuses } from '#sagas';
import type { Column, Index } from '#byodb';
import { indexesOf, statusOf, type Table } from '#tables';

export function columnView(c: Column): object {
  return {
    name: c.name,
    type: c.type,
    ...(c.length === null ? {} : { length: c.length }),
    ...(c.precision === null ? {} : { precision: c.precision, scale: c.scale }),
    nullable: c.nullable,
    default: c.default,
    primary_key: c.primary_key,
    generated: c.generated,
    unique: c.unique,
    ...(c.native === undefined ? {} : { native: c.native }),
    ...(c.key_place === undefined ? {} : { key_place: c.key_place }),
  };
}

export function indexView({ name, columns, unique }: Index): object {
  return { name, columns, unique };
}

/** How the sagas stand that have the tables' turn, by saga id; those behind them are pending. One query. */
export async function statusesOf(core: CoreDatabase, tables: Table[]): Promise<ReadonlyMap<string, string>> {
  const statuses = await sagaStatuses(
    core,
    tables.flatMap((table) => table.pending.slice(0, 1).map((p) => p.saga_id)),
  );
  // One that ended after its table was read is pending there still.
  return new Map([...statuses].filter(([, status]) => !['completed', 'compensated', 'rejected'].includes(status)));
}

/** A table as the API shows it. `statuses`: of its pending changes, where they are known. */
export function tableView(table: Table, statuses: ReadonlyMap<string, string> = new Map()): object {
  const status = statusOf(table);
  return {
    table_id: table.table_id,
    name: table.name,
    status,
    synced: table.pending.length === 0,
    exists: table.exists,
    version: table.version,
    databases: table.databases.map((d) => d.name),
    origin: table.origin,
    columns: Object.fromEntries(table.columns.map((c) => [c.name, columnView(c)])),
    indexes: Object.fromEntries(indexesOf(table).map((index) => [index.name, indexView(index)])),
    pending_changes: table.pending.map((p, i) => ({
      saga_id: p.saga_id,
      kind: p.change.kind,
      status: statuses.get(p.saga_id) ?? (i === 0 ? 'running' : 'pending'),
      requested_at: p.requested_at,
    })),
    last_error: table.last_error,
    ...(table.reversible_until === null ? {} : { reversible_until: table.reversible_until }),
    created_at: table.created_at,
    updated_at: table.updated_at,
  };
}
