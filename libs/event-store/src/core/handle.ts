import type { Row, Sql, SqlValue, Tx } from '../core-database.js';
import { CoreUnavailable } from '../errors.js';

/** What a driver must be able to do on one connection, with errors already translated. */
export interface Session {
  query(statement: Sql): Promise<Row[]>;
  execute(statement: Sql): Promise<number>;
  upsert(table: string, key: readonly string[], row: Record<string, SqlValue>): Promise<void>;
}

/**
 * One transaction as its work sees it. It refuses everything after a statement failed and after the transaction
 * ended, on every engine alike: PostgreSQL would refuse by itself, but SQLite and MySQL would commit the half that
 * worked; after a deadlock MySQL would even run what follows outside any transaction; and a statement that was not
 * awaited would run inside somebody else's transaction on the same connection.
 */
export class Handle implements Tx {
  /** The first statement's failure; the transaction can only be rolled back after it. */
  failure: Error | undefined = undefined;
  private over = false;

  constructor(private readonly session: Session) {}

  query(statement: Sql): Promise<Row[]> {
    return this.guarded(() => this.session.query(statement));
  }

  execute(statement: Sql): Promise<number> {
    return this.guarded(() => this.session.execute(statement));
  }

  upsert(table: string, key: readonly string[], row: Record<string, SqlValue>): Promise<void> {
    return this.guarded(() => this.session.upsert(table, key, row));
  }

  end(): void {
    this.over = true;
  }

  private async guarded<T>(run: () => Promise<T>): Promise<T> {
    if (this.over) throw new Error('this transaction has ended: a statement was not awaited');
    if (this.failure !== undefined) throw this.failure;
    try {
      return await run();
    } catch (error) {
      this.failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
}

/** The engine ended the transaction to resolve a deadlock (or a lock wait): running it again is the cure. */
export class DeadlockVictim extends Error {
  constructor(options: ErrorOptions) {
    super('chosen as the victim of a deadlock', options);
  }
}

const attempts = 8;

/**
 * Runs `once` again, after a jittered pause, as long as the engine made it a deadlock's victim; at most 8 times.
 * Errors: CoreUnavailable after the last.
 */
export async function rerunVictims<T>(once: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof DeadlockVictim)) throw error;
      if (attempt === attempts)
        throw new CoreUnavailable(`gave up after ${attempts} deadlocks or lock timeouts`, { cause: error });
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}

/**
 * Lets everything else that waits in this process have its turn. SQLite's answers come at once, so a loop over them
 * would starve it.
 */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A transaction's whole course over a session: begin, work, commit; or roll back and throw what made it fail. */
export async function runTransaction<T>(
  session: Session,
  verbs: { begin(): Promise<void>; commit(): Promise<void>; rollback(): Promise<void> },
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  await verbs.begin();
  const handle = new Handle(session);
  let result: T;
  try {
    result = await work(handle);
    // A failure that `work` caught still dooms the transaction: what it did before is only half of what it meant.
    if (handle.failure !== undefined) throw handle.failure;
  } catch (error) {
    handle.end();
    await verbs.rollback();
    // The victim's own error wins over whatever `work` made of it, else it would not be run again.
    throw handle.failure instanceof DeadlockVictim ? handle.failure : error;
  }
  handle.end();
  await verbs.commit();
  return result;
}

/** A property of a driver's error that may or may not be there. */
export function errorField(error: unknown, name: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
