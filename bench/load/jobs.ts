import { appendByDriver, appendByStore } from './append.js';
import { ddl, ddlOnMany } from './ddl.js';
import { ledger } from './ledger.js';
import { foldByDriver, foldByStore, replayByDriver, replayByStore, seedLog, seedLongTable } from './log.js';
import { requests } from './requests.js';

/** What the load process can be told to do. */
export const jobs = {
  requests,
  ddl,
  ddlOnMany,
  ledger,
  appendByStore,
  appendByDriver,
  seedLog,
  seedLongTable,
  replayByStore,
  replayByDriver,
  foldByStore,
  foldByDriver,
};

export type Jobs = typeof jobs;
