import { createHash } from 'node:crypto';
import createKnex, { type Knex } from 'knex';
import type { Connection as Driver } from 'mysql2/promise';
import { secretsOf, type ServerAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, ServerInfo, Session } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { MysqlSession } from './session.js';
import { translate } from './translate.js';

// Strict, or bad casts are cut silently; named whole, so that a literal has one reading on every server.
const SETTINGS = "set session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE', time_zone = '+00:00'";
const LEDGER = [
  'create table if not exists `_saga_ledger` (step_id varchar(64) not null, direction varchar(16) not null, state varchar(16) not null, fingerprint_before varchar(64) not null, fingerprint_after varchar(64), statements longtext not null, recorded_at varchar(32) not null, primary key (step_id, direction)) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  'create table if not exists `_saga_fences` (table_id varchar(64) not null primary key, token bigint not null) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
  'create table if not exists `_saga_identity` (one tinyint not null primary key, database_id varchar(64) not null) engine=InnoDB default charset utf8mb4 collate utf8mb4_bin',
];
const CONNECT_MS = 5000;
interface RawDriver { promise(): Driver }

export class MysqlConnection implements Connection {
  private readonly knex: Knex;
  private readonly secrets: string[];

  constructor(readonly engine: Engine, address: ServerAddress) {
    this.secrets = secretsOf(address);
    this.knex = createKnex({
      client: 'mysql2',
      connection: {
        host: address.host, port: address.port, user: address.user, password: address.password, database: address.database, charset: 'utf8mb4', timezone: 'Z', connectTimeout: CONNECT_MS,
        multipleStatements: false, dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, flags: '-LOCAL_FILES',
        ...(address.tls === false ? {} : { ssl: { rejectUnauthorized: address.tls === true } }),
      } as Knex.MySql2ConnectionConfig,
      pool: { min: 0, max: 5, acquireTimeoutMillis: 2 * CONNECT_MS, afterCreate: (raw: RawDriver, done: (error: Error | null, raw: RawDriver) => void) => { raw.promise().query(SETTINGS).then(() => { done(null, raw); }, (error: Error) => { done(error, raw); }); } },
    });
  }

  async info(): Promise<ServerInfo> {
    return this.on(async (s) => ({ version: String((await s.query('select version() as v'))[0]!['v']) }));
  }

  async identity(): Promise<string | null> {
    return this.on(async (s) => {
      const there = await s.query("select 1 as one from information_schema.tables where table_schema = database() and table_name = '_saga_identity'");
      if (there.length === 0) return null;
      const [row] = await s.query('select database_id from `_saga_identity`');
      return row === undefined ? null : String(row['database_id']);
    });
  }

  async claim(id: string): Promise<string> {
    return this.on(async (s) => {
      for (const statement of LEDGER) await s.run(statement);
      await s.query('insert ignore into `_saga_identity` (one, database_id) values (1, ?)', [id]);
      return String((await s.query('select database_id from `_saga_identity`'))[0]!['database_id']);
    });
  }

  async tables(): Promise<string[]> { return this.on(async (s) => s.tables()); }

  async look<T>(work: (session: Session) => Promise<T>): Promise<T> { return this.on(work); }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    return this.on(async (s) => {
      // The lock's name is the server's, so it names the database too; 64 characters at most.
      const [own] = await s.query('select database() as d');
      const name = `saga_${createHash('sha256').update(`${String(own!['d'])} ${on.tableId}`).digest('hex').slice(0, 48)}`;
      const seconds = Math.max(1, Math.ceil(on.lockTimeoutMs / 1000));
      await s.query(`set session lock_wait_timeout = ${seconds}, innodb_lock_wait_timeout = ${seconds}`);
      await s.query('insert into `_saga_fences` (table_id, token) values (?, ?) on duplicate key update token = greatest(token, values(token))', [on.tableId, on.token]);
      const [fence] = await s.query('select token from `_saga_fences` where table_id = ?', [on.tableId]);
      if (Number(fence!['token']) > on.token) throw new DatabaseError('stale_token', 'another worker goes on with this table');
      await this.takeLock(s, name, seconds);
      try {
        return await work(s);
      } finally {
        // A session that is gone has given its lock back already.
        await s.query('select release_lock(?) as freed', [name]).catch((error: unknown) => { if (!(error instanceof DatabaseError) || error.code !== 'database_unreachable') throw error; });
      }
    });
  }

  async close(): Promise<void> { await this.knex.destroy(); }

  private async takeLock(s: MysqlSession, name: string, seconds: number): Promise<void> {
    const take = async (wait: number): Promise<boolean> => Number((await s.query('select get_lock(?, ?) as held', [name, wait]))[0]!['held']) === 1;
    if (await take(0)) return;
    // Our lease is the newest (the fence says so): whoever holds the lock lost his, and must not act any more.
    const holder = (await s.query('select is_used_lock(?) as id', [name]))[0]!['id'];
    if (holder !== null) await s.query(`kill ${Number(holder)}`).catch((error: unknown) => { if (!(error instanceof DatabaseError) || error.details['errno'] !== 1094) throw error; });
    if (!await take(seconds)) throw new DatabaseError('lock_timeout', 'another session holds the lock on this table', { retryable: true });
  }

  private async on<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
    const client = this.knex.client as { acquireConnection(): Promise<RawDriver>; releaseConnection(raw: RawDriver): Promise<void> };
    let raw: RawDriver;
    try {
      raw = await client.acquireConnection();
    } catch (error) {
      throw translate(error, this.secrets, false);
    }
    try {
      return await work(new MysqlSession(raw.promise(), this.secrets));
    } finally {
      await client.releaseConnection(raw);
    }
  }
}
