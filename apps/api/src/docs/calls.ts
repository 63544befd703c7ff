import { databaseCalls } from '../databases/databases.calls.js';
import { healthCalls } from '../health/health.calls.js';
import type { Call, Calls } from '../http/call.js';
import { logCalls } from '../log/log.calls.js';
import { sagaCalls } from '../sagas/sagas.calls.js';
import { tableCalls } from '../tables/tables.calls.js';
import { docsCalls } from './docs.calls.js';

export type Tag = 'tables' | 'sagas' | 'databases' | 'log' | 'operating';

/** In the order of the document and of the page at /docs. */
const GROUPS: [Tag, Calls][] = [
  ['tables', tableCalls],
  ['sagas', sagaCalls],
  ['databases', databaseCalls],
  ['log', logCalls],
  ['operating', { ...healthCalls, ...docsCalls }],
];

/** A call as the document names it. */
export type NamedCall = Call & { id: string; tag: Tag };

export const calls: NamedCall[] = GROUPS.flatMap(([tag, group]) =>
  Object.entries(group).map(([id, call]: [string, Call]) => ({ id, tag, ...call })),
);
