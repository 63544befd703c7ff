/**
 * A statement with its values apart: adapters join the texts with their own placeholders, so a value can never be read
 * as SQL.
 */
export interface Sql {
  readonly texts: readonly string[];
  readonly values: readonly SqlValue[];
}
export type SqlValue = string | number | bigint | boolean | null;
export type Row = Record<string, unknown>;

/** sql`select * from t where id = ${id}`; a nested Sql is spliced in, everything else is bound. */
export function sql(texts: TemplateStringsArray, ...values: (SqlValue | Sql)[]): Sql {
  return spliced(texts, values);
}

/** `texts`: what stands around the values, so one more than these. */
function spliced(texts: readonly string[], values: readonly (SqlValue | Sql)[]): Sql {
  const outTexts: string[] = [];
  const outValues: SqlValue[] = [];
  let open = texts[0] ?? '';
  values.forEach((value, i) => {
    if (isSql(value)) {
      value.texts.forEach((text, at) => {
        if (at > 0) outTexts.push(open);
        open = at > 0 ? text : open + text;
      });
      outValues.push(...value.values);
    } else {
      outTexts.push(open);
      open = '';
      outValues.push(value);
    }
    open += texts[i + 1] ?? '';
  });
  outTexts.push(open);
  return { texts: outTexts, values: outValues };
}

function isSql(value: SqlValue | Sql): value is Sql {
  return typeof value === 'object' && value !== null && 'texts' in value;
}

/** ${a}, ${b}, ${c}: for `in (…)` and `values (…)`. The list must not be empty. */
export function sqlList(values: readonly (SqlValue | Sql)[]): Sql {
  const texts = ['', ...values.slice(1).map(() => ', '), ''];
  return spliced(texts, values);
}

/** Names known at compile time only (tables, columns): never from outside. */
export function sqlName(name: string): Sql {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new Error(`not a name: ${name}`);
  return { texts: [name], values: [] };
}

export interface Queryable {
  query(statement: Sql): Promise<Row[]>;
  /**
   * Returns how many rows were inserted, deleted, or matched by an update's condition (MySQL: found rows, so that all
   * engines count alike).
   */
  execute(statement: Sql): Promise<number>;
}

export interface Counting extends Queryable {
  /** Adds one to the counter in this column of one row and gives what it has come to; null: there is no such row. */
  countUp(table: string, column: string, where: Sql): Promise<number | null>;
}

/** Of a statement that gives exactly one row, an aggregate for instance. */
export function onlyRow([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('the statement gave no row');
  return row;
}

export function textOrNull(value: unknown): string | null {
  return value === null ? null : String(value);
}

/** Inside a transaction. Isolation: read committed or stronger. */
export interface Tx extends Queryable {
  /** Insert, or replace every named column of the row with this key. `row` holds key columns too. */
  upsert(table: string, key: readonly string[], row: Record<string, SqlValue>): Promise<void>;
}

/**
 * The core database: the one place that remembers. One adapter per engine.
 * Errors: UniqueViolation, CoreUnavailable (errors.ts); others as the driver gives them.
 */
export interface CoreDatabase extends Counting {
  readonly engine: 'sqlite' | 'postgres' | 'mysql';
  /**
   * Milliseconds since the epoch by this database's own clock, at the moment when the statement comes to it: after a
   * lock was waited for, not before. On SQLite there is no other clock than that of the machine which all its processes
   * share.
   */
  readonly clock: Sql;
  /**
   * Commits when `work` resolves, rolls back when it throws. `work` is run again from its start when the engine
   * ends the transaction as a deadlock's victim, so it must have no effect but through `tx`.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** What `clock` says now: the time by which is decided what is over, whatever a process's own clock says. */
  now(): Promise<number>;
  /**
   * Statements of their own, each done or not: in a transaction, a process that is stopped between two of them would
   * keep all others from the rows that it has written. On SQLite one transaction: whoever writes there is alone anyway,
   * and each commit waits for the disk.
   */
  inSequence<T>(work: (core: Counting) => Promise<T>): Promise<T>;
  /** Resolves when the database answers; else throws CoreUnavailable. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** What stands in a column as JSON. `T`: what was written there, by this code or by an earlier shape of it. */
export function jsonOf<T>(row: Row, column: string): T {
  return JSON.parse(String(row[column]));
}
