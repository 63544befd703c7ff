import createKnex, { type Knex } from 'knex';
import type { Connection as Driver } from 'mysql2/promise';
import { secretsOf, type ServerAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, Other, ServerInfo, Session } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { Liveness } from '../../liveness.js';
import {
  CORE_IDENTITY,
  CORE_TABLES,
  isCore,
  LEDGER_TABLES,
  readLedger,
  readMarks,
  refuseOthers,
  type Claimant,
  type Marks,
} from '../../ownership.js';
import { Locks } from './locks.js';
import { MysqlSession } from './session.js';
import { KEEP_ALIVE_MS, tlsOptions } from './driver/tls.js';
import { translate } from './translate.js';

/** How long a look or a claim waits for another's lock. */
const LOOK_LOCK_MS = 5000;
const NO_SUCH_TABLE = 1146;
const SUCH_A_COLUMN = 1060;
/**
 * Strict, or bad casts are cut silently; named whole, so that a literal has one reading on every server. What a
 * server's own
 * defaults may have changed and our statements depend on; a worker that stalled loses its session, and its locks, after
 * a minute.
 * A zero date stays allowed: an owner's table may have one as a default, and would take no change else.
 * System versioning keeps its history under a change. MariaDB alone reads the parts that begin with M, MySQL alone the
 * last (MariaDB passes over what asks for 5.7 or later): an ALTER takes as long as it takes, and as the server sees
 * fit.
 */
const SETTINGS = [
  // Some servers pass over what the handshake asks for: names and defaults would be read in their own character set.
  `set names utf8mb4 collate utf8mb4_general_ci,
  session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', time_zone = '+00:00',
  autocommit = 1, completion_type = 0, foreign_key_checks = 1, unique_checks = 1, sql_quote_show_create = 1,
  sql_safe_updates = 0, sql_big_selects = 1, sql_auto_is_null = 0, sql_select_limit = default, wait_timeout = 60
  /*M!100100 , max_statement_time = 0 */
  /*M!100300 , system_versioning_alter_history = KEEP */
  /*M!100307 , alter_algorithm = 'DEFAULT' */
  /*!50708 , max_execution_time = 0 */`,
  // As a variable it has another name on each of the two.
  'set session transaction read write',
];
const LEDGER = {
  _saga_ledger:
    'create table if not exists `_saga_ledger` (step_id varchar(64) not null, direction varchar(16) not ' +
    'null, state varchar(16) not null, fingerprint_before varchar(64) not null, fingerprint_after ' +
    'varchar(64), statements longtext not null, recorded_at varchar(32) not null, primary key (step_id, ' +
    'direction)) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  _saga_fences:
    'create table if not exists `_saga_fences` (table_id varchar(64) not null primary key, token bigint ' +
    'not null) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  _saga_identity:
    'create table if not exists `_saga_identity` (one tinyint not null primary key, database_id ' +
    'varchar(64) not null, core_id varchar(64), claimed_at varchar(32)) engine=InnoDB default charset ' +
    'utf8mb4 collate utf8mb4_bin',
};
const CONNECT_MS = 5000;
interface RawDriver {
  promise(): Driver;
  destroy(): void;
  __knex__disposed?: unknown;
  stream: { destroy(error: Error): void };
}
/** What we use of Knex's client; its own type leaves it open. */
interface Pool {
  acquireConnection(): Promise<RawDriver>;
  releaseConnection(raw: RawDriver): Promise<void>;
  acquireRawConnection(): Promise<RawDriver>;
}

export class MysqlConnection implements Connection {
  private readonly knex: Knex;
  private readonly pool: Pool;
  private readonly secrets: string[];
  private readonly liveness = new Liveness(async () => {
    (await this.pool.acquireRawConnection()).destroy();
  });
  /** The lock timeout that each session has now, in seconds. */
  private readonly waits = new WeakMap<RawDriver, number>();
  private closing: Promise<void> | null = null;

