import { DatabaseError } from '../../errors.js';
import {
  CORE_IDENTITY,
  CORE_TABLES,
  isCore,
  LEDGER_TABLES,
  readLedger,
  readTraces,
  type Claimant,
  type Traces,
} from '../../ownership.js';
import type { Querying } from './driver/querying.js';

const NO_SUCH_TABLE = 1146;
const SUCH_A_COLUMN = 1060;

export const LEDGER = {
  _saga_ledger:
    'create table if not exists `_saga_ledger` (step_id varchar(64) not null, direction varchar(16) not ' +
    'null, state varchar(16) not null, fingerprint_before varchar(64) not null, fingerprint_after ' +
    'varchar(64), statements longtext not null, recorded_at varchar(32) not null, primary key (step_id, ' +
    'direction)) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  _saga_fences:
    'create table if not exists `_saga_fences` (table_id varchar(64) not null primary key, token bigint ' +
    'not null) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  _saga_identity:
    'create table if not exists `_saga_identity` (one tinyint not null primary key, database_id ' +
    'varchar(64) not null, core_id varchar(64), claimed_at varchar(32)) engine=InnoDB default charset ' +
    'utf8mb4 collate utf8mb4_bin',
};

/** Of the service's own tables, a ledger's and a core's, those that stand there, and what they say. */
export async function findTraces(session: Querying): Promise<{ tables: string[]; traces: Traces }> {
  const names = [...LEDGER_TABLES, CORE_IDENTITY, ...CORE_TABLES];
  const rows = await session.query(
    'select table_name as name, column_name as col from information_schema.columns where table_schema = database() ' +
      `and table_name in (${names.map(() => '?').join(', ')})`,
    names,
  );
  const standing = new Map<string, string[]>();
  for (const row of rows) {
    const name = String(row['name']).toLowerCase();
    standing.set(name, [...(standing.get(name) ?? []), String(row['col'])]);
  }
  const tables = [...standing.keys()];
  const ledger = readLedger(standing, 'database_id');
  const isThere = ledger.strange === null && tables.includes('_saga_identity');
  const [row] = isThere ? await session.query('select * from `_saga_identity`') : [];
  const core = isCore(tables) ? { core_id: tables.includes(CORE_IDENTITY) ? await coreId(session) : null } : null;
  return { tables, traces: { ...readTraces(row, 'database_id'), ...ledger, core } };
}

export async function takeLedger(
  session: Querying,
  id: string,
  { core_id, at, take_over: former }: Claimant,
): Promise<void> {
  const columns = await session.query(
    'select column_name as name from information_schema.columns where table_schema = database() and ' +
      "table_name = '_saga_identity'",
  );
  // Ledgers of earlier versions do not say whose they are.
  for (const column of ['core_id varchar(64)', 'claimed_at varchar(32)']) {
    if (columns.some((row) => column.startsWith(`${String(row['name']).toLowerCase()} `))) continue;
    await session.query(`alter table \`_saga_identity\` add column ${column}`).catch((error: unknown) => {
      // Another one has just added it.
      if (!(error instanceof DatabaseError) || error.details['errno'] !== SUCH_A_COLUMN) throw error;
    });
  }
  await session.query('update `_saga_identity` set core_id = ?, claimed_at = ? where core_id is null', [core_id, at]);
  await session.query('update `_saga_identity` set core_id = ?, claimed_at = ?, database_id = ? where core_id = ?', [
    core_id,
    at,
    id,
    former ?? null,
  ]);
}

/** Null also where it may not be read. */
async function coreId(session: Querying): Promise<string | null> {
  try {
    const [row] = await session.query(`select core_id from ${CORE_IDENTITY}`);
    return row === undefined ? null : String(row['core_id']);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'permission_denied') return null;
    throw error;
  }
}

export function noLedger(error: unknown): unknown {
  if (
    !(error instanceof DatabaseError) ||
    error.details['errno'] !== NO_SUCH_TABLE ||
    !error.message.includes('_saga_')
  )
    return error;
  return new DatabaseError('database_mismatch', `the database has no ledger, or not all of it: ${error.message}`, {
    details: error.details,
    cause: error,
  });
}
