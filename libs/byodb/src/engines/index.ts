import type { EngineName } from './names.js';
import type { Engine } from '../engine.js';
import { mysql } from './mysql/index.js';
import { postgres } from './postgres/index.js';
import { sqlite } from './sqlite/index.js';

const engines: Record<EngineName, Engine> = { postgres, mysql, sqlite };

export function engineOf(name: EngineName): Engine {
  return engines[name];
}
