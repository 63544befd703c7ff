import type { Call } from './calls/call.js';
import { databaseCalls } from './calls/databases.js';
import { logCalls } from './calls/log.js';
import { operatingCalls } from './calls/operating.js';
import { sagaCalls } from './calls/sagas.js';
import { tableCalls } from './calls/tables.js';

export type { Call, Tag } from './calls/call.js';

/** Every call, in the order of the document and of the page at /docs. */
export const calls: Call[] = [...tableCalls, ...sagaCalls, ...databaseCalls, ...logCalls, ...operatingCalls];
