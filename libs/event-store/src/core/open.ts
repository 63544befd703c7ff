import { resolve } from 'node:path';
import type { CoreDatabase } from '../core-database.js';
import { parseServer } from './server.js';
import { SqliteCore } from './sqlite.js';

/**
 * `sqlite:<file>` (its folder is made), `postgres://user:password@host:port/database`, `mysql://…`; a server's
 * address may carry `?sslmode=disable|require|verify-full`. A server is reached at the first statement, not here.
 * A driver is loaded when it is needed: it is a good part of a start's time.
 * Errors: Error for an address that is not understood; CoreUnavailable for a file that cannot be opened.
 */
export async function openCoreDatabase(url: string): Promise<CoreDatabase> {
  if (url.startsWith('sqlite:')) return SqliteCore.open(fileOf(url.slice('sqlite:'.length)));
  const parsed = URL.canParse(url) ? new URL(url) : null;
  switch (parsed?.protocol) {
    case 'postgres:':
    case 'postgresql:':
      return new (await import('./postgres.js')).PostgresCore(parseServer(parsed, 5432));
    case 'mysql:':
    case 'mariadb:':
      return new (await import('./mysql.js')).MysqlCore(parseServer(parsed, 3306));
    default:
      // The address itself is left out: it may hold a password.
      throw new Error('core database address: expected sqlite:<file>, postgres://… or mysql://…');
  }
}

function fileOf(path: string): string {
  // Memory is refused: each of our two connections would get a database of its own.
  if (path === '' || path.includes(':memory:') || path.includes('?')) {
    throw new Error('core database address: sqlite: wants the path of a file, without parameters');
  }
  return resolve(path.replace(/^\/\/(?=\/)/, ''));
}
