// @ts-check
/**
 * The thread that works on one customer's file, so that a long rebuild stops neither heartbeats nor answers. Plain
 * JavaScript:
 * `new Worker` loads it as it is, from the sources under Jest as well as from dist. One connection, one request at a
 * time.
 */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { clone, renameProblem } from './clone.js';
import { convert, thereAndBack } from './convert.js';
import { refusal } from './guard.js';

/**
 * @typedef {{ id: number, op: 'enter' | 'query' | 'run' | 'probe' | 'rehearse' | 'close', mode?: 'look' | 'work' |
 * 'create', sql?: string, args?: unknown[],
 *   schema?: import('./clone.js').Row[], statements?: string[] }} Request
 * @typedef {{ id: number, rows?: Record<string, unknown>[], error?: { code: string, message: string } }} Answer
 */

const port = parentPort;
if (port === null) throw new Error('worker.js runs in a worker thread');
/** @type {{ file: string, idleMs: number }} */
const { file, idleMs } = workerData;

/** @type {import('better-sqlite3').Database | null} */
let db = null;
let inode = '';
let expired = false;
/** @type {NodeJS.Timeout | undefined} */
let idle;

class Failure extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

port.on('message', (/** @type {Request} */ request) => {
  clearTimeout(idle);
  /** @type {Answer} */
  const answer = { id: request.id };
  try {
    answer.rows = serve(request);
  } catch (error) {
    answer.error = {
      code: error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'SQLITE_ERROR',
      message: error instanceof Error ? error.message : String(error),
    };
  }
  // A caller that stalls in a transaction would lock everyone out of the file.
  if (db?.inTransaction) idle = setTimeout(expire, idleMs);
  port.postMessage(answer);
  if (request.op === 'close') port.close();
});

function expire() {
  db?.exec('rollback');
  expired = true;
}

/** @param {Request} request @returns {Record<string, unknown>[]} */
function serve({ op, mode, sql = '', args = [], schema = [], statements = [] }) {
  if (op === 'close') {
    db?.close();
    db = null;
    return [];
  }
  if (op === 'enter') {
    enter(mode ?? 'look');
    return [];
  }
  if (op === 'probe') return [{ problem: renameProblem(schema) }];
  if (op === 'rehearse') return rehearse(schema, statements);
  if (expired) throw new Failure('SAGA_EXPIRED', `the transaction was idle for ${idleMs} ms and has been rolled back`);
  if (db === null) throw new Failure('SAGA_CLOSED', 'the file is not open');
  const reason = refusal(sql);
  if (reason !== null) throw new Failure('SQLITE_AUTH', reason);
  // One statement: prepare refuses several, where exec would run what comes behind a semicolon.
  const statement = db.prepare(sql);
  if (!statement.reader) {
    statement.run(...args);
    return [];
  }
  const rows = /** @type {Record<string, unknown>[]} */ (statement.safeIntegers().all(...args));
  for (const row of rows) {
    for (const key of Object.keys(row)) {
      const value = row[key];
      // Numbers where they are exact, else text, as the drivers of the other engines give it.
      if (typeof value === 'bigint') row[key] = Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    }
  }
  return rows;
}

/** Runs the statements on the schema alone. @param {import('./clone.js').Row[]} schema @param {string[]} statements */
function rehearse(schema, statements) {
  const copy = clone(schema);
  try {
    addFunctions(copy);
    for (const sql of statements) {
      const reason = refusal(sql);
      if (reason !== null) throw new Failure('SQLITE_AUTH', reason);
      copy.prepare(sql).run();
    }
    return [];
  } finally {
    copy.close();
  }
}

/**
 * Opens the file, or again when another one stands in its place: what is written to a deleted file is lost. @param
 * {'look' | 'work' | 'create'} mode
 */
function enter(mode) {
  expired = false;
  if (db?.inTransaction) db.exec('rollback');
  const found = identify();
  if (db !== null && found !== inode) {
    db.close();
    db = null;
  }
  if (found === '' && mode !== 'create') throw new Failure('SAGA_MISSING', 'there is no such database file');
  if (db === null) {
    db = open(mode !== 'create');
    // Readers and a writer side by side (https://www.sqlite.org/wal.html). A file that was there keeps the mode that
    // its owner
    // chose: it stays with the file, and on a network volume, or where the one file is copied, WAL loses writes.
    if (found === '') db.pragma('journal_mode = wal');
    inode = identify();
  }
  // Also of the session before, had it failed between switching it on and off.
  db.exec(`pragma legacy_alter_table = off; pragma query_only = ${mode === 'look' ? 'on' : 'off'}`);
}

function identify() {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}

/** @param {boolean} fileMustExist */
function open(fileMustExist) {
  // Waiting for a lock in here would block the thread: the caller comes again instead.
  const opened = new Database(file, { fileMustExist, timeout: 20 });
  // Without foreign keys: dropping a table deletes its rows first, and with them, by cascade, those of others
  // (https://www.sqlite.org/foreignkeys.html#fk_schemacommands). It cannot be switched inside a transaction.
  opened.exec('pragma foreign_keys = off; pragma synchronous = full');
  // What stands in the file (views, triggers, checks, defaults) reaches no function or module that could touch anything
  // beyond it
  // (https://www.sqlite.org/pragma.html#pragma_trusted_schema); writable_schema is off as well, since better-sqlite3
  // opens defensively.
  opened.exec('pragma trusted_schema = off');
  addFunctions(opened);
  return opened;
}

/** @param {import('better-sqlite3').Database} opened */
function addFunctions(opened) {
  const options = { deterministic: true, directOnly: true, safeIntegers: true };
  /** @typedef {import('./convert.js').Value} Value */
  opened.function(
    '_saga_lost',
    options,
    (/** @type {Value} */ value, /** @type {string} */ from, /** @type {string} */ to) =>
      value !== null && thereAndBack(value, from, to) === null ? 1n : 0n,
  );
  opened.function(
    '_saga_there_and_back',
    options,
    (/** @type {Value} */ value, /** @type {string} */ from, /** @type {string} */ to) => thereAndBack(value, from, to),
  );
  opened.function(
    '_saga_convert',
    options,
    (/** @type {Value} */ value, /** @type {string} */ from, /** @type {string} */ to) => {
      const converted = convert(value, from, to);
      if (converted === undefined) throw new Failure('SAGA_LOSSY', `a value cannot become ${to} without loss`);
      return converted;
    },
  );
}
