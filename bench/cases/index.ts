import type { Case } from '../case.js';
import { accept } from './accept.js';
import { addColumn } from './add-column.js';
import { append } from './append.js';
import { compensate } from './compensate.js';
import { coreGrowth } from './core-growth.js';
import { create } from './create.js';
import { fold, replay } from './history.js';
import { idle } from './idle.js';
import { manyFiles } from './many-files.js';
import { manyOnOneServer } from './many-on-one-server.js';
import { memory } from './memory.js';
import { fleetFails, fleetMemory, longHistory } from './not-yet.js';
import { read } from './read.js';
import { registering } from './register.js';
import { start } from './start.js';
import { threeDatabases } from './three-databases.js';
import { throughput } from './throughput.js';
import { workers } from './workers.js';

/** In the order of docs/performance.md. */
export const cases: readonly Case[] = [
  create,
  addColumn,
  throughput,
  threeDatabases,
  accept,
  read,
  append,
  replay,
  fold,
  start,
  memory,
  compensate,
  idle,
  longHistory,
  workers,
  coreGrowth,
  manyFiles,
  manyOnOneServer,
  fleetMemory,
  registering,
  fleetFails,
];
