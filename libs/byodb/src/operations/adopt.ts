import type { Column } from '../schema.js';
import type { Operation } from '../operation.js';

/** `columns`: what stands there; null: no table does. */
interface Params {
  table: string;
  columns: Column[] | null;
  step_id: string;
}

/**
 * Takes what stands there for what history says from now on: looks, touches nothing, and leaves its row in the ledger.
 */
export const adopt: Operation<Params> = {
  kind: 'adopt',
  plan({ table, columns }, before) {
    const here = [{ table, columns }];
    return {
      table,
      table_after: table,
      shown_after: table,
      before: here,
      after: here,
      columns_after: columns ?? [],
      live: before,
      statements: [],
      compensation: [],
      reason: columns === null ? `take note that table ${table} is gone` : `take table ${table} as it stands`,
    };
  },
  async apply() {
    return { statements: [] };
  },
  async compensate() {
    return { statements: [] };
  },
};
