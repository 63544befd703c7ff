import type { EventStore, ReadModel } from '#event-store';
import { SAGA_SHAPE, sagasProjection } from '#sagas';
import {
  appliedSteps,
  DATABASE_SHAPE,
  databasesProjection,
  TABLE_SHAPE,
  tablesProjection,
  tableSnapshots,
} from '#tables';

/**
 * In the order of their writing. A rebuild touches these tables alone, so each must list all that its projection
 * writes.
 */
export const keptInline: readonly ReadModel[] = [
  // A removed database's credentials go with the event; they are no read model and cannot come from one.
  { projection: databasesProjection, shape: DATABASE_SHAPE, tables: ['customer_databases'], beside: ['credentials'] },
  {
    projection: tablesProjection,
    shape: TABLE_SHAPE,
    tables: ['tables', 'table_databases', 'table_names', 'purges_due'],
  },
  { projection: sagasProjection, shape: SAGA_SHAPE, tables: ['sagas', 'saga_targets'] },
];

/** Kept behind the log: what no command hangs on. */
export const keptBehind = (store: EventStore): readonly ReadModel[] => [appliedSteps, tableSnapshots(store)];
