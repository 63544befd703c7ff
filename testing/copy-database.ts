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
  const { hostname, port, username, password, pathname } = new URL(url);
  const into = new URL(copy.url).pathname.slice(1);
  const [from, env] = [pathname.slice(1), { ...process.env, PGPASSWORD: decodeURIComponent(password), MYSQL_PWD: decodeURIComponent(password) }];
  const at = ['-h', hostname, url.startsWith('postgres') ? '-p' : '-P', port, url.startsWith('postgres') ? '-U' : '-u', decodeURIComponent(username)];
  const command = url.startsWith('postgres') ? 'pg_dump "$@" -d "$FROM" | psql -q -v ON_ERROR_STOP=1 "$@" -d "$INTO"' : 'mariadb-dump --protocol=tcp --skip-ssl --triggers "$@" "$FROM" | mariadb --protocol=tcp --skip-ssl "$@" "$INTO"';
  await run('bash', ['-o', 'pipefail', '-c', command, 'copy', ...at], { env: { ...env, FROM: from, INTO: into } });
  return copy;
}
