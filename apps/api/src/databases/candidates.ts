import { v7 as uuid } from 'uuid';
import {
  DatabaseError,
  engineOf,
  fileOf,
  refuseOthers,
  type Address,
  type Claimant,
  type Connection,
  type Traces,
} from '#byodb';
import { ApiError, type ApiCode } from '../http/api-error.js';
import type { OwnFiles } from './own-files.js';
import { soon, within } from './reach.js';

/** How long a new address is tried, and its connection waited for at the end. Milliseconds. */
const PROBE_MS = 12_000;
const CLOSE_MS = 2000;
const NOTHING: Traces = { id: null, managed_by: null, missing: [], strange: null, core: null };

/** What a caller says who knows that another service has given the database up. */
export interface TakeOver {
  core_id: string;
  reason: string;
}

/**
 * Databases that are to be registered: looked at before anything is made there, and left as they were when they are
 * refused.
 */
export class Candidates {
  /** `coreId`: of this service's core database. */
  constructor(
    private readonly coreId: string,
    private readonly files: OwnFiles,
  ) {}

  claimant(takeOver?: TakeOver): Claimant {
    return {
      core_id: this.coreId,
      at: new Date().toISOString(),
      ...(takeOver === undefined ? {} : { take_over: takeOver.core_id }),
    };
  }

  /** Errors: ApiError database_unreachable, core_database, managed_elsewhere, database_mismatch; what `work` throws. */
  async with<T>(
    address: Address,
    takeOver: TakeOver | undefined,
    work: (candidate: Candidate) => Promise<T>,
  ): Promise<T> {
    const file = fileOf(address);
    if (file !== null) this.files.refuse(file);
    const connection = engineOf(address.engine).open(address);
    try {
      const claimant = this.claimant(takeOver);
      const traces = await within(look(connection), PROBE_MS);
      refuseOthers(traces, claimant);
      refuseOdd(traces.id);
      if (takeOver !== undefined) refuseVain(traces, takeOver);
      return await work(new Candidate(connection, traces, claimant));
    } catch (error) {
      throw notHad(error);
    } finally {
      await soon(connection.close(), CLOSE_MS);
    }
  }
}

/** One of them. `id`: what stands in its ledger; null: it has none, or it is taken over and gets another one. */
export class Candidate {
  readonly id: string | null;

  constructor(
    private readonly connection: Connection,
    private readonly traces: Traces,
    private readonly claimant: Claimant,
  ) {
    // With another id the former service meets a database that is not the one that it knows, whatever its version.
    this.id = claimant.take_over === undefined ? traces.id : null;
  }

  /**
   * Makes the ledger, and takes it away again when what follows is refused, unless another one has recorded it.
   * `record` gets the id that stands there from now on.
   */
  async claim(record: (id: string) => Promise<void>, isKnown: (id: string) => Promise<boolean>): Promise<void> {
    const id = await this.claimed();
    try {
      await record(id);
    } catch (error) {
      // Two at once have made it together: the one that was recorded keeps it. With our own memory away nobody can
      // tell.
      const isOurs = this.traces.id === null && !(await isKnown(id).catch(() => true));
      if (isOurs) await this.connection.release(id).catch(() => undefined);
      throw error;
    }
  }

  private async claimed(): Promise<string> {
    try {
      return await within(this.connection.claim(this.id ?? uuid(), this.claimant), PROBE_MS);
    } catch (error) {
      // Reached, but with no right to make a ledger: its changes will be refused in prepare, with that reason.
      if (error instanceof DatabaseError && error.code === 'permission_denied' && this.traces.id === null)
        return uuid();
      throw error;
    }
  }
}

/** A file that is not there yet holds nothing. A user who may not look into the ledger has none. */
async function look(connection: Connection): Promise<Traces> {
  try {
    return await connection.traces();
  } catch (error) {
    if (error instanceof DatabaseError && error.details['code'] === 'SAGA_MISSING') return NOTHING;
    throw error;
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Its owner can write there. An id that is none would break whatever is named by it. */
function refuseOdd(id: string | null): void {
  if (id === null || UUID.test(id)) return;
  const shown = JSON.stringify(id.length > 80 ? `${id.slice(0, 80)}…` : id);
  throw new ApiError(
    'database_mismatch',
    `the identity that stands in this database (table _saga_identity) is ${shown}, which no service gave ` +
      'it: put the right one back, or remove the three tables of the ledger if nothing here is managed',
  );
}

/** A word for another service than the one that holds the database is no word for this one. */
function refuseVain(traces: Traces, { core_id }: TakeOver): void {
  if (traces.managed_by?.core_id === core_id) return;
  throw new ApiError('validation_failed', 'take_over.core_id is not the service that manages this database', {
    errors: [{ path: 'take_over.core_id', message: 'is not the service that manages this database' }],
  });
}

const OWN_CODES: ReadonlySet<string> = new Set(['database_mismatch', 'core_database', 'managed_elsewhere']);

/** What came of a look, as it is told to a caller. */
export function notHad(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  if (!OWN_CODES.has(error.code)) return new ApiError('database_unreachable', error.message);
  const { managed_by: manager } = error.details;
  const hint =
    'the other service frees it by removing it there; if that service is gone for good, register it with ' +
    'take_over, which names its core id and a reason';
  return new ApiError(
    error.code as ApiCode,
    error.message,
    manager === undefined ? {} : { members: { managed_by: manager, hint } },
  );
}
