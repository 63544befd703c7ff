import driver from 'mysql2';
import mysql from 'mysql2/promise';
import type { Connection, ConnectionOptions, Pool, PoolConnection, ResultSetHeader } from 'mysql2/promise';
import { onlyRow, sql, sqlName } from '../core-database.js';
import type { CoreDatabase, Counting, Row, Sql, SqlValue, Tx } from '../core-database.js';
import { CoreUnavailable, UniqueViolation } from '../errors.js';
import { DeadlockVictim, errorField, rerunVictims, runTransaction, type Session } from './handle.js';
import { keepAliveMs, tlsOptions } from './mysql-tls.js';
import type { Server } from './server.js';
import { insertRow, updateRow } from './upsert.js';

const connections = 16;
/** Waiting longer for a free connection means that transactions wait for each other, or hang. */
const connectionWaitMs = 30_000;
/**
 * Idle connections are closed by us before the server does it (see `wait_timeout`): using one it just closed would
 * fail.
 */
const idlePoolMs = 30_000;

/** Reads what others have not committed yet; needed to know which appends are in flight. See order/mysql.ts. */
export interface UncommittedReads {
  queryUncommitted(statement: Sql): Promise<Row[]>;
}

/**
 * A transaction whose locks on a range keep others from inserting into it. Needed to hold up all appends; see
 * order/alone.ts.
 */
export interface RangeLocks {
  transactionWithRangeLocks<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/** MySQL 8 and MariaDB from 10.6 on. */
export class MysqlCore implements CoreDatabase, UncommittedReads, RangeLocks {
  readonly engine = 'mysql';
  /** Not now(): that is the time at which the statement began, before it waited for a lock. */
  readonly clock = sql`cast(unix_timestamp(sysdate(3)) * 1000 as signed)`;
  private readonly options: ConnectionOptions;
  private readonly pool: Pool;
  /** A connection of its own: an isolation level set on a pooled one would leak to whoever gets it next. */
  private uncommitted: Promise<Connection> | null = null;
  private closed = false;

  constructor(server: Server) {
    this.options = {
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
      database: server.database,
      ...tlsOptions(server),
      charset: 'utf8mb4_bin',
      timezone: 'Z',
      multipleStatements: false,
      // FOUND_ROWS: an update counts the rows it matched, as on the other engines. LOCAL_FILES: a server could ask for
      // any file.
      flags: ['FOUND_ROWS', '-LOCAL_FILES'],
      enableKeepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      connectTimeout: 10_000,
      maxPreparedStatements: 200,
    };
    this.pool = mysql.createPool({
      ...this.options,
      connectionLimit: connections,
      maxIdle: connections - 1,
      idleTimeout: idlePoolMs,
    });
    this.pool.pool.on('connection', (connection) => {
      // Without a listener a server that restarts would end this process; who uses the connection gets the error
      // anyway.
      connection.on('error', () => undefined);
      // Sent before the first statement of whoever waits for this connection. Were it to fail, nobody may use the
      // connection.
      for (const setting of settings('read committed', 60)) {
        connection.query(setting, (error) => {
          if (error) connection.destroy();
        });
      }
    });
  }

  query(statement: Sql): Promise<Row[]> {
    return rerunVictims(() => this.onConnection((connection) => rows(connection, statement)));
  }

  execute(statement: Sql): Promise<number> {
    return rerunVictims(() => this.onConnection((connection) => affected(connection, statement)));
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.inTransaction([sql`start transaction`], work);
  }

  transactionWithRangeLocks<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    // Without "session" it holds for the next transaction alone, so the connection goes back as it was.
    return this.inTransaction([sql`set transaction isolation level repeatable read`, sql`start transaction`], work);
  }

