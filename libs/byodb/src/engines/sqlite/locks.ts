import type { Exclusive } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import type { SqliteSession } from './session.js';

/**
 * Who of this process holds a file's write lock, by file: one that stalls is ended by its successor. Other processes'
 * are freed by worker.js.
 */
export const holders = new Map<string, Holder>();

export interface Holder {
  tableId: string;
  token: number;
  quietMs(): number;
  end(): Promise<void>;
}

export async function raiseFence(on: Exclusive, session: SqliteSession): Promise<void> {
  const [row] = await session.query('select token from _saga_fences where table_id = ?', [on.tableId]);
  if (row !== undefined && Number(row['token']) > on.token) {
    throw new DatabaseError('stale_token', 'a higher fencing token has been seen for this table', {
      retryable: true,
      details: { token: on.token, seen: Number(row['token']) },
    });
  }
  await session.run(
    'insert into _saga_fences (table_id, token) values (?, ?) on conflict (table_id) do update set token ' +
      '= excluded.token',
    [on.tableId, on.token],
  );
}
