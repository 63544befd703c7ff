import { DatabaseError } from './errors.js';

/**
 * Tables that every core database of the service has had from its first version on. Where all of them stand, a core
 * database is,
 * whoever's it is and whatever address led there: none of what stands beside them may be taken for a customer's.
 */
export const CORE_TABLES = ['events', 'leases', 'credentials', 'customer_databases', 'saga_targets'] as const;
/** In it the core's own id. Cores of earlier versions have none. */
export const CORE_IDENTITY = 'core_identity';
/** What a claim makes, and a release takes away. */
export const LEDGER_TABLES = ['_saga_ledger', '_saga_fences', '_saga_identity'] as const;

/**
 * What each of them has had from its first version on, beside the id: a table of that name without these is another
 * program's.
 */
const LEDGER_COLUMNS: Record<(typeof LEDGER_TABLES)[number], readonly string[]> = {
  _saga_ledger: ['step_id', 'direction', 'state', 'fingerprint_before', 'fingerprint_after', 'statements'],
  _saga_fences: ['table_id', 'token'],
  _saga_identity: [],
};

/** Which service manages a database: the id of its core database, and since when (ISO 8601). */
export interface Manager {
  core_id: string;
  since: string | null;
}

/** What the service has left in a database; looked at without a lock. */
export interface Traces {
  /** The id that stands in the ledger; null: there is none. */
  id: string | null;
  /** Null: nobody has written it there (no ledger, or one of an earlier version). */
  managed_by: Manager | null;
  /** Tables of the ledger that are not there: somebody dropped them, or there has been none yet. */
  missing: string[];
  /** A name of the ledger's that another program's table or view has; null: none. */
  strange: string | null;
  /** Set where a core database stands here; its id is null where it has none, or may not be read. */
  core: { core_id: string | null } | null;
}

/** Who claims a database. `take_over`: the core id of the service that has managed it and gives it up. */
export interface Claimant {
  core_id: string;
  at: string;
  take_over?: string;
}

export function isCore(tables: readonly string[]): boolean {
  return CORE_TABLES.every((name) => tables.includes(name));
}

/** Refused before anything is made. Errors: DatabaseError core_database, managed_elsewhere. */
export function refuseOthers(traces: Traces, claimant: Claimant | undefined): void {
  if (traces.core !== null) throw new DatabaseError('core_database', coreMessage(traces.core, claimant?.core_id));
  if (traces.strange !== null)
    throw new DatabaseError(
      'database_mismatch',
      `a table or view ${traces.strange} stands there that is not this service's, which needs that name for its ` +
        'ledger: rename it, or keep the tables that are to be managed elsewhere',
    );
  const { managed_by: manager } = traces;
  if (
    claimant === undefined ||
    manager === null ||
    manager.core_id === claimant.core_id ||
    manager.core_id === claimant.take_over
  )
    return;
  throw new DatabaseError('managed_elsewhere', managedMessage(manager), { details: { managed_by: manager } });
}

function coreMessage(core: { core_id: string | null }, own: string | undefined): string {
  const whose = core.core_id === null ? 'a' : core.core_id === own ? "this service's own" : "another service's";
  return (
    `${whose} core database stands there: it holds what the service remembers, and can never be a ` +
    `customer's database`
  );
}

function managedMessage({ core_id, since }: Manager): string {
  return `another service manages this database${since === null ? '' : ` since ${since}`} (its core id is ${core_id})`;
}

/** Of a database that was claimed. Errors: TypeError. */
export function claimedId({ id }: Pick<Traces, 'id'>): string {
  if (id === null) throw new TypeError('the ledger of a claimed database has no id');
  return id;
}

/** `standing`: what has one of the ledger's names there, with its columns. `id`: what the identity's is called. */
export function readLedger(
  standing: ReadonlyMap<string, readonly string[]>,
  id: string,
): Pick<Traces, 'missing' | 'strange'> {
  const isStrange = (name: (typeof LEDGER_TABLES)[number]): boolean => {
    const columns = standing.get(name);
    const needed = name === '_saga_identity' ? [id] : LEDGER_COLUMNS[name];
    return columns !== undefined && needed.some((column) => !columns.includes(column));
  };
  return {
    missing: LEDGER_TABLES.filter((name) => !standing.has(name)),
    strange: LEDGER_TABLES.find(isStrange) ?? null,
  };
}

/** One row of `_saga_identity`, whatever version made it; `id` is the name of its column for the id. */
export function readTraces(row: Record<string, unknown> | undefined, id: string): Pick<Traces, 'id' | 'managed_by'> {
  const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
  const core = text(row?.['core_id']);
  return {
    id: row === undefined ? null : String(row[id]),
    managed_by: core === null ? null : { core_id: core, since: text(row?.['claimed_at']) },
  };
}
