import Database from 'better-sqlite3';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { query } from './fixtures.js';

const run = promisify(execFile);

/**
 * Runs a dump of an application's schema, as its own engine's client would; statements that this server cannot do are
 * left out.
 */
export async function loadDump(url: string, file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (url.startsWith('sqlite:')) loadIntoSqlite(url.slice('sqlite:'.length), text);
  else if (url.startsWith('postgres')) await loadIntoPostgres(url, file);
  else await loadIntoMysql(url, text);
}

function loadIntoSqlite(path: string, text: string): void {
  const file = new Database(path);
  file.exec(text);
  file.close();
}

async function loadIntoPostgres(url: string, file: string): Promise<void> {
  await run('psql', ['-q', '-d', url, '-f', file]);
}

async function loadIntoMysql(url: string, text: string): Promise<void> {
  const connection = await mysql.createConnection(url);
  try {
    await connection.query("set foreign_key_checks = 0, sql_mode = ''");
    for (const statement of statementsOf(text)) await connection.query(statement);
  } finally {
    await connection.end();
  }
}

/** A dump's statements, at the delimiters that its DELIMITER lines (the client's own, no SQL) set. */
function statementsOf(text: string): string[] {
  const found: string[] = [];
  let delimiter = ';';
  let open: string[] = [];
  for (const line of text.split('\n')) {
    const set = /^DELIMITER\s+(\S+)/i.exec(line);
    if (set !== null) delimiter = set[1]!;
    else if (!/^\s*(--|$)/.test(line)) open.push(line);
    if (set !== null || !line.trimEnd().endsWith(delimiter)) continue;
    found.push(open.join('\n').trimEnd().slice(0, -delimiter.length));
    open = [];
  }
  return found.filter((statement) => statement.trim() !== '');
}

/**
 * The whole schema in the engine's own words, without what the service keeps there: by object (SQLite, MySQL), or in
 * the order of
 * pg_dump. Equal before and after: the schema came out to the letter.
 */
export async function schemaText(url: string): Promise<string[]> {
  if (url.startsWith('sqlite:')) return sqliteText(url);
  return url.startsWith('postgres') ? postgresText(url) : mysqlText(url);
}

async function sqliteText(url: string): Promise<string[]> {
  const rows = await query<{ type: string; name: string; on: string; sql: string | null }>(
    url,
    'select type, name, tbl_name as "on", sql from sqlite_schema order by type, name',
  );
  return rows
    .filter((row) => !isOurs(row.on))
    .map(({ type, name, sql }) => `${type} ${name}: ${(sql ?? '').replaceAll(ASIDE_IN_SQLITE, '')}`);
}

/** A column that is set aside in its place, where it stands on no line of its own. */
const ASIDE_IN_SQLITE = /,\s*"_saga_\w+"(?:[^,()]|\([^()]*\))*/g;

async function postgresText(url: string): Promise<string[]> {
  const { stdout } = await run('pg_dump', ['-s', '-d', url, '-T', '_saga_*'], { maxBuffer: 1 << 28 });
  const told = stdout.split('\n').filter((line) => !/^(--|$|\\(un)?restrict )/.test(line));
  return told.join('\n').split(/;\n/).map(withoutAside);
}

async function mysqlText(url: string): Promise<string[]> {
  const tables = await query<{ name: string; type: string }>(
    url,
    'select table_name as name, table_type as type from information_schema.tables where table_schema = ' +
      'database() order by table_name',
  );
  const found: string[] = [];
  for (const { name } of tables.filter((table) => !isOurs(table.name))) {
    const [row] = await query(url, `show create table \`${name.replaceAll('`', '``')}\``);
    const text = String(row!['Create Table'] ?? row!['Create View']).replace(/ AUTO_INCREMENT=\d+/, '');
    found.push(`${name}: ${withoutAside(text)}`);
  }
  const triggers = await query<{ name: string }>(
    url,
    'select trigger_name as name from information_schema.triggers where trigger_schema = database() ' +
      'order by trigger_name',
  );
  for (const { name } of triggers) {
    const [row] = await query(url, `show create trigger \`${name.replaceAll('`', '``')}\``);
    found.push(`${name}: ${String(row!['sql_mode'])} ${String(row!['SQL Original Statement'])}`);
  }
  return found;
}

/** A column that is set aside in its place stands on a line of its own. */
function withoutAside(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s+[`"]?_saga_/.test(line))
    .join('\n')
    .replaceAll(',\n)', '\n)');
}

function isOurs(name: string): boolean {
  return name.startsWith('_saga_');
}
