import Database from 'better-sqlite3';
import { execFile } from 'node:child_process';
import mysql from 'mysql2/promise';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import type { EngineName } from './odd/odd.js';

type Row = Record<string, unknown>;

/** Somebody else's program in a database: one connection of its own, foreign keys on. */
export interface Customer {
  readonly engine: EngineName;
  run(sql: string): Promise<Row[]>;
  /** Everything that stands in the catalog under names that begin so, as the engine's own tool prints it. */
  schema(base: string): Promise<string[]>;
  close(): Promise<void>;
}

const BUSY_TRIES = 400;

export async function customer(engine: EngineName, url: string): Promise<Customer> {
  if (engine === 'postgres') return onPostgres(url);
  return engine === 'mysql' ? onMysql(url) : onSqlite(url);
}

async function onPostgres(url: string): Promise<Customer> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    engine: 'postgres',
    run: async (sql) => (await client.query<Row>(sql)).rows,
    schema: (base) => dump(url, base),
    close: () => client.end(),
  };
}

/** Lines in order of the alphabet: a column that comes back last is the same column. */
async function dump(url: string, base: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    pgDump(),
    ['--schema-only', '--no-owner', '--dbname', url, '--table', `${base}_*`],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(/,$/, ''))
    .filter((line) => line !== '' && !line.startsWith('--') && !/^(SET|SELECT pg_catalog|\\(un)?restrict)/.test(line))
    .sort();
}

/** Debian keeps each version's programs in a folder of its own; the newest is in the path. */
function pgDump(): string {
  const root = '/usr/lib/postgresql';
  const versions = (() => {
    try {
      return readdirSync(root);
    } catch {
      return [];
    }
  })().sort((a, b) => Number(a) - Number(b));
  return versions.length === 0 ? 'pg_dump' : `${root}/${versions.at(-1)!}/bin/pg_dump`;
}

/** Keys stand in the order in which they were made; columns keep theirs. */
function inAnyOrder(text: string): string[] {
  const lines = text
    .replace(/ AUTO_INCREMENT=\d+/, '')
    .split('\n')
    .map((line) => line.trim().replace(/,$/, ''));
  return lines.map((line, i) => `${lines[0]} | ${line.startsWith('`') ? `${i} ` : ''}${line}`).sort();
}

async function onMysql(url: string): Promise<Customer> {
  const connection = await mysql.createConnection({ uri: url, multipleStatements: false, dateStrings: true });
  const run = async (sql: string): Promise<Row[]> => {
    const [rows] = await connection.query(sql);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  };
  // As applications of old schemas set it: their own zero dates are theirs to write.
  await run(`set sql_mode = 'STRICT_TRANS_TABLES'`);
  return {
    engine: 'mysql',
    run,
    async schema(base) {
      const like = `'${base.replaceAll('_', '\\_')}\\_%'`;
      const lines: string[] = [];
      for (const { name } of await run(
        'select table_name as name from information_schema.tables where table_schema = database() and ' +
          `table_name like ${like} order by 1`,
      )) {
        const [shown] = await run(`show create table \`${String(name)}\``);
        lines.push(...inAnyOrder(String(shown!['Create Table'] ?? shown!['Create View'] ?? shown!['Table'])));
      }
      for (const row of await run(
        'select trigger_name, action_timing, event_manipulation, event_object_table, action_order, ' +
          'action_statement, sql_mode from information_schema.triggers where trigger_schema = database() and ' +
          `trigger_name like ${like} order by 1`,
      ))
        lines.push(JSON.stringify(row));
      return lines;
    },
    close: () => connection.end(),
  };
}

/**
 * SQLite's own renames put a plain name in quotes and take a blank away before the bracket; a column that comes back
 * stands between blanks.
 */
function plainly(row: Row): string {
  return JSON.stringify({
    ...row,
    sql:
      row['sql'] === null
        ? null
        : String(row['sql'])
            .replace(/"([a-z]\w*)"/g, '$1')
            .replace(/\s+/g, ' ')
            .replace(/^(create table \w+) ?\(/i, '$1 ('),
  });
}

async function onSqlite(url: string): Promise<Customer> {
  // Waited for here and not in the driver, which would hold up the service in the same process.
  const file = new Database(url.slice('sqlite:'.length), { timeout: 0 });
  file.pragma('foreign_keys = on');
  const run = async (sql: string): Promise<Row[]> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const statement = file.prepare<unknown[], Row>(sql);
        return statement.reader ? statement.all() : (statement.run(), []);
      } catch (error) {
        if (!/^SQLITE_(BUSY|LOCKED)/.test(String((error as { code?: unknown }).code)) || attempt === BUSY_TRIES)
          throw error;
        await sleep(10);
      }
    }
  };
  return {
    engine: 'sqlite',
    run,
    schema: async (base) =>
      (
        await run(
          `select type, name, tbl_name, sql from sqlite_schema where tbl_name like '${base}\\_%' escape '\\' ` +
            `and name not like '%\\_fts\\_%' escape '\\' order by type, name`,
        )
      ).map(plainly),
    async close() {
      file.close();
    },
  };
}
