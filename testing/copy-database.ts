import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { freshMysql, freshPostgres, freshSqlite, query, type Fresh } from './fixtures.js';

const run = promisify(execFile);

/** A backup of a database as it is now, restored beside it by the engine's own tools. */
export async function copyDatabase(url: string): Promise<Fresh> {
  if (url.startsWith('sqlite:')) {
    const copy = await freshSqlite();
    await query(url, 'pragma wal_checkpoint(truncate)');
    await copyFile(url.slice('sqlite:'.length), copy.url.slice('sqlite:'.length));
    return copy;
  }
  const copy = url.startsWith('postgres') ? await freshPostgres() : await freshMysql();
  const dump = url.startsWith('postgres')
    ? 'pg_dump "$@" -d "$FROM"'
    : 'mariadb-dump --protocol=tcp --skip-ssl --triggers "$@" "$FROM"';
  await shell(`${dump} | ${readingInto(url)}`, url, {
    FROM: new URL(url).pathname.slice(1),
    INTO: new URL(copy.url).pathname.slice(1),
  });
  return copy;
}

/** A dump of a whole database, read into an empty one. */
export async function restoreDump(file: string, url: string): Promise<void> {
  await shell(`${readingInto(url)} < "$FROM"`, url, { FROM: file, INTO: new URL(url).pathname.slice(1) });
}

function readingInto(url: string): string {
  return url.startsWith('postgres')
    ? 'psql -q -o /dev/null -v ON_ERROR_STOP=1 "$@" -d "$INTO"'
    : 'mariadb --protocol=tcp --skip-ssl "$@" "$INTO"';
}

/** The server of `url` and its user are the command's arguments. */
async function shell(command: string, url: string, variables: Record<string, string>): Promise<void> {
  const { hostname, port, username, password } = new URL(url);
  const secrets = { PGPASSWORD: decodeURIComponent(password), MYSQL_PWD: decodeURIComponent(password) };
  const at = [
    '-h',
    hostname,
    url.startsWith('postgres') ? '-p' : '-P',
    port,
    url.startsWith('postgres') ? '-U' : '-u',
    decodeURIComponent(username),
  ];
  await run('bash', ['-o', 'pipefail', '-c', command, 'shell', ...at], {
    env: { ...process.env, ...secrets, ...variables },
  });
}
