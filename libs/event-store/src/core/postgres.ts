import pg from 'pg';
import { onlyRow, sql } from '../core-database.js';
import type { CoreDatabase, Counting, Row, Sql, Tx } from '../core-database.js';
import { CoreUnavailable, UniqueViolation } from '../errors.js';
import { DeadlockVictim, errorField, rerunVictims, runTransaction, type Session } from './handle.js';
import type { Server } from './server.js';
import { countedUp, upsertOnConflict } from './upsert.js';

/** Ends a transaction whose process hangs between two statements: it would hold back every reader of events. */
const idleInTransactionMs = 30_000;
const connections = 16;
/** A connection keeps what it has planned as long as it lives: texts beyond these go without a name. */
const namedStatements = 200;
const int8 = 20;

export class PostgresCore implements CoreDatabase {
  readonly engine = 'postgres';
  readonly clock = sql`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`;
  private readonly pool: pg.Pool;
  /** By their texts. */
  private readonly names = new Map<string, string>();
  /**
   * Whether each connection has a session of the server to itself; null: there was none yet. Behind a pooler like
   * pgbouncer a named statement would be missing in the next session.
   */
  private hasOwnSessions: boolean | null = null;

  constructor(server: Server) {
    this.pool = new pg.Pool({
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
      database: server.database,
      ssl: server.tls === 'off' ? false : { rejectUnauthorized: server.tls === 'verify' },
      max: connections,
      connectionTimeoutMillis: 10_000,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      application_name: 'schemasaga',
      keepAlive: true,
      types: { getTypeParser },
      // Before the connection is used.
      onConnect: (client) => this.compareSessions(client),
    });
    // Without a listener a server that restarts would end this process; who uses the connection gets the error anyway.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  query(statement: Sql): Promise<Row[]> {
    return rerunVictims(async () => (await this.run(this.pool, statement)).rows);
  }

  execute(statement: Sql): Promise<number> {
    return rerunVictims(async () => (await this.run(this.pool, statement)).rowCount ?? 0);
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return rerunVictims(() => this.once(work));
  }

  async now(): Promise<number> {
    const row = onlyRow(await this.query(sql`select ${this.clock} as now`));
    return Number(row.now);
  }

  async countUp(table: string, column: string, where: Sql): Promise<number | null> {
    const [row] = await this.query(countedUp(table, column, where));
    return row === undefined ? null : Number(row[column]);
  }

  inSequence<T>(work: (core: Counting) => Promise<T>): Promise<T> {
    return work(this);
  }

  async ping(): Promise<void> {
    await this.query(sql`select 1`);
  }

  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }

  private async once<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw translate(error);
    }
    let broken = false;
    try {
      return await runTransaction(
        this.session(client),
        {
          begin: async () => {
            await this.run(client, sql`begin isolation level read committed`);
          },
          commit: async () => {
            const { command } = await this.run(client, sql`commit`);
            // A doomed transaction answers COMMIT without an error, by rolling back.
            if (command !== 'COMMIT') throw new Error(`the transaction was rolled back at its commit (${command})`);
          },
          rollback: async () => {
            // It fails only when the connection is lost, and then the server has rolled back; what failed first is the
            // news.
            await this.run(client, sql`rollback`).catch(() => {
              broken = true;
            });
          },
        },
        work,
      );
    } catch (error) {
      broken ||= error instanceof CoreUnavailable;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private session(client: pg.PoolClient): Session {
    return {
      query: async (statement) => (await this.run(client, statement)).rows,
      execute: async (statement) => (await this.run(client, statement)).rowCount ?? 0,
      upsert: async (table, key, row) => {
        await this.run(client, upsertOnConflict(table, key, row));
      },
    };
  }

  /** A statement that has a name is parsed once for a connection, and planned as often as its plan gains by it. */
  private async run(on: pg.Pool | pg.PoolClient, statement: Sql): Promise<pg.QueryResult<Row>> {
    const text = statement.texts.reduce((joined, next, i) => `${joined}$${i}${next}`);
    const name = this.hasOwnSessions === true ? this.nameOf(text) : undefined;
    try {
      return await on.query<Row>({ text, values: [...statement.values], ...(name === undefined ? {} : { name }) });
    } catch (error) {
      throw translate(error);
    }
  }

  private nameOf(text: string): string | undefined {
    const known = this.names.get(text);
    if (known !== undefined || this.names.size >= namedStatements) return known;
    const name = `core_${this.names.size}`;
    this.names.set(text, name);
    return name;
  }

  /** A promise; the type of what calls it does not say that it is awaited. A pooler tells numbers of its own. */
  private compareSessions(client: pg.ClientBase): unknown {
    const told = 'processID' in client ? client.processID : undefined;
    return client.query<{ pid: number }>('select pg_backend_pid() as pid').then(({ rows }) => {
      this.hasOwnSessions = this.hasOwnSessions !== false && rows[0]?.pid === told;
    });
  }
}

/** bigint arrives as text; our positions and counts stay far below 2^53, and a wrong number must not pass unseen. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid !== int8) return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown;
  return (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new RangeError(`bigint out of range: ${value}`);
    return number;
  };
}

/**
 * What the statement itself is to blame for. Everything else is the server's: shutting down, starting up, a standby,
 * full, out of
 * connections, a login or a database that is gone, a session that was ended, a statement that was cancelled.
 */
const statementFaults = /^(0A|21|22|23|2B|2F|34|3B|3F|42|44|54|P0|XX)...$|^25(?!006|P0[34])...$/;

function translate(error: unknown): unknown {
  const code = errorField(error, 'code') ?? '';
  if (code === '23505') {
    return new UniqueViolation(errorField(error, 'constraint') ?? 'unknown', { cause: error });
  }
  if (code === '40P01' || code === '40001') return new DeadlockVictim({ cause: error });
  const answered = /^[0-9A-Z]{5}$/.test(code) && errorField(error, 'severity') !== undefined;
  // A mistake of ours in asking is no outage.
  if (answered ? !statementFaults.test(code) : !(error instanceof TypeError || error instanceof RangeError)) {
    return new CoreUnavailable(
      `the core database (PostgreSQL) cannot be reached (${code || 'connection lost'}): ` +
        `${errorField(error, 'message') ?? ''}`,
      { cause: error },
    );
  }
  return error;
}
