import type { EngineName } from '../address.js';
import type { Engine } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { postgres } from './postgres/index.js';
import { sqlite } from './sqlite/index.js';

/** The mysql engine is still to be built: it is refused, visibly, until then. */
const engines: Record<EngineName, Engine | null> = { postgres, mysql: null, sqlite };

/** Errors: DatabaseError `unsupported_change` for an engine that is not built yet. */
export function engineOf(name: EngineName): Engine {
  const engine = engines[name];
  if (engine === null) throw new DatabaseError('unsupported_change', `the ${name} engine is not built yet`);
  return engine;
}
