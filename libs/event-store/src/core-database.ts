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
  const outTexts: string[] = [texts[0]!];
  const outValues: SqlValue[] = [];
  values.forEach((value, i) => {
    const tail = texts[i + 1]!;
    if (isSql(value)) {
      outTexts[outTexts.length - 1] += value.texts[0]!;
      outTexts.push(...value.texts.slice(1));
      outValues.push(...value.values);
      outTexts[outTexts.length - 1] += tail;
    } else {
      outValues.push(value);
      outTexts.push(tail);
    }
  });
  return { texts: outTexts, values: outValues };
}

function isSql(value: SqlValue | Sql): value is Sql {
  return typeof value === 'object' && value !== null && 'texts' in value;
}

/** ${a}, ${b}, ${c}: for `in (…)` and `values (…)`. The list must not be empty. */
export function sqlList(values: readonly (SqlValue | Sql)[]): Sql {
  const texts = ['', ...values.slice(1).map(() => ', '), ''];
  return sql(Object.assign(texts, { raw: texts }) as unknown as TemplateStringsArray, ...values);
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

/** Inside a transaction. Isolation: read committed or stronger. */
export interface Tx extends Queryable {
  /** Insert, or replace every named column of the row with this key. `row` holds key columns too. */
  upsert(table: string, key: readonly string[], row: Record<string, SqlValue>): Promise<void>;
}

/**
 * The core database: the one place that remembers. One adapter per engine.
 * Errors: UniqueViolation, CoreUnavailable (errors.ts); others as the driver gives them.
 */
export interface CoreDatabase extends Queryable {
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
   * Adds one to the counter in this column of one row and gives what it has come to; null: there is no such row. A
   * statement of its own: nobody holds it up.
   */
  countUp(table: string, column: string, where: Sql): Promise<number | null>;
  /** Resolves when the database answers; else throws CoreUnavailable. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
