import { ddl, ddlOnMany } from './ddl.js';
import { ledger } from './ledger.js';
import { requests } from './requests.js';

/** What the load process can be told to do. */
export const jobs = { requests, ddl, ddlOnMany, ledger };

export type Jobs = typeof jobs;