  private inTransaction<T>(beginning: Sql[], work: (tx: Tx) => Promise<T>): Promise<T> {
    return rerunVictims(() =>
      this.onConnection((connection) =>
        runTransaction(
          session(connection),
          {
            begin: async () => {
              for (const statement of beginning) await run(connection, statement);
            },
            commit: async () => {
              await run(connection, sql`commit`);
            },
            rollback: async () => {
              // It fails only when the connection is lost, and then the server has rolled back; what failed first is
              // the news.
              // Locks of the session (get_lock) outlive a rollback and would go to whoever gets the connection next.
              await run(connection, sql`rollback`)
                .then(() => run(connection, sql`do release_all_locks()`))
                .catch(() => connection.destroy());
            },
          },
          work,
        ),
      ),
    );
  }

  async queryUncommitted(statement: Sql): Promise<Row[]> {
    const connection = await this.uncommittedConnection();
    try {
      return await rows(connection, statement);
    } catch (error) {
      if (!(error instanceof CoreUnavailable)) throw error;
      // The server closes idle connections and may have restarted meanwhile. A read may simply be sent again.
      connection.destroy();
      return rows(await this.uncommittedConnection(connection), statement);
    }
  }

  async now(): Promise<number> {
    const row = onlyRow(await this.query(sql`select ${this.clock} as now`));
    return Number(row.now);
  }

  async countUp(table: string, column: string, where: Sql): Promise<number | null> {
    const counter = sqlName(column);
    // MySQL has no "returning"; what last_insert_id is given comes back with the answer.
    const statement = sql`update ${sqlName(table)} set ${counter} = last_insert_id(${counter} + 1) where ${where}`;
    const result = await rerunVictims(() => this.onConnection((connection) => run(connection, statement)));
    return Array.isArray(result) || result.affectedRows === 0 ? null : Number(result.insertId);
  }

  inSequence<T>(work: (core: Counting) => Promise<T>): Promise<T> {
    return work(this);
  }

  async ping(): Promise<void> {
    await this.query(sql`select 1`);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const reader = this.uncommitted;
    this.uncommitted = null;
    if (reader !== null)
      await reader.then(
        (connection) => connection.destroy(),
        () => undefined,
      );
    await this.pool.end();
  }

  /**
   * The connection for uncommitted reads; a new one if it is still `lost`, which others may have replaced meanwhile.
   */
  private async uncommittedConnection(lost?: Connection): Promise<Connection> {
    if (this.closed) throw new CoreUnavailable('the core database is closed');
    const opening = (this.uncommitted ??= this.openUncommitted());
    try {
      const connection = await opening;
      if (connection !== lost) return connection;
    } catch (error) {
      // A connection that failed to open must not be what everybody gets from now on.
      if (this.uncommitted === opening) this.uncommitted = null;
      throw error;
    }
    if (this.uncommitted === opening) this.uncommitted = null;
    return this.uncommittedConnection(lost);
  }

  private async openUncommitted(): Promise<Connection> {
    try {
      const connection = await mysql.createConnection(this.options);
      connection.on('error', () => undefined);
      for (const setting of settings('read uncommitted', 28_800)) await connection.query(setting);
      return connection;
    } catch (error) {
      throw translate(error);
    }
  }

  private async onConnection<T>(use: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect();
    try {
      return await use(connection);
    } catch (error) {
      if (error instanceof CoreUnavailable) connection.destroy();
      throw error;
    } finally {
      connection.release();
    }
  }

