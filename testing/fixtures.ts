import Database from 'better-sqlite3';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './servers.js';

/** A new, empty database that nobody else uses. */
export interface Fresh {
  readonly url: string;
  /** Ends every session in it, then the database. */
  drop(): Promise<void>;
}

export type Row = Record<string, unknown>;

export async function freshPostgres(): Promise<Fresh> {
  const server = serverUrl('TEST_POSTGRES_URL');
  const name = freshName();
  await query(server, `CREATE DATABASE ${name}`);
  return {
    url: withPath(server, name),
    drop: async () => {
      await query(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

export async function freshMysql(): Promise<Fresh> {
  const server = serverUrl('TEST_MYSQL_URL');
  const name = freshName();
  await query(server, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  return {
    url: withPath(server, name),
    async drop() {
      // a session that still holds a table's lock would keep DROP DATABASE waiting
      for (const { id } of await query(server, 'SELECT id AS id FROM information_schema.processlist WHERE db = ?', [
        name,
      ])) {
        await query(server, 'KILL ?', [id]).catch((error: { errno?: number }) => {
          if (error.errno !== NO_SUCH_THREAD) throw error;
        });
      }
      await query(server, `DROP DATABASE IF EXISTS ${name}`);
    },
  };
}

const NO_SUCH_THREAD = 1094;

/** The file does not exist yet: the first to open it makes it. */
export async function freshSqlite(): Promise<Fresh> {
  const folder = await mkdtemp(join(tmpdir(), 'schemasaga-'));
  return { url: `sqlite:${folder}/x.db`, drop: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * An empty db number of the shared Redis. Wipe it with FLUSHDB; for FLUSHALL and the like start a Redis of your own.
 */
export async function freshRedis(): Promise<Fresh> {
  const server = serverUrl('TEST_REDIS_URL');
  const flush = async (url: string): Promise<void> => {
    await withRedis(url, (redis) => redis.flushdb());
  };
  const db = await withRedis(withPath(server, '0'), async (redis) => {
    const [, databases] = (await redis.config('GET', 'databases')) as string[];
    // the jest workers count together, so no two have the same number
    const taken = await redis.incr('schemasaga:test:taken');
    return 1 + (taken % (Number(databases) - 1));
  });
  const url = withPath(server, String(db));
  await flush(url);
  return { url, drop: () => flush(url) };
}

/**
 * One statement through the plain driver, with the driver's own placeholders ($1 or ?); a statement without rows gives
 * [].
 */
export async function query<T extends object = Row>(url: string, sql: string, params: unknown[] = []): Promise<T[]> {
  const scheme = url.slice(0, url.indexOf(':'));
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return queryPostgres<T>(url, sql, params);
    case 'mysql':
    case 'mariadb':
      return queryMysql<T>(url, sql, params);
    case 'sqlite':
      return querySqlite<T>(url.slice('sqlite:'.length), sql, params);
    default:
      throw new Error(`no driver for ${scheme}:`);
  }
}

async function queryPostgres<T extends object>(url: string, sql: string, params: unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // the session may be killed while idle; a query in flight rejects all the same
  await client.connect();
  try {
    return (await client.query<T>(sql, params)).rows;
  } finally {
    await client.end();
  }
}

async function queryMysql<T extends object>(url: string, sql: string, params: unknown[]): Promise<T[]> {
  const connection = await mysql.createConnection({ uri: url });
  try {
    const [result] = await connection.query(sql, params);
    return Array.isArray(result) ? (result as T[]) : [];
  } finally {
    await connection.end();
  }
}

function querySqlite<T extends object>(file: string, sql: string, params: unknown[]): T[] {
  const database = new Database(file, { timeout: 5000 });
  try {
    const statement = database.prepare<unknown[], T>(sql);
    if (statement.reader) return statement.all(...params);
    statement.run(...params);
    return [];
  } finally {
    database.close();
  }
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined); // `connect` rejects as well
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    // on one that has ended, it would keep the jest worker alive for two seconds
    if (redis.status !== 'end') redis.disconnect();
  }
}

export interface Proxy {
  readonly port: number;
  /** The same url through the proxy. */
  url(direct: string): string;
  /** Resets every live connection; new ones are still taken. */
  cut(): void;
  /** Takes no new connections (they see ECONNREFUSED); the live ones go on. */
  refuse(): void;
  /** Connections stay open, and new ones are taken, but no byte moves in either direction. */
  hold(): void;
  /** Ends refuse and hold; the bytes that were held go on their way. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** A real TCP proxy on 127.0.0.1, to see what a lost, refused or silent connection does. */
export async function tcpProxy(targetPort: number): Promise<Proxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let held = false;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    forward(client, target);
    forward(target, client);
  });
  function forward(from: Socket, to: Socket): void {
    sockets.add(from);
    if (held) from.pause();
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      to.write(bytes);
    });
    from.on('end', () => {
      to.end();
    });
    from.on('error', () => undefined); // 'close' follows
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }
  const listen = async (): Promise<void> => {
    if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening');
  };
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const refuse = (): void => {
    if (server.listening) server.close();
  };

  await listen();
  return {
    port,
    cut,
    refuse,
    url(direct) {
      const through = new URL(direct);
      through.host = `127.0.0.1:${port}`;
      return through.href;
    },
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    async resume() {
      held = false;
      for (const socket of sockets) socket.resume();
      await listen();
    },
    async close() {
      refuse();
      for (const socket of sockets) socket.destroy();
      while (sockets.size > 0) await once([...sockets][0]!, 'close');
    },
  };
}

function serverUrl(variable: string): string {
  const url = process.env[variable];
  if (url === undefined) throw new Error(`${variable} is not set: jest's global setup has not run`);
  return url;
}

function withPath(url: string, path: string): string {
  const result = new URL(url);
  result.pathname = `/${path}`;
  return result.href;
}

function freshName(): string {
  return `test_${randomBytes(8).toString('hex')}`;
}
