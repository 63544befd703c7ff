import Database from 'better-sqlite3';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** Statements to a server, one connection for the whole run; each statement by itself. */
export interface Client {
  run(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Where the servers are; a file's engine needs none. */
export type Servers = Partial<Record<string, string>>;

interface TestServers {
  startPostgres(): Promise<{ url: string }>;
  startMariadb(): Promise<{ url: string }>;
  stopServers(): Promise<void>;
}

/** The tests' own throwaway servers. Loaded by path: they are no part of what is built. */
export async function startServers(engines: readonly string[]): Promise<{ servers: Servers; stop(): Promise<void> }> {
  const own = (await import(new URL('../../../testing/servers.js', import.meta.url).href)) as TestServers;
  const url = async (engine: string, start: () => Promise<{ url: string }>): Promise<string | undefined> =>
    engines.includes(engine) ? (await start()).url : undefined;
  const [postgres, maria] = await Promise.all([
    url('postgres', () => own.startPostgres()),
    url('mysql', () => own.startMariadb()),
  ]);
  return { servers: { postgres, mysql: maria }, stop: () => own.stopServers() };
}

export async function connect(url: string): Promise<Client> {
  if (url.startsWith('postgres')) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    let last: Promise<unknown> = Promise.resolve();
    return {
      run: async (sql) => {
        const asked = last.then(
          () => client.query<Record<string, unknown>>(sql),
          () => client.query<Record<string, unknown>>(sql),
        );
        last = asked;
        return (await asked).rows;
      },
      close: () => client.end(),
    };
  }
  if (url.startsWith('mysql')) {
    const connection = await mysql.createConnection({ uri: url });
    return {
      async run(sql) {
        const [rows] = await connection.query(sql);
        return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
      },
      close: () => connection.end(),
    };
  }
  const database = new Database(url.slice('sqlite:'.length), { timeout: 5000 });
  return {
    async run(sql) {
      const statement = database.prepare<unknown[], Record<string, unknown>>(sql);
      return statement.reader ? statement.all() : (statement.run(), []);
    },
    async close() {
      database.close();
    },
  };
}

/** A few statements to a database that nobody else uses. */
export async function runAll(url: string, statements: readonly string[]): Promise<void> {
  const client = await connect(url);
  try {
    for (const statement of statements) await client.run(statement);
  } finally {
    await client.close();
  }
}

/** Puts clauses at the end of a table's text in a SQLite file, as if its owner had written them there. */
export function amend(url: string, table: string, clauses: string): void {
  const database = new Database(url.slice('sqlite:'.length));
  try {
    database.unsafeMode();
    database.pragma('writable_schema = on');
    database
      .prepare(`update sqlite_schema set sql = substr(sql, 1, length(sql) - 1) || ? || ')' where name = ?`)
      .run(clauses, table);
    database.pragma(`schema_version = ${Number(database.pragma('schema_version', { simple: true })) + 1}`);
  } finally {
    database.close();
  }
}
