import type { EngineName } from './names.js';
import type { Engine } from '../engine.js';
import { mysql } from './mysql/index.js';
import { postgres } from './postgres/index.js';
import { sqlite } from './sqlite/index.js';

const engines: Record<EngineName, Engine> = { postgres, mysql, sqlite };

/** `name`: one of ENGINE_NAMES, as it is stored. Errors: TypeError (there is no such engine). */
export function engineOf(name: string): Engine {
  const known: Record<string, Engine> = engines;
  const engine = Object.hasOwn(known, name) ? known[name] : undefined;
  if (engine === undefined) throw new TypeError(`there is no engine ${name}`);
  return engine;
}
