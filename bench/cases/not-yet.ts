import type { Case } from '../case.js';

export const longHistory: Case = {
  number: '13',
  name: 'long-history',
  what: 'create at 10,000 tables and a million events / at 10 tables',
  targets: [{ label: 'p50 of a create', asked: { atMost: 1.2 }, moonshot: { atMost: 1.05 } }],
  notYet: 'making 10,000 tables and a million events through the service takes longer than a whole run may',
};

export const fleetMemory: Case = {
  number: '16',
  name: 'fleet-memory',
  what: 'memory with 1,000 registered databases, all touched / with 10',
  targets: [{ label: 'more memory', unit: 'MB', asked: { atMost: 150 }, moonshot: { atMost: 60 } }],
  notYet: 'each SQLite file that was touched keeps threads of its own, about 16 MB: 1,000 would need all of a machine',
};

export const fleetFails: Case = {
  number: '18',
  name: 'fleet-fails',
  what: 'a change that fails on one of 1,000 databases, until all are put back / one that completes',
  targets: [{ label: 'put back / completed', asked: { atMost: 1.3 }, moonshot: { atMost: 1.1 } }],
  notYet: 'one change may concern 500 databases',
};