  private async connect(): Promise<PoolConnection> {
    const connecting = this.pool.getConnection();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // It may still come; then it must go back, or the pool would run dry.
        connecting.then(
          (late) => late.release(),
          () => undefined,
        );
        reject(
          new CoreUnavailable(`no free connection to the core database (MySQL) within ${connectionWaitMs / 1000} s`),
        );
      }, connectionWaitMs);
    });
    try {
      return await Promise.race([connecting, tooLong]);
    } catch (error) {
      throw translate(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The same on every server whatever its defaults. sql_mode: strict (a value that does not fit is refused, not cut),
 * double quotes for names and || for joining as the standard has it. time_zone: in one with a summer time an hour comes
 * twice a year, and the clock would stand still or jump. names: some servers pass over what the handshake asks for.
 * wait_timeout (seconds): the server ends a session that hangs,
 * so that its open transaction cannot hold back every reader of events.
 */
function settings(isolation: 'read committed' | 'read uncommitted', idleSeconds: number): string[] {
  const modes = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,ANSI_QUOTES,PIPES_AS_CONCAT';
  return [
    `set session transaction isolation level ${isolation}, read write`,
    `set names utf8mb4 collate utf8mb4_bin, session wait_timeout = ${idleSeconds},
      session innodb_lock_wait_timeout = 20, session time_zone = '+00:00',
      session autocommit = 1, session completion_type = 0, session sql_safe_updates = 0, session sql_big_selects = 1,
      session sql_auto_is_null = 0, session foreign_key_checks = 1, session unique_checks = 1,
      session sql_mode = '${modes}'`,
  ];
}

function session(connection: Connection): Session {
  return {
    query: (statement) => rows(connection, statement),
    execute: (statement) => affected(connection, statement),
    upsert: async (table, key, row: Record<string, SqlValue>) => {
      if ((await affected(connection, updateRow(table, key, row))) > 0) return;
      try {
        await affected(connection, insertRow(table, row));
      } catch (error) {
        // Somebody inserted the row in between; or another unique key clashes, and then there is still nothing to
        // update.
        if (!(error instanceof UniqueViolation) || (await affected(connection, updateRow(table, key, row))) === 0)
          throw error;
      }
    },
  };
}

async function rows(connection: Connection, statement: Sql): Promise<Row[]> {
  const result = await run(connection, statement);
  return Array.isArray(result) ? result : [];
}

async function affected(connection: Connection, statement: Sql): Promise<number> {
  const result = await run(connection, statement);
  return Array.isArray(result) ? result.length : result.affectedRows;
}

/** With values: prepared, so that they travel apart from the text. Without: as text, which also knows DDL. */
async function run(connection: Connection, statement: Sql): Promise<Row[] | ResultSetHeader> {
  try {
    const text = statement.texts.join('?');
    const [result] =
      statement.values.length === 0
        ? await connection.query(text)
        : await connection.execute(text, statement.values.map(bindable));
    return result as Row[] | ResultSetHeader;
  } catch (error) {
    throw translate(error);
  }
}

/**
 * Whole numbers as 64-bit integers: the driver's default, a double, is refused by MySQL 8 where it wants a count
 * (`limit`).
 */
function bindable(value: SqlValue): ReturnType<typeof driver.TypedParameter.LONGLONG> | string | number | null {
  if (typeof value === 'boolean') return Number(value);
  const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  return isWhole ? driver.TypedParameter.LONGLONG(value) : value;
}

/**
 * Too many connections, shutting down, lost, killed, idle too long; full, out of memory, read-only after a switchover,
 * not in its cluster, cancelled; a login that is gone.
 */
const gone = new Set([
  1021, 1037, 1038, 1040, 1041, 1044, 1045, 1047, 1049, 1053, 1077, 1079, 1114, 1129, 1135, 1152, 1158, 1159, 1160,
  1161, 1184, 1203, 1226, 1290, 1317, 1836, 1927, 1969, 2002, 2006, 2013, 3024, 3032, 3101, 4031,
]);

function translate(error: unknown): unknown {
  if (error instanceof CoreUnavailable) return error;
  const code = errorField(error, 'code') ?? '';
  const number = Number(errorField(error, 'errno'));
  if (number === 1062) {
    const target = /for key '(.*)'$/.exec(errorField(error, 'message') ?? '')?.[1] ?? 'unknown';
    return new UniqueViolation(target, { cause: error });
  }
  // 1020: MariaDB found the row changed since it was read.
  if (number === 1213 || number === 1205 || number === 1020) return new DeadlockVictim({ cause: error });
  // What has no number of the server's never reached it, or its answer never came; a mistake of ours in asking is no
  // outage.
  const answered = number >= 1000;
  if (answered ? gone.has(number) : !(error instanceof TypeError || error instanceof RangeError)) {
    return new CoreUnavailable(
      `the core database (MySQL) cannot be reached (${code || 'connection lost'}): ` +
        `${errorField(error, 'message') ?? ''}`,
      { cause: error },
    );
  }
  return error;
}
