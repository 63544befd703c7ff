import { DatabaseError } from '../../errors.js';
import {
  claimedId,
  CORE_IDENTITY,
  CORE_TABLES,
  isCore,
  LEDGER_TABLES,
  readLedger,
  readTraces,
  refuseOthers,
  type Claimant,
  type Traces,
} from '../../ownership.js';
import type { Session } from '../../session.js';
import { textsOf } from '../../texts-of.js';
import type { PooledClient } from './driver/pooled-client.js';
import type { PostgresSession } from './session.js';
import { literal } from './sql.js';

/** Two processes that make the ledger at once would fail on each other. */
export const LOCK_CLAIM = "select pg_advisory_xact_lock(hashtextextended('schemasaga claim/' || current_schema(), 0))";

export const MAKE_LEDGER = `
create table if not exists _saga_ledger (
  step_id text not null, direction text not null, state text not null,
  fingerprint_before text not null, fingerprint_after text,
  statements text not null, recorded_at timestamp(3) with time zone not null,
  primary key (step_id, direction)
);
create table if not exists _saga_fences (table_id text primary key, token bigint not null);
create table if not exists _saga_identity (
  only_row boolean primary key default true check (only_row), id text not null, core_id text, claimed_at text
)`;

/** Ledgers of earlier versions do not say whose they are. */
const EXTEND_IDENTITY =
  'alter table _saga_identity add column if not exists core_id text, add column if not exists claimed_at text';
const OWN = [...LEDGER_TABLES, CORE_IDENTITY, ...CORE_TABLES].map(literal).join(', ');

/**
 * Of the names of the service's own tables, a ledger's and a core's, those that are taken in the schema that would be
 * managed, with their columns.
 */
const STANDING_SQL = `
select c.relname as name,
  coalesce(
    (select json_agg(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    '[]') as columns
from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
where n.nspname = current_schema() and c.relname in (${OWN})`;

/** In a transaction that is alone on the ledger; gives the id that stands there then. */
export async function takeLedger(
  pooled: PooledClient,
  id: string,
  { core_id, at, take_over: former }: Claimant,
): Promise<string> {
  await pooled.query(EXTEND_IDENTITY);
  await pooled.query('update _saga_identity set core_id = $1, claimed_at = $2 where core_id is null', [core_id, at]);
  await pooled.query('update _saga_identity set core_id = $1, claimed_at = $2, id = $3 where core_id = $4', [
    core_id,
    at,
    id,
    former ?? null,
  ]);
  const [row] = await pooled.query('select * from _saga_identity');
  const traces = readTraces(row, 'id');
  refuseOthers({ ...traces, missing: [], strange: null, core: null }, { core_id, at });
  return claimedId(traces);
}

async function coreId(session: Session, tables: string[]): Promise<string | null> {
  if (!tables.includes(CORE_IDENTITY)) return null;
  const [may] = await session.query(`select has_table_privilege('${CORE_IDENTITY}', 'select') as may`);
  if (may?.['may'] !== true) return null;
  const [row] = await session.query(`select core_id from ${CORE_IDENTITY}`);
  return row === undefined ? null : String(row['core_id']);
}

export function isMissingTable(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.details['sqlstate'] === '42P01';
}

export function noLedger(error: unknown): unknown {
  if (!isMissingTable(error) || !error.message.includes('_saga_')) return error;
  return new DatabaseError('database_mismatch', `the database has no ledger, or not all of it: ${error.message}`, {
    details: error.details,
    cause: error,
  });
}

/** What the service has left there. */
export async function findTraces(session: PostgresSession): Promise<Traces> {
  const rows = await session.constant(STANDING_SQL);
  const standing = new Map(rows.map((row) => [String(row['name']), textsOf(row['columns'])]));
  const tables = [...standing.keys()];
  const ledger = readLedger(standing, 'id');
  const isThere = ledger.strange === null && tables.includes('_saga_identity');
  const own = isThere ? await session.query('select * from _saga_identity') : [];
  const core = isCore(tables) ? { core_id: await coreId(session, tables) } : null;
  return { ...readTraces(own[0], 'id'), ...ledger, core };
}
