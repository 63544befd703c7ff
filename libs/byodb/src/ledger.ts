import type { Connection, Direction } from './engine.js';

/** What a database's ledger says was done there, by step: what it lacks of history is what is not in it. */
export async function readDone(connection: Connection): Promise<Map<string, Set<Direction>>> {
  const rows = await connection.look((session) =>
    session.query(`select step_id, direction from _saga_ledger where state in ('done', 'nothing')`),
  );
  const done = new Map<string, Set<Direction>>();
  for (const row of rows)
    done.set(
      String(row['step_id']),
      (done.get(String(row['step_id'])) ?? new Set()).add(row['direction'] as Direction),
    );
  return done;
}
