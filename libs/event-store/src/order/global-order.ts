import type { CoreDatabase } from '../core-database.js';
import { mysqlOrder } from './mysql.js';
import type { GlobalOrder } from './order.js';
import { postgresOrder } from './postgres.js';

export function globalOrder(core: CoreDatabase, now: () => Date): GlobalOrder {
  switch (core.engine) {
    // One writer at a time (begin immediate): positions are taken in the order of the commits.
    case 'sqlite':
      return { announce: async () => undefined, horizon: async () => Number.MAX_SAFE_INTEGER };
    case 'postgres':
      return postgresOrder(core);
    case 'mysql':
      return mysqlOrder(core, now);
  }
}
