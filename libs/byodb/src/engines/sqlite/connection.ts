import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FileAddress } from '../../address.js';
import type { Connection, Engine, Exclusive, Other, ServerInfo, Session } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import { isAside, isReserved, RESERVED } from '../../live.js';
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
import { SqliteSession, withPatience } from './session.js';
import { Mutex, Thread } from './worker/thread.js';
import { lockTimeout, translate } from './translate.js';

/** How long a look waits for its turn or for a lock. */
const LOOK_MS = 10_000;

const LEDGER = [
  'create table if not exists _saga_ledger (step_id text not null, direction text not null, state text not ' +
    'null, fingerprint_before text not null,\n  fingerprint_after text, statements text not null, recorded_at text ' +
    'not null, primary key (step_id, direction))',
  'create table if not exists _saga_fences (table_id text not null primary key, token integer not null)',
  'create table if not exists _saga_identity (only_row integer not null primary key check (only_row = ' +
    '1), id text not null, core_id text, claimed_at text)',
];

/**
 * Of the names of the service's own tables, a ledger's and a core's, those that are taken in the file, with the columns
 * of tables.
 */
const STANDING =
  'select lower(m.name) as name, (select json_group_array(c.name) from pragma_table_info(m.name) c ' +
  `where m.type = 'table') as columns from sqlite_schema m where m.type in ('table', 'view') and lower(m.name) in ` +
  `(${[...LEDGER_TABLES, CORE_IDENTITY, ...CORE_TABLES].map((name) => `'${name}'`).join(', ')})`;
type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

/**
 * Who of this process holds a file's write lock, by file: one that stalls is ended by its successor. Other processes'
 * are freed by worker.js.
 */
const holders = new Map<string, Holder>();
interface Holder {
  tableId: string;
  token: number;
  quietMs(): number;
  end(): Promise<void>;
}

/**
 * One worker for changes and one for looks: with a write-ahead log both work at once, else a look waits for a commit.
 */
export class SqliteConnection implements Connection {
  private readonly file: string;
  private readonly writer: Thread;
  private readonly reader: Thread;
  private readonly writing = new Mutex();
  private readonly reading = new Mutex();
  private isClosed = false;

  constructor(
    readonly engine: Engine,
    address: FileAddress,
  ) {
    this.file = resolve(address.file);
    this.writer = new Thread(this.file);
    this.reader = new Thread(this.file);
  }

  async info(): Promise<ServerInfo> {
    // From the header too: the version alone would say that any file is a database.
    const [row] = await this.looking((session) =>
      session.query('select sqlite_version() as version, (select count(*) from sqlite_schema) as entries'),
    );
    return { version: String(row!['version']) };
  }

  async identity(): Promise<string | null> {
    return (await this.marks()).id;
  }

  async marks(): Promise<Marks> {
    return this.looking((session) => readStanding((sql) => session.query(sql)));
  }

  async claim(id: string, claimant?: Claimant): Promise<string> {
    this.refuseClosed();
    const denied = await access(dirname(this.file), constants.W_OK).then(
      () => null,
      (error: NodeJS.ErrnoException) => error,
    );
    if (denied !== null)
      throw translate({
        code: denied.code === 'ENOENT' ? 'SAGA_MISSING' : (denied.code ?? 'SAGA_MISSING'),
        message: `the folder of the database file: ${denied.message}`,
      });
    const release = await this.writing.acquire(LOOK_MS);
    try {
      return await withPatience(LOOK_MS, () => this.claimOnce(id, claimant));
    } finally {
      release();
    }
  }

  private async claimOnce(id: string, claimant: Claimant | undefined): Promise<string> {
    await this.writer.call({ op: 'enter', mode: 'create' });
    refuseOthers(await readStanding((sql) => this.ask(sql)), claimant);
    return this.alone(async () => {
      const marks = await readStanding((sql) => this.ask(sql));
      refuseOthers(marks, claimant);
      for (const sql of LEDGER) await this.writer.call({ op: 'run', sql });
      await this.change('insert into _saga_identity (only_row, id) values (1, ?) on conflict do nothing', [id]);
      if (claimant !== undefined && marks.managed_by?.core_id !== claimant.core_id) await this.take(id, claimant);
      return (await readStanding((sql) => this.ask(sql))).id!;
    });
  }

