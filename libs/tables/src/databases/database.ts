import type { EngineName } from '#byodb';
import { unfolded } from '#event-store';
import type { DatabaseRef } from '../table/event-parts.js';
import type { DatabaseEvent } from './events.js';

/** Of what is kept of a database, see ReadModel. */
export const DATABASE_SHAPE = 1;

/** A customer's database as registered; its address is not here but sealed in `credentials`. */
export interface Database {
  database_id: string;
  version: number;
  /** The version at which it got its present address: who holds a connection looks at this one. */
  address_version: number;
  name: string;
  engine: EngineName;
  /** The drift that the last check found, by its digest; null: none. */
  drift: { digest: string; detected_at: string } | null;
  created_at: string;
  updated_at: string;
}

/** As tables and sagas name it. */
export function refOf({ database_id, name, engine }: Database): DatabaseRef {
  return { id: database_id, name, engine };
}

/** The database after one more of its events; null: it is not known, or not any more. Pure. */
export function evolveDatabase(
  database: Database | null,
  event: DatabaseEvent,
  at: { database_id: string; version: number; recorded_at: string },
): Database | null {
  const { database_id, version, recorded_at } = at;
  if (event.type === 'DatabaseRegistered') {
    const { name, engine } = event;
    return {
      database_id,
      version,
      address_version: version,
      name,
      engine,
      drift: null,
      created_at: recorded_at,
      updated_at: recorded_at,
    };
  }
  if (database === null) return null;
  switch (event.type) {
    case 'DatabaseAddressChanged':
      return { ...database, version, address_version: version, updated_at: recorded_at };
    case 'DriftDetected':
      return { ...database, version, drift: { digest: event.digest, detected_at: recorded_at } };
    case 'DriftEnded':
      return { ...database, version, drift: null };
    case 'DatabaseRemoved':
      return null;
    default:
      return unfolded(event);
  }
}
