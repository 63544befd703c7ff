import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { query } from '../testing/fixtures.js';
import { startMariadb, startPostgres, startRedis, type Server } from '../testing/servers.js';

export type Kind = 'postgres' | 'mysql' | 'sqlite';
type ServerKind = 'postgres' | 'mysql' | 'redis';

const setting = (name: string, value: string): string[] => ['-c', `${name}=${value}`];

/** As durable as they come: the tests' own servers sync nothing. */
const DURABLE: Record<ServerKind, () => Promise<Server>> = {
  postgres: () =>
    startPostgres({
      args: [
        ...setting('fsync', 'on'),
        ...setting('synchronous_commit', 'on'),
        ...setting('full_page_writes', 'on'),
        ...setting('shared_buffers', '256MB'),
        ...setting('max_connections', '800'),
      ],
    }),
  mysql: () => startMariadb({ args: ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1'] }),
  redis: () => startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'everysec'] }),
};

const IS_DURABLE = {
  postgres: {
    sql: `select current_setting('fsync') || ' ' || current_setting('synchronous_commit') || ' ' ||
      current_setting('full_page_writes') as how`,
    how: 'on on on',
  },
  mysql: { sql: 'select @@innodb_flush_log_at_trx_commit as how', how: '1' },
};

/** Private, throwaway servers, each started when it is first asked for. */
export class Servers {
  private readonly started = new Map<ServerKind, Promise<Server>>();
  private made = 0;

  constructor(private readonly folder: string) {}

  async url(kind: ServerKind): Promise<string> {
    return (await this.server(kind)).url;
  }

  async server(kind: ServerKind): Promise<Server> {
    const known = this.started.get(kind) ?? start(kind);
    this.started.set(kind, known);
    return known;
  }

  /** A new, empty database: its url. */
  async database(kind: Kind): Promise<string> {
    const name = `bench_${++this.made}`;
    if (kind === 'sqlite') {
      const folder = join(this.folder, 'files');
      await mkdir(folder, { recursive: true });
      return `sqlite:${join(folder, `${name}.db`)}`;
    }
    const server = await this.url(kind);
    await query(server, `create database ${name}`);
    return withPath(server, name);
  }

  /** A number of Redis that nobody else uses. */
  async redisDatabase(): Promise<string> {
    return withPath(await this.url('redis'), String(++this.made % 1000));
  }

  /** Drops a database of a server; files go with the folder. */
  async drop(url: string): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    if (url.startsWith('postgres')) await query(await this.url('postgres'), `drop database ${name} with (force)`);
    if (url.startsWith('mysql')) await query(await this.url('mysql'), `drop database ${name}`);
  }

  /** Versions of those that were started. */
  async versions(): Promise<string[]> {
    const told: string[] = [];
    for (const [kind, server] of this.started) {
      if (kind === 'redis') continue;
      const [row] = await query<{ version: string }>((await server).url, 'select version() as version');
      told.push(kind === 'postgres' ? row!.version.split(' ').slice(0, 2).join(' ') : row!.version);
    }
    return told;
  }

  async end(): Promise<void> {
    await Promise.all([...this.started.values()].map(async (server) => (await server).remove()));
  }
}

async function start(kind: ServerKind): Promise<Server> {
  const server = await DURABLE[kind]();
  if (kind === 'redis') return server;
  const { sql, how } = IS_DURABLE[kind];
  const [row] = await query<{ how: string | number }>(server.url, sql);
  if (String(row!.how) !== how) throw new Error(`${kind} is not durable: ${row!.how} instead of ${how}`);
  return server;
}

export function withPath(url: string, path: string): string {
  const result = new URL(url);
  result.pathname = `/${path}`;
  return result.href;
}
