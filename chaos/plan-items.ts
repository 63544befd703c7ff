import type { ColumnBody, EngineName } from './columns.js';

export interface Entry {
  uid: number;
  body: ColumnBody;
}
export type Change =
  | {
      what: 'create';
      name: string;
      databases: string[];
      entries: Entry[];
      occupied: { database: string; late: boolean } | null;
    }
  | { what: 'columns'; entries: Entry[] }
  | { what: 'rename'; name: string }
  | { what: 'drop' }
  | { what: 'restore' }
  /** A table made behind the program's back, of the program's own types. */
  | { what: 'adopt'; name: string; database: string; entries: Entry[] }
  | { what: 'databases'; add: string[]; remove: string[] }
  /** `part`: of the versions that there are then. */
  | { what: 'revert'; part: number }
  /** Somebody changes the table by hand in one of its databases, drawn by `dice`, and the answer to it. */
  | { what: 'drift'; hand: 'add' | 'drop'; as: 'adopt' | 'restore' | 'ignore'; dice: number; uid: number };

export interface ChangeItem {
  item: 'change';
  seq: number;
  /** The plan's own number of the table: its id comes only with the answer. */
  table: number;
  change: Change;
  /** Rows to be written to each of its databases before. */
  rows: number;
  abortAfterMs: number | null;
  /** Sent twice at once, with one Idempotency-Key. */
  twice: boolean;
  /** Holds a column that the PostgreSQL databases refuse when the statement comes: it must not complete. */
  poisoned: boolean;
  pauseMs: number;
}

export type Fault =
  | { fault: 'kill'; dice: number; downMs: number }
  | { fault: 'cut'; engine: 'postgres' | 'mysql'; how: 'cut' | 'refuse' | 'hold'; ms: number }
  | { fault: 'wipe' }
  | { fault: 'restart'; server: 'postgres' | 'mysql' | 'redis' | 'core'; hard: boolean }
  | { fault: 'lock'; table: number; dice: number; ms: number; write: boolean };
export type Item = ChangeItem | (Fault & { item: 'fault'; pauseMs: number });

export interface PlanOptions {
  seed: number;
  killsPerChange: number;
  kills: number;
  databases: { name: string; engine: EngineName }[];
  restore: boolean;
  storm?: boolean;
}
