import type { Asked, Operation } from '../operation.js';
import type { Column } from '../schema/column.js';

/** `columns`: what stands there; null: no table does. */
interface Adopt {
  do: 'adopt';
  table: string;
  columns: Column[] | null;
}

/**
 * Takes what stands there for what history says from now on: looks, touches nothing, and leaves its row in the ledger.
 */
export const adopt: Operation<Asked<Adopt>, Adopt> = {
  kind: 'adopt',
  meetsNoTable: ({ columns }) => columns === null,
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
  // Adopted without columns: it was found to be gone.
  effectOnHistory: (columnsAfter) => (columnsAfter.length === 0 ? 'gone' : 'stands'),
};
