import type { Connection } from './engine.js';
import type { Direction, LedgerRow } from './session.js';
import { textsOf } from './texts-of.js';

/** What a database's ledger says was done there, by step: what it lacks of history is what is not in it. */
export async function stepsDone(connection: Connection): Promise<Map<string, Set<Direction>>> {
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

/** A row of the ledger, as every engine's driver gives it. */
export function readLedgerRow(row: Record<string, unknown>): LedgerRow {
  return {
    step_id: String(row['step_id']),
    direction: row['direction'] as Direction,
    state: row['state'] as LedgerRow['state'],
    fingerprint_before: String(row['fingerprint_before']),
    fingerprint_after: row['fingerprint_after'] === null ? null : String(row['fingerprint_after']),
    statements: textsOf(JSON.parse(String(row['statements']))),
    recorded_at: String(row['recorded_at']),
  };
}