  private async take(id: string, { core_id, at, take_over: former }: Claimant): Promise<void> {
    const columns = await this.ask("select name from pragma_table_info('_saga_identity')");
    // Ledgers of earlier versions do not say whose they are.
    for (const name of ['core_id', 'claimed_at']) {
      if (!columns.some((column) => column['name'] === name))
        await this.writer.call({ op: 'run', sql: `alter table _saga_identity add column ${name} text` });
    }
    await this.change('update _saga_identity set core_id = ?, claimed_at = ? where core_id is null', [core_id, at]);
    await this.change('update _saga_identity set core_id = ?, claimed_at = ?, id = ? where core_id = ?', [
      core_id,
      at,
      id,
      former ?? null,
    ]);
  }

  async release(id: string): Promise<void> {
    this.refuseClosed();
    const release = await this.writing.acquire(LOOK_MS);
    try {
      await withPatience(LOOK_MS, async () => {
        await this.writer.call({ op: 'enter', mode: 'work' });
        await this.alone(async () => {
          if ((await readStanding((sql) => this.ask(sql))).id !== id) return;
          for (const name of LEDGER_TABLES) await this.writer.call({ op: 'run', sql: `drop table if exists ${name}` });
        });
      });
    } finally {
      release();
    }
  }

  /** In a transaction of the writer, which has been entered. */
  private async alone<T>(work: () => Promise<T>): Promise<T> {
    await this.writer.call({ op: 'run', sql: 'begin immediate' });
    try {
      const result = await work();
      await this.writer.call({ op: 'run', sql: 'commit' });
      return result;
    } catch (error) {
      await this.rollBack();
      throw error;
    }
  }

  private ask(sql: string): ReturnType<Ask> {
    return this.writer.call({ op: 'query', sql });
  }

  private async change(sql: string, args: unknown[]): Promise<void> {
    await this.writer.call({ op: 'run', sql, args });
  }

  /** Virtual tables, what they keep their content in, views, and tables of reserved names. */
  async others(): Promise<Other[]> {
    const rows = await this.looking((session) =>
      session.query(
        "select name, type from pragma_table_list where schema = 'main' and name not " +
          "like 'sqlite\\_%' escape '\\' order by name",
      ),
    );
    return rows
      .map((row) => ({ name: String(row['name']), type: String(row['type']) }))
      .filter(({ name, type }) => isReserved(name) || (!isAside(name) && type !== 'table'))
      .map(({ name, type }) => {
        if (type === 'table') return { name, kind: type, reason: RESERVED };
        const kind = type === 'shadow' ? 'shadow table' : type === 'virtual' ? 'virtual table' : type;
        return {
          name,
          kind,
          reason: kind === 'shadow table' ? 'it holds the content of a virtual table' : `it is a ${kind}`,
        };
      });
  }

  async tables(): Promise<string[]> {
    const rows = await this.looking((session) =>
      session.query(
        "select name from pragma_table_list where schema = 'main' and type = 'table' and name not like " +
          "'sqlite\\_%' escape '\\' and name not like '\\_saga\\_%' escape '\\' order by name",
      ),
    );
    return rows.map((row) => String(row['name']));
  }

