import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import pg from 'pg';
import { freshMysql, freshPostgres, freshRedis, freshSqlite, query, tcpProxy, type Fresh } from './fixtures.js';
import { startMariadb, startPostgres, startRedis, type Server } from './servers.js';

const cleanups: (() => void | Promise<void>)[] = [];
const later = (cleanup: () => void | Promise<void>): void => {
  cleanups.push(cleanup);
};
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function redisAt(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => undefined);
  later(() => {
    if (redis.status !== 'end') redis.disconnect();
  });
  return redis;
}

const fresh: Record<string, () => Promise<Fresh>> = { postgres: freshPostgres, mysql: freshMysql, sqlite: freshSqlite };

describe.each(Object.keys(fresh))('a fresh %s database', (engine) => {
  it('takes statements, and shares nothing with the next', async () => {
    const [one, other] = [await fresh[engine]!(), await fresh[engine]!()];
    later(() => one.drop());
    later(() => other.drop());

    expect(await query(one.url, 'CREATE TABLE t (id int PRIMARY KEY, name varchar(20))')).toEqual([]);
    expect(await query(one.url, `INSERT INTO t VALUES (1, 'ä€😀')`)).toEqual([]);
    expect(
      await query(
        one.url,
        engine === 'postgres' ? 'SELECT * FROM t WHERE id = $1' : 'SELECT * FROM t WHERE id = ?',
        [1],
      ),
    ).toEqual([{ id: 1, name: 'ä€😀' }]);
    await expect(query(other.url, 'SELECT * FROM t')).rejects.toMatchObject({ message: expect.any(String) });
  });

  it('is gone after drop, twice over', async () => {
    const one = await fresh[engine]!();
    await query(one.url, 'CREATE TABLE t (id int)');
    await one.drop();
    await one.drop();
    if (engine === 'sqlite') expect(existsSync(one.url.slice('sqlite:'.length))).toBe(false);
    else await expect(query(one.url, 'SELECT 1')).rejects.toThrow();
  });
});

describe('fresh databases', () => {
  it('are dropped from under an open transaction', async () => {
    const one = await freshMysql();
    await query(one.url, 'CREATE TABLE t (id int)');
    const holding = query(one.url, 'SELECT t.id, sleep(30) FROM t RIGHT JOIN (SELECT 1) AS one ON true');
    const ended = expect(holding).rejects.toThrow();
    while (
      (
        await query(
          one.url,
          `SELECT 1 FROM information_schema.processlist WHERE db = database() AND info LIKE '%sleep(30)%' AND ` +
            'id <> connection_id()',
        )
      ).length === 0
    );
    await one.drop();
    await ended;
  });

  it('give each Redis user a number of their own', async () => {
    const [one, other] = [await freshRedis(), await freshRedis()];
    later(() => one.drop());
    expect(one.url).not.toBe(other.url);
    await redisAt(one.url).set('k', 'v');
    expect(await redisAt(one.url).get('k')).toBe('v');
    expect(await redisAt(other.url).get('k')).toBeNull();
    await one.drop();
    expect(await redisAt(one.url).get('k')).toBeNull();
  });
});

describe("a server of one's own", () => {
  const servers: Record<
    string,
    { start(): Promise<Server>; put(url: string): Promise<unknown>; look(url: string): Promise<unknown> }
  > = {
    postgres: { start: startPostgres, put: putRow, look: lookForRow },
    mariadb: { start: startMariadb, put: (url) => putRow(`${url}/mysql`), look: (url) => lookForRow(`${url}/mysql`) },
    redis: { start: startRedis, put: (url) => redisAt(url).set('k', 'kept'), look: (url) => redisAt(url).get('k') },
  };
  async function putRow(url: string): Promise<void> {
    await query(url, 'CREATE TABLE kept (v varchar(10))');
    await query(url, `INSERT INTO kept VALUES ('kept')`);
  }
  async function lookForRow(url: string): Promise<unknown> {
    return (await query(url, 'SELECT v FROM kept'))[0]?.['v'];
  }

  it.each(Object.keys(servers))(
    '%s: killed or stopped, it comes back on its port with what was committed',
    async (name) => {
      const { start, put, look } = servers[name]!;
      const server = await start();
      later(() => server.remove());
      await put(server.url);

      await server.kill();
      expect(server.pid).toBe(0);
      await expect(look(server.url)).rejects.toThrow();
      await server.restart();
      expect(await look(server.url)).toBe('kept');

      await server.stop();
      await server.stop();
      await expect(look(server.url)).rejects.toThrow();
      await server.restart();
      await server.restart();
      expect(await look(server.url)).toBe('kept');
    },
  );
});

describe('the proxy', () => {
  async function proxied(): Promise<{ proxy: Awaited<ReturnType<typeof tcpProxy>>; open(): Promise<pg.Client> }> {
    const one = await freshPostgres();
    later(() => one.drop());
    const proxy = await tcpProxy(Number(new URL(one.url).port));
    later(() => proxy.close());
    const open = async (): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString: proxy.url(one.url) });
      client.on('error', () => undefined);
      await client.connect();
      later(() => client.end());
      return client;
    };
    return { proxy, open };
  }

  it('cuts live connections and takes new ones', async () => {
    const { proxy, open } = await proxied();
    const client = await open();
    const sleeping = client.query('SELECT pg_sleep(30)');
    const ended = expect(sleeping).rejects.toThrow();
    proxy.cut();
    await ended;
    await expect((await open()).query('SELECT 1')).resolves.toBeDefined();
  });

  it('refuses new connections until it resumes, and lets the live ones be', async () => {
    const { proxy, open } = await proxied();
    const client = await open();
    proxy.refuse();
    const [error] = await new Promise<[NodeJS.ErrnoException]>((resolve) =>
      connect(proxy.port, '127.0.0.1').once('error', (...args) => {
        resolve(args);
      }),
    );
    expect(error.code).toBe('ECONNREFUSED');
    await expect(client.query('SELECT 1')).resolves.toBeDefined();
    await proxy.resume();
    await expect((await open()).query('SELECT 1')).resolves.toBeDefined();
  });

  it('holds every byte, and delivers it on resume', async () => {
    const { proxy, open } = await proxied();
    const client = await open();
    proxy.hold();
    let answered = false;
    const answer = client.query('SELECT 1').then(() => {
      answered = true;
    });
    const opening = open();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    await proxy.resume();
    await answer;
    await expect((await opening).query('SELECT 1')).resolves.toBeDefined();
  });
});