  constructor(
    readonly engine: Engine,
    private readonly address: ServerAddress,
  ) {
    this.secrets = secretsOf(address);
    this.knex = createKnex({
      client: 'mysql2',
      connection: {
        host: address.host,
        port: address.port,
        user: address.user,
        password: address.password,
        database: address.database,
        charset: 'utf8mb4',
        timezone: 'Z',
        connectTimeout: CONNECT_MS,
        multipleStatements: false,
        // The system's own default would notice after two hours that it is gone.
        enableKeepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        dateStrings: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
        flags: '-LOCAL_FILES',
        ...tlsOptions(address.tls, address.host, address.port),
      } as Knex.MySql2ConnectionConfig,
      pool: {
        min: 0,
        max: 5,
        acquireTimeoutMillis: 2 * CONNECT_MS,
        afterCreate: (raw: RawDriver, done: (error: Error | null, raw: RawDriver) => void) => {
          // Knex takes its listener away when it says goodbye to an idle connection; an error after that would end the
          // process.
          Object.assign(raw, { removeAllListeners: () => raw });
          settle(raw).then(
            () => {
              done(null, raw);
            },
            (error: Error) => {
              done(error, raw);
            },
          );
        },
      },
      // Knex prints every lost connection, with the driver's message; whoever uses the connection gets the error
      // anyway.
      log: { warn: () => undefined, error: () => undefined, debug: () => undefined, deprecate: () => undefined },
    });
    this.pool = this.knex.client as Pool;
  }

  async info(): Promise<ServerInfo> {
    return this.on(async (s) => ({ version: String((await s.query('select version() as v'))[0]!['v']) }));
  }

  async identity(): Promise<string | null> {
    return (await this.marks()).id;
  }

  async marks(): Promise<Marks> {
    return this.on(async (s) => (await this.standing(s)).marks);
  }

  async claim(id: string, claimant?: Claimant): Promise<string> {
    return this.on(async (s) => {
      const { tables, marks } = await this.standing(s);
      refuseOthers(marks, claimant);
      // A user who may not create tables can still use a ledger that is there.
      for (const name of LEDGER_TABLES) if (!tables.includes(name)) await s.run(LEDGER[name]);
      if (marks.id === null)
        await s.query('insert ignore into `_saga_identity` (one, database_id) values (1, ?)', [id]);
      if (claimant !== undefined && marks.managed_by?.core_id !== claimant.core_id) {
        await takeLedger(s, id, claimant).catch((error: unknown) => {
          // One that may not be altered goes on as it is: nobody's.
          if (marks.id === null || marks.managed_by !== null || !(error instanceof DatabaseError) || error.retryable)
            throw error;
        });
      }
      const { marks: now } = await this.standing(s);
      refuseOthers(now, claimant);
      return now.id!;
    });
  }