  look<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.looking(work);
  }

  private async looking<T>(work: (session: SqliteSession) => Promise<T>): Promise<T> {
    this.refuseClosed();
    const release = await this.reading.acquire(LOOK_MS);
    const session = new SqliteSession(this.reader, this.file, LOOK_MS);
    try {
      await withPatience(LOOK_MS, () => this.reader.call({ op: 'enter', mode: 'look' }));
      return await work(session);
    } finally {
      session.end(over());
      release();
    }
  }

  async exclusively<T>(on: Exclusive, work: (session: Session) => Promise<T>): Promise<T> {
    this.refuseClosed();
    const deadline = performance.now() + on.lockTimeoutMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const release =
      (await this.writing.tryAcquire(left())) ??
      ((await this.endStalled(on)) ? await this.writing.tryAcquire(1000) : null);
    if (release === null) throw lockTimeout(`the file was in use for ${on.lockTimeoutMs} ms`);
    const session = new SqliteSession(this.writer, this.file, 0);
    try {
      await this.begin(on, left);
      holders.set(this.file, this.holder(on, session, release));
      return await this.inTransaction(on, session, work);
    } finally {
      session.end(over());
      release();
    }
  }

  private async begin(on: Exclusive, left: () => number): Promise<void> {
    const begin = async (): Promise<void> => {
      await this.writer.call({ op: 'enter', mode: 'work' });
      // The write lock of the whole file, at once: one taken later, after a read, could not be waited for.
      await this.writer.call({ op: 'run', sql: 'begin immediate' });
    };
    try {
      await withPatience(left(), begin);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'lock_timeout' || !(await this.endStalled(on)))
        throw error;
      await withPatience(1000, begin);
    }
  }

  private async inTransaction<T>(
    on: Exclusive,
    session: SqliteSession,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const mine = holders.get(this.file);
    try {
      await raiseFence(on, session);
      const result = await work(session);
      await session.checkKeys();
      // Without a write-ahead log a commit waits for those who just read.
      await withPatience(on.lockTimeoutMs, () => session.run('commit'));
      return result;
    } catch (error) {
      // One that a successor ended has no transaction any more: the worker's next one is not its own.
      if (holders.get(this.file) === mine) await this.rollBack();
      throw error;
    } finally {
      if (holders.get(this.file) === mine) holders.delete(this.file);
    }
  }

  private holder(on: Exclusive, session: SqliteSession, release: () => void): Holder {
    return {
      tableId: on.tableId,
      token: on.token,
      quietMs: () => this.writer.quietMs(),
      end: async () => {
        const ended = new DatabaseError('stale_token', 'a later holder of the lease ended this session', {
          retryable: true,
          details: { token: on.token },
        });
        session.end(ended);
        holders.delete(this.file);
        await this.writer.end(ended);
        release();
      },
    };
  }

  /**
   * A session that holds the file for this table with no higher token and has done nothing for as long as we waited
   * belongs to a worker that stalls.
   */
  private async endStalled(on: Exclusive): Promise<boolean> {
    const holder = holders.get(this.file);
    if (
      holder === undefined ||
      holder.tableId !== on.tableId ||
      holder.token > on.token ||
      holder.quietMs() < on.lockTimeoutMs * 0.8
    )
      return false;
    await holder.end();
    return true;
  }

  /** After an error; a worker that died took its transaction along. */
  private async rollBack(): Promise<void> {
    try {
      await this.writer.call({ op: 'run', sql: 'rollback' });
    } catch (error) {
      // "No transaction is active" after an error that rolled back by itself (a full disk), or a fresh worker: nothing
      // is left open.
      if (!(error instanceof DatabaseError)) throw error;
      await this.writer.end(error);
    }
  }

  private refuseClosed(): void {
    if (this.isClosed) throw new DatabaseError('database_unreachable', 'the connection is closed', { retryable: true });
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    const pairs: [Mutex, Thread][] = [
      [this.writing, this.writer],
      [this.reading, this.reader],
    ];
    await Promise.all(
      pairs.map(async ([mutex, thread]) => {
        // Drains; what still stalls then is ended, and rolled back.
        const release = await mutex.tryAcquire(LOOK_MS);
        if (release === null)
          await thread.end(new DatabaseError('database_unreachable', 'the connection was closed', { retryable: true }));
        else await thread.close();
        release?.();
      }),
    );
  }
}

async function readStanding(ask: Ask): Promise<Marks> {
  const standing = new Map(
    (await ask(STANDING)).map((row) => [String(row['name']), JSON.parse(String(row['columns'])) as string[]]),
  );
  const tables = [...standing.keys()];
  const ledger = readLedger(standing, 'id');
  const isThere = ledger.strange === null && tables.includes('_saga_identity');
  const [own] = isThere ? await ask('select * from _saga_identity') : [];
  const [core] =
    isCore(tables) && tables.includes(CORE_IDENTITY) ? await ask(`select core_id from ${CORE_IDENTITY}`) : [];
  return {
    ...readMarks(own, 'id'),
    ...ledger,
    core: isCore(tables) ? { core_id: core === undefined ? null : String(core['core_id']) } : null,
  };
}

async function raiseFence(on: Exclusive, session: SqliteSession): Promise<void> {
  const [row] = await session.query('select token from _saga_fences where table_id = ?', [on.tableId]);
  if (row !== undefined && Number(row['token']) > on.token) {
    throw new DatabaseError('stale_token', 'a higher fencing token has been seen for this table', {
      retryable: true,
      details: { token: on.token, seen: Number(row['token']) },
    });
  }
  await session.run(
    'insert into _saga_fences (table_id, token) values (?, ?) on conflict (table_id) do update set token ' +
      '= excluded.token',
    [on.tableId, on.token],
  );
}

function over(): DatabaseError {
  return new DatabaseError('database_error', 'the session is over');
}
