import type { Client, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { DatabaseError } from '../../../errors.js';
import { firstRow } from '../../../first-row.js';
import { literal } from '../sql.js';
import { translate, type Moment } from '../translate.js';

export type Row = Record<string, unknown>;

/** One connection, had from the pool for a while. */
export class PooledClient {
  /** Its state is not known any more, so it must not go back into the pool. */
  broken = false;
  private hasOwnSession = false;

  constructor(
    readonly client: Client,
    private readonly secrets: readonly string[],
  ) {}

  /**
   * Sends what opens a transaction; the text starts with that of `begin`. From then on the server plans a statement
   * with values once for the whole connection, where the session is this connection's alone.
   */
  async start(opening: string): Promise<QueryResult[]> {
    const answers = await this.results(opening, undefined, 'begin');
    this.hasOwnSession = firstRow(answerAt<Row>(answers, 1).rows)['pid'] === toldBackend(this);
    return answers;
  }

  /**
   * Without `values` the text goes as it is (simple protocol, several statements allowed): no `?` or `$1` in it is
   * taken for a binding. With them the text is one that never changes: a name in it is a value.
   */
  async query<R extends QueryResultRow = Row>(sql: string, values?: readonly unknown[]): Promise<R[]> {
    return answerAt(await this.results<R>(sql, values), -1).rows;
  }

  async results<R extends QueryResultRow = Row>(
    sql: string,
    values?: readonly unknown[],
    moment: Moment = 'statement',
  ): Promise<QueryResult<R>[]> {
    try {
      const result: QueryResult<R> | QueryResult<R>[] =
        values === undefined ? await this.client.query<R>(sql) : await this.client.query<R>(this.asked(sql, values));
      return Array.isArray(result) ? result : [result];
    } catch (error) {
      const translated = translate(error, moment, this.secrets);
      // Also a server that became a standby: the next connection may find another one.
      if (translated.outcome === 'unknown' || translated.code === 'database_unreachable') this.broken = true;
      throw translated;
    }
  }

  /** Behind a pooler a named statement would stay with a session that others use, and be missing in the next one. */
  private asked(text: string, values: readonly unknown[]): QueryConfig {
    const name = this.hasOwnSession ? nameOfStatement(text) : undefined;
    return { text, values: [...values], ...(name === undefined ? {} : { name }) };
  }

  async commit(): Promise<void> {
    const result = firstRow(await this.results('commit', undefined, 'commit'));
    // A failed transaction answers COMMIT without an error, by rolling back.
    if (result.command !== 'COMMIT')
      throw new DatabaseError('database_error', 'the transaction had failed before its end, and was rolled back');
  }

  /**
   * Gives back what the session holds, and lets nobody else have the session. Its end alone would be noticed by the
   * server some time later, and who comes next would find the lock taken.
   */
  async discard(): Promise<void> {
    const wasBroken = this.broken;
    this.broken = true;
    if (wasBroken) return;
    try {
      await this.results('select pg_advisory_unlock_all()');
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error; // what failed first is the news
    }
  }

  async rollback(): Promise<void> {
    if (this.broken) return; // the server rolls back when the connection goes
    try {
      await this.results('rollback');
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.broken = true; // what failed first is the news, and the server rolls back when the connection goes
    }
  }
}

/** What one of several statements gave; -1: the last one. Errors: TypeError. */
export function answerAt<R extends QueryResultRow>(answers: readonly QueryResult<R>[], place: number): QueryResult<R> {
  const answer = answers.at(place);
  if (answer === undefined) throw new TypeError('the database gave fewer answers than there were statements');
  return answer;
}

/** What the other end said when the connection was made; the driver keeps it to be able to cancel a statement. */
export function toldBackend({ client }: PooledClient): unknown {
  return 'processID' in client ? client.processID : undefined;
}

/**
 * BEGIN with everything that our statements and what they print depend on, and `pid`, the session's number. All of it
 * local to the transaction: behind a pooler like pgbouncer settings of a session would stay with a server connection
 * that others use.
 */
export function begin(options: {
  schema: string | null;
  readOnly: boolean;
  lockTimeoutMs: number;
  idleTimeoutMs: number;
}): string {
  return [
    `begin isolation level read committed ${options.readOnly ? 'read only' : 'read write'}`,
    settings(options, 'transaction', { idle_in_transaction_session_timeout: String(options.idleTimeoutMs) }),
  ].join('; ');
}

/**
 * The same for a session that works without a transaction around it, and is thrown away afterwards. There a timeout for
 * idling in a transaction does not apply; the one for idling at all is known from PostgreSQL 14 on.
 */
export function settleSession(options: {
  schema: string | null;
  lockTimeoutMs: number;
  idleTimeoutMs: number;
}): string {
  return [
    "set default_transaction_isolation = 'read committed'",
    'set default_transaction_read_only = off',
    settings(options, 'session'),
    `select set_config(name, '${options.idleTimeoutMs}', false) from pg_settings where name = 'idle_session_timeout'`,
  ].join('; ');
}

/** One statement for all of them: each of its own would be parsed and run apart. */
function settings(
  { schema, lockTimeoutMs }: { schema: string | null; lockTimeoutMs: number },
  scope: 'transaction' | 'session',
  more: Record<string, string> = {},
): string {
  // pg_catalog is searched first when it is not named, and pg_temp last when it is: nobody's table or function can
  // stand before the system's
  // or the customer's (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH). But behind
  // a schema that
  // is not there, or not to be used, pg_temp would be where tables are made.
  const path =
    `quote_ident(s.name) || case when exists (select from pg_namespace n where n.nspname = s.name and ` +
    `has_schema_privilege(n.oid, 'USAGE')) then ', pg_temp' else '' end`;
  const home = `coalesce(${schema === null ? 'current_schema()::text' : literal(schema)}, '')`;
  const set = (name: string, value: string): string => `set_config('${name}', ${value}, ${scope === 'transaction'})`;
  const all = { lock_timeout: String(Math.max(1, Math.ceil(lockTimeoutMs))), ...SETTINGS, ...more };
  return (
    `select pg_backend_pid() as pid, ${set('search_path', path)}, ` +
    `${Object.entries(all)
      .map(([name, value]) => set(name, literal(value)))
      .join(', ')} from (select ${home} as name) s`
  );
}

const SETTINGS = {
  statement_timeout: '0',
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  client_min_messages: 'warning',
  // Else rows hidden by a policy would be left out of a look or a copy without a word.
  row_security: 'off',
  // A look takes several times as long to plan as to run, and would be planned anew the first five times
  // (https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-PLAN-CACHE-MODE).
  plan_cache_mode: 'force_generic_plan',
};

/** A session keeps what it has planned as long as it lives: texts beyond these go without a name. */
const NAMED_STATEMENTS = 100;
const names = new Map<string, string>();

/** Two texts never have one name; undefined where there are too many. */
function nameOfStatement(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= NAMED_STATEMENTS) return known;
  const name = `schemasaga_${names.size}`;
  names.set(text, name);
  return name;
}
