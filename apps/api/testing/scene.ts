import { expect } from '@jest/globals';
import { freshMysql, freshPostgres, freshSqlite, query, type Row } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply, type Service } from './service.js';

/** The service with an empty database of each engine, for the tests of one spec file. */
export interface Scene<Name extends string> {
  readonly s: Service;
  /** As the owner of each database reaches it. */
  readonly urls: Record<Name, string>;
  /** The address of the database that the service brings with it; it is called `default`. */
  readonly own: string;
  /** Sends a command, waits for its end, and gives its answer. It must have been done. */
  done(path: string, body: object | undefined): Promise<Reply['body']>;
  /** A table in these databases (not in one: in all three), with these rows in each; its id. */
  create(table: string, content: Content<Name>): Promise<string>;
  /** One statement by the owner of each of the three, and the rows that each gave. */
  everywhere(sql: string): Promise<Row[][]>;
  close(): Promise<void>;
}

interface Content<Name extends string> {
  columns: object[];
  rows?: Row[];
  databases?: readonly (Name | 'default')[];
}

interface Setting<Name extends string> {
  environment?: Record<string, string>;
  /** The address by which the service knows a database, where that is not its owner's. */
  addressOf?(name: Name, url: string): string | Promise<string>;
}

/** `names`: of the databases, in this order: PostgreSQL, MariaDB, SQLite. */
export async function threeEngines<Name extends string>(
  names: readonly [Name, Name, Name],
  { environment = {}, addressOf = (_name, url) => url }: Setting<Name> = {},
): Promise<Scene<Name>> {
  const s = await service(environment);
  const fresh = [await freshPostgres(), await freshMysql(), await freshSqlite()];
  const urls = Object.fromEntries(names.map((name, i) => [name, fresh[i]!.url])) as Record<Name, string>;
  for (const name of names) {
    const { status } = await s.call('POST', '/databases', { name, url: await addressOf(name, urls[name]) });
    expect([name, status]).toEqual([name, 201]);
  }
  const own = `sqlite:${s.dir}/byodb.db`;

  async function done(path: string, body: object | undefined): Promise<Reply['body']> {
    const { status, body: answer } = await s.call('POST', path, body, WAIT);
    const { code, detail, saga } = answer;
    expect({ path, status, code, detail, error: saga?.error ?? undefined }).toEqual({ path, status: 200 });
    return answer;
  }
  return {
    s,
    urls,
    own,
    done,
    async create(name, { columns, rows = [], databases = names }) {
      const { table } = await done('/table/create', { name, databases, columns });
      for (const database of databases) await insert(database === 'default' ? own : urls[database], name, rows);
      return table.table_id as string;
    },
    everywhere: (sql) => Promise.all(names.map((name) => query(urls[name], sql))),
    async close() {
      await s.stop();
      await Promise.all(fresh.map((one) => one.drop()));
    },
  };
}

/** By the owner of the database. */
async function insert(url: string, table: string, rows: Row[]): Promise<void> {
  for (const row of rows) {
    const places = Object.keys(row).map((_name, i) => (url.startsWith('postgres') ? `$${i + 1}` : '?'));
    const sql = `insert into ${table} (${Object.keys(row).join(', ')}) values (${places.join(', ')})`;
    await query(url, sql, Object.values(row));
  }
}
