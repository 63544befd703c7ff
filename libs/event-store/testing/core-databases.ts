import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { CoreDatabase } from '../src/core-database.js';
import { openCoreDatabase } from '../src/core/open.js';
import { migrate } from '../src/migrate.js';

export type EngineName = CoreDatabase['engine'];
export const engineNames: readonly EngineName[] = ['sqlite', 'postgres', 'mysql'];

/** A database of one test file's own, on a real server. */
export interface TestDatabase {
  readonly engine: EngineName;
  readonly url: string;
  /** Another connection pool, as another process would have. Closed by `drop`. */
  open(): Promise<CoreDatabase>;
  /** The end of it, and of all that was opened. */
  drop(): Promise<void>;
}

/** Empty. The servers are those of TEST_POSTGRES_URL and TEST_MYSQL_URL (testing/global-setup.js sees to them). */
export async function createDatabase(engine: EngineName): Promise<TestDatabase> {
  const { url, remove } = await makers[engine](`ss_test_${randomBytes(6).toString('hex')}`);
  const opened: CoreDatabase[] = [];
  return {
    engine,
    url,
    async open() {
      const core = await openCoreDatabase(url);
      opened.push(core);
      return core;
    },
    async drop() {
      await Promise.all(opened.map((core) => core.close()));
      await remove();
    },
  };
}

/** With the core schema in it. */
export async function createMigratedDatabase(engine: EngineName): Promise<TestDatabase> {
  const database = await createDatabase(engine);
  await migrate(await database.open());
  return database;
}

const makers: Record<EngineName, (name: string) => Promise<{ url: string; remove(): Promise<void> }>> = {
  async sqlite(name) {
    const folder = await mkdtemp(join(tmpdir(), `${name}-`));
    return { url: `sqlite:${folder}/core.db`, remove: () => rm(folder, { recursive: true }) };
  },
  async postgres(name) {
    const server = serverUrl('TEST_POSTGRES_URL');
    await onPostgres(server, `create database ${name}`);
    return { url: within(server, name), remove: () => onPostgres(server, `drop database ${name} with (force)`) };
  },
  async mysql(name) {
    const server = serverUrl('TEST_MYSQL_URL');
    await onMysql(server, `create database ${name} character set utf8mb4 collate utf8mb4_bin`);
    return { url: within(server, name), remove: () => onMysql(server, `drop database ${name}`) };
  },
};

function serverUrl(variable: string): string {
  const url = process.env[variable];
  if (url === undefined) throw new Error(`${variable} is not set: run the tests through jest.config.js`);
  return url;
}

function within(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

async function onPostgres(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function onMysql(server: string, statement: string): Promise<void> {
  const connection = await mysql.createConnection({ uri: server });
  await connection.query(statement);
  await connection.end();
}
