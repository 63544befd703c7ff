// @ts-check
/**
 * A customer's schema once more, in memory and without a row: there SQLite itself tells what it would refuse, and no
 * lock of the
 * customer's file is needed. Plain JavaScript: it runs in the worker thread (worker.js).
 */
import Database from 'better-sqlite3';
import { refusal } from './guard.js';

/** @typedef {{ type: string, name: string, sql: string | null }} Row */

const ORDER = ['table', 'view', 'index', 'trigger'];

/** @param {Row[]} rows @returns {import('better-sqlite3').Database} */
export function clone(rows) {
  const db = new Database(':memory:');
  db.exec('pragma foreign_keys = off');
  const made = rows
    .filter((row) => row.sql !== null && !/^sqlite_/i.test(row.name))
    .sort((a, b) => place(a) - place(b));
  for (const { sql } of made) if (sql !== null) make(db, sql);
  // The planner's statistics, for those who carry them along.
  if (rows.some((row) => /^sqlite_stat/.test(row.name))) db.exec('analyze');
  return db;
}

/** A virtual table first: its module makes the tables that it keeps its own in. @param {Row} row */
function place(row) {
  return isVirtual(row.sql ?? '') ? -1 : ORDER.indexOf(row.type);
}

/** @param {string} sql */
function isVirtual(sql) {
  return /^create\s+virtual\s+table\b/i.test(sql);
}

/**
 * What cannot be made is left out: nothing of it is asked here. @param {import('better-sqlite3').Database} db @param
 * {string} sql
 */
function make(db, sql) {
  let text = sql;
  for (let tries = 0; tries < 20; tries++) {
    try {
      if (refusal(text) === null || isVirtual(text)) db.prepare(text).run();
      return;
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      const callee = /^no such function: (.+)$/.exec(message)?.[1];
      const collation = /^no such collation sequence: (.+)$/.exec(message)?.[1];
      if (callee !== undefined) db.function(callee, { varargs: true, deterministic: true }, () => null);
      else if (collation !== undefined)
        text = text.split(new RegExp(`collate\\s+["'\`[]?${escape(collation)}["'\`\\]]?`, 'i')).join('');
      else return;
    }
  }
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/**
 * What SQLite says when it renames anything in this schema: null, or which object stands in the way and why.
 * @param {Row[]} rows @returns {string | null}
 */
export function renameProblem(rows) {
  const db = clone(rows);
  try {
    db.prepare('create table _saga_probe (a)').run();
    db.prepare('alter table _saga_probe rename to _saga_probed').run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    db.close();
  }
}