  async release(id: string): Promise<void> {
    await this.on(async (s) => {
      const { tables, marks } = await this.standing(s);
      const own = LEDGER_TABLES.filter((name) => tables.includes(name));
      if (marks.id === id) await s.run(`drop table if exists ${own.map((name) => `\`${name}\``).join(', ')}`);
    });
  }

  async others(): Promise<Other[]> {
    return this.on(async (s) => s.others());
  }

  async tables(): Promise<string[]> {
    return this.on(async (s) => s.tables());
  }

  async look<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.on(work);
  }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    return this.on(async (s) => {
      const locks = new Locks(s, this.address.database, on);
      let result: T;
      try {
        await locks.take().catch((error: unknown) => {
          throw noLedger(error);
        });
        result = await work(s);
      } catch (error) {
        await this.free(s, locks); // what failed first is the news
        throw error;
      }
      if (!(await this.free(s, locks)))
        throw new DatabaseError('database_unreachable', 'the lock on this table was lost while working', {
          retryable: true,
          outcome: 'unknown',
        });
      return result;
    }, on.lockTimeoutMs);
  }

  close(): Promise<void> {
    return (this.closing ??= this.knex.destroy());
  }

  /** A session that did not give its locks back is thrown away, and they go with it. False: it had lost them before. */
  private async free(s: MysqlSession, locks: Locks): Promise<boolean> {
    if (s.broken) return true;
    try {
      const whole = await locks.free();
      s.broken ||= !whole;
      return whole;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      s.broken = true;
      return true;
    }
  }

  /** Of the service's own tables, a ledger's and a core's, those that stand there, and what they say. */
  private async standing(s: MysqlSession): Promise<{ tables: string[]; marks: Marks }> {
    const names = [...LEDGER_TABLES, CORE_IDENTITY, ...CORE_TABLES];
    const rows = await s.query(
      'select table_name as name, column_name as col from information_schema.columns where table_schema = database() ' +
        `and table_name in (${names.map(() => '?').join(', ')})`,
      names,
    );
    const standing = new Map<string, string[]>();
    for (const row of rows) {
      const name = String(row['name']).toLowerCase();
      standing.set(name, [...(standing.get(name) ?? []), String(row['col'])]);
    }
    const tables = [...standing.keys()];
    const ledger = readLedger(standing, 'database_id');
    const isThere = ledger.strange === null && tables.includes('_saga_identity');
    const [row] = isThere ? await s.query('select * from `_saga_identity`') : [];
    const core = isCore(tables) ? { core_id: tables.includes(CORE_IDENTITY) ? await coreId(s) : null } : null;
    return { tables, marks: { ...readMarks(row, 'database_id'), ...ledger, core } };
  }

  private async on<T>(work: (session: MysqlSession) => Promise<T>, lockTimeoutMs = LOOK_LOCK_MS): Promise<T> {
    if (this.closing !== null)
      throw new DatabaseError('database_unreachable', 'the connection is closed', { retryable: true });
    let raw: RawDriver;
    try {
      raw = await this.pool.acquireConnection();
    } catch (error) {
      throw translate(error, this.secrets, false);
    }
    const session = new MysqlSession(raw.promise(), this.secrets);
    try {
      return await this.liveness.watch(
        async () => {
          await this.setTimeouts(session, raw, lockTimeoutMs);
          return work(session);
        },
        () => {
          session.broken = true;
          // With an error: the driver tells of it to whoever waits for a statement, and of a mere goodbye to nobody.
          raw.stream.destroy(new Error('the server does not answer any more'));
        },
      );
    } finally {
      await session.thaw().catch(() => {
        session.broken = true;
      });
      if (session.broken) {
        // Knex throws it away then instead of giving it out again, but not before it needs one
        raw.__knex__disposed = 'broken';
        raw.destroy();
      }
      await this.pool.releaseConnection(raw);
    }
  }

  /** Whole seconds, rounded up: the server knows no other. */
  private async setTimeouts(session: MysqlSession, raw: RawDriver, ms: number): Promise<void> {
    const seconds = Math.max(1, Math.ceil(ms / 1000));
    if (this.waits.get(raw) === seconds) return;
    this.waits.delete(raw);
    await session.query(`set session lock_wait_timeout = ${seconds}, innodb_lock_wait_timeout = ${seconds}`);
    this.waits.set(raw, seconds);
  }
}

async function settle(raw: RawDriver): Promise<void> {
  for (const setting of SETTINGS) await raw.promise().query(setting);
}

async function takeLedger(s: MysqlSession, id: string, { core_id, at, take_over: former }: Claimant): Promise<void> {
  const columns = await s.query(
    'select column_name as name from information_schema.columns where table_schema = database() and ' +
      "table_name = '_saga_identity'",
  );
  // Ledgers of earlier versions do not say whose they are.
  for (const column of ['core_id varchar(64)', 'claimed_at varchar(32)']) {
    if (columns.some((row) => column.startsWith(`${String(row['name']).toLowerCase()} `))) continue;
    await s.run(`alter table \`_saga_identity\` add column ${column}`).catch((error: unknown) => {
      // Another one has just added it.
      if (!(error instanceof DatabaseError) || error.details['errno'] !== SUCH_A_COLUMN) throw error;
    });
  }
  await s.query('update `_saga_identity` set core_id = ?, claimed_at = ? where core_id is null', [core_id, at]);
  await s.query('update `_saga_identity` set core_id = ?, claimed_at = ?, database_id = ? where core_id = ?', [
    core_id,
    at,
    id,
    former ?? null,
  ]);
}

/** Null also where it may not be read. */
async function coreId(s: MysqlSession): Promise<string | null> {
  try {
    const [row] = await s.query(`select core_id from ${CORE_IDENTITY}`);
    return row === undefined ? null : String(row['core_id']);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'permission_denied') return null;
    throw error;
  }
}

function noLedger(error: unknown): unknown {
  if (
    !(error instanceof DatabaseError) ||
    error.details['errno'] !== NO_SUCH_TABLE ||
    !error.message.includes('_saga_')
  )
    return error;
  return new DatabaseError('database_mismatch', `the database has no ledger, or not all of it: ${error.message}`, {
    details: error.details,
    cause: error,
  });
}
