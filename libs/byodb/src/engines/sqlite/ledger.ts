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
import { textsOf } from '../../texts-of.js';
import type { Thread } from './worker/thread.js';

export const LEDGER = [
  'create table if not exists _saga_ledger (step_id text not null, direction text not null, state text not ' +
    'null, fingerprint_before text not null,\n  fingerprint_after text, statements text not null, recorded_at text ' +
    'not null, primary key (step_id, direction))',
  'create table if not exists _saga_fences (table_id text not null primary key, token integer not null)',
  'create table if not exists _saga_identity (only_row integer not null primary key check (only_row = ' +
    '1), id text not null, core_id text, claimed_at text)',
];

/**
 * Of the names of the service's own tables, a ledger's and a core's, those that are taken in the file, with the columns
 * of tables.
 */
const STANDING_SQL =
  'select lower(m.name) as name, (select json_group_array(c.name) from pragma_table_info(m.name) c ' +
  `where m.type = 'table') as columns from sqlite_schema m where m.type in ('table', 'view') and lower(m.name) in ` +
  `(${[...LEDGER_TABLES, CORE_IDENTITY, ...CORE_TABLES].map((name) => `'${name}'`).join(', ')})`;
export type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

export async function findTraces(ask: Ask): Promise<Traces> {
  const standing = new Map(
    (await ask(STANDING_SQL)).map((row) => [String(row['name']), textsOf(JSON.parse(String(row['columns'])))]),
  );
  const tables = [...standing.keys()];
  const ledger = readLedger(standing, 'id');
  const isThere = ledger.strange === null && tables.includes('_saga_identity');
  const [own] = isThere ? await ask('select * from _saga_identity') : [];
  const [core] =
    isCore(tables) && tables.includes(CORE_IDENTITY) ? await ask(`select core_id from ${CORE_IDENTITY}`) : [];
  return {
    ...readTraces(own, 'id'),
    ...ledger,
    core: isCore(tables) ? { core_id: core === undefined ? null : String(core['core_id']) } : null,
  };
}

/** In a transaction of the writer. */
export async function takeLedger(
  writer: Thread,
  id: string,
  { core_id, at, take_over: former }: Claimant,
): Promise<void> {
  const columns = await writer.call({ op: 'query', sql: "select name from pragma_table_info('_saga_identity')" });
  // Ledgers of earlier versions do not say whose they are.
  for (const name of ['core_id', 'claimed_at']) {
    if (!columns.some((column) => column['name'] === name))
      await writer.call({ op: 'run', sql: `alter table _saga_identity add column ${name} text` });
  }
  await writer.call({
    op: 'run',
    sql: 'update _saga_identity set core_id = ?, claimed_at = ? where core_id is null',
    args: [core_id, at],
  });
  await writer.call({
    op: 'run',
    sql: 'update _saga_identity set core_id = ?, claimed_at = ?, id = ? where core_id = ?',
    args: [core_id, at, id, former ?? null],
  });
}
