import Database from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { onlyRow, sql } from '../core-database.js';
import type { CoreDatabase, Counting, Row, Sql, SqlValue, Tx } from '../core-database.js';
import { CoreUnavailable, UniqueViolation } from '../errors.js';
import { GroupCommit } from './group-commit.js';
import { errorField, runTransaction, sleep, type Session } from './handle.js';
import { countedUp, upsertOnConflict } from './upsert.js';

/** How long a lock held by another process is waited for. */
const lockWaitMs = 10_000;
/** How long a transaction of this process waits before it suspects that it waits for itself. */
const turnWaitMs = 60_000;
const cachedStatements = 500;

/**
 * The core database in one file. One connection writes, one transaction after another (`group-commit.ts`); another
 * reads what is committed. Every statement is synchronous in the driver, so a lock held by another process is waited
 * for by sleeping and asking again, never inside SQLite: that would stop every heartbeat and answer of this process.
 */
export class SqliteCore implements CoreDatabase {
  readonly engine = 'sqlite';
  readonly clock = sql`machine_clock()`;
  private readonly writer: Connection;
  private readonly reader: Connection;
  private readonly session: Session;
  private readonly commits = new GroupCommit({
    begin: () => patiently(async () => this.writer.command('begin immediate')),
    commit: async () => {
      try {
        await patiently(async () => this.writer.command('commit'));
      } catch (error) {
        this.writer.rollback();
        throw error;
      }
    },
    rollback: () => {
      this.writer.rollback();
    },
    isOpen: () => this.writer.inTransaction,
  });
  private closed = false;

  /** Errors: CoreUnavailable when the file cannot be opened. */
  static async open(file: string): Promise<SqliteCore> {
    try {
      mkdirSync(dirname(file), { recursive: true });
      // Switching to WAL needs the file for oneself, so processes that start together get "busy" here.
      return await patiently(async () => new SqliteCore(file));
    } catch (error) {
      throw translate(error);
    }
  }

  private constructor(file: string) {
    this.writer = new Connection(file);
    try {
      this.reader = new Connection(file);
    } catch (error) {
      this.writer.close();
      throw error;
    }
    const writer = this.writer;
    this.session = {
      query: async (statement) => writer.query(statement),
      execute: async (statement) => writer.execute(statement),
      upsert: async (table, key, row) => {
        writer.execute(upsertOnConflict(table, key, row));
      },
    };
  }

  async query(statement: Sql): Promise<Row[]> {
    // On the reading connection: the writing one may be in the middle of a transaction that will be rolled back.
    return patiently(async () => this.reader.query(statement));
  }

  execute(statement: Sql): Promise<number> {
    return this.transaction((tx) => tx.execute(statement));
  }

  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.closed) throw new CoreUnavailable('the core database is closed');
    const { outcome, leave } = this.commits.join(() =>
      runTransaction(
        this.session,
        {
          begin: async () => this.writer.command('savepoint own'),
          commit: async () => this.writer.command('release own'),
          rollback: async () => this.writer.rollbackToSavepoint(),
        },
        work,
      ),
    );
    const tooLong = setTimeout(() => {
      leave(
        new CoreUnavailable(
          `waited ${turnWaitMs / 1000} s for another transaction of this process: does its work use the database ` +
            'beside its tx?',
        ),
      );
    }, turnWaitMs);
    try {
      return await outcome;
    } finally {
      clearTimeout(tooLong);
    }
  }

  async now(): Promise<number> {
    const row = onlyRow(await this.query(sql`select ${this.clock} as now`));
    return Number(row.now);
  }

  countUp(table: string, column: string, where: Sql): Promise<number | null> {
    return this.inSequence((core) => core.countUp(table, column, where));
  }

  inSequence<T>(work: (core: Counting) => Promise<T>): Promise<T> {
    return this.transaction((tx) =>
      work({
        query: (statement) => tx.query(statement),
        execute: (statement) => tx.execute(statement),
        async countUp(table, column, where) {
          const [row] = await tx.query(countedUp(table, column, where));
          return row === undefined ? null : Number(row[column]);
        },
      }),
    );
  }

  async ping(): Promise<void> {
    await this.query(sql`select 1`);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.commits.idle();
    this.reader.close();
    this.writer.close();
  }
}

/** One connection and its prepared statements. Errors are translated. */
class Connection {
  private readonly database: Database.Database;
  private readonly statements = new Map<string, Database.Statement>();

  constructor(file: string) {
    this.database = new Database(file, { timeout: 0 });
    try {
      this.database.pragma('journal_mode = WAL');
      // FULL: an answer that was given survives a power cut; NORMAL would keep the file sound but lose the last
      // commits.
      this.database.pragma('synchronous = FULL');
      this.database.pragma('foreign_keys = ON');
      this.database.pragma('cache_size = -16000');
      this.database.function('machine_clock', () => Date.now());
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  query(statement: Sql): Row[] {
    return this.run(statement, (prepared, values) =>
      prepared.reader ? (prepared.all(values) as Row[]) : (prepared.run(values), []),
    );
  }

  execute(statement: Sql): number {
    return this.run(statement, (prepared, values) =>
      prepared.reader ? prepared.all(values).length : prepared.run(values).changes,
    );
  }

  command(text: 'begin immediate' | 'commit' | 'savepoint own' | 'release own'): void {
    this.query({ texts: [text], values: [] });
  }

  // Some errors (a full disk) end the transaction by themselves; "rollback" would then hide the first error.
  get inTransaction(): boolean {
    return this.database.open && this.database.inTransaction;
  }

  rollback(): void {
    if (this.inTransaction) this.database.exec('rollback');
  }

  rollbackToSavepoint(): void {
    if (this.inTransaction) this.database.exec('rollback to own; release own');
  }

  close(): void {
    this.database.close();
  }

  private run<T>(statement: Sql, use: (prepared: Database.Statement, values: unknown[]) => T): T {
    if (!this.database.open) throw new CoreUnavailable('the core database is closed');
    try {
      return use(this.prepared(statement.texts.join('?')), statement.values.map(bindable));
    } catch (error) {
      throw translate(error);
    }
  }

  private prepared(text: string): Database.Statement {
    let statement = this.statements.get(text);
    if (statement === undefined) {
      statement = this.database.prepare(text);
      const oldest = this.statements.keys().next();
      if (this.statements.size >= cachedStatements && !oldest.done) this.statements.delete(oldest.value);
      this.statements.set(text, statement);
    }
    return statement;
  }
}

function bindable(value: SqlValue): string | number | bigint | null {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** Another process holds the file's lock. */
export function isBusy(error: unknown): boolean {
  return (
    (error instanceof CoreUnavailable && /^SQLITE_(BUSY|LOCKED)/.test(errorField(error.cause, 'code') ?? '')) ||
    /^SQLITE_(BUSY|LOCKED)/.test(errorField(error, 'code') ?? '')
  );
}

/** Asks again, with growing jittered pauses, while another process holds the lock; at most `lockWaitMs`. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + lockWaitMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      return await run();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}

function translate(error: unknown): unknown {
  const code = errorField(error, 'code') ?? '';
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
    const target = /failed: (.*)$/.exec(errorField(error, 'message') ?? '')?.[1] ?? 'unknown';
    return new UniqueViolation(target, { cause: error });
  }
  if (/^SQLITE_(BUSY|LOCKED|CANTOPEN|IOERR|FULL|PROTOCOL|READONLY)/.test(code) || /^E[A-Z]+$/.test(code)) {
    return new CoreUnavailable(`the core database's file cannot be used (${code})`, { cause: error });
  }
  return error;
}
