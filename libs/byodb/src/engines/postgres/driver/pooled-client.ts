import type { Client, QueryResult, QueryResultRow } from 'pg';
import { DatabaseError } from '../../../errors.js';
import { firstRow } from '../../../first-row.js';
import { literal } from '../sql.js';
import { translate, type Moment } from '../translate.js';

export type Row = Record<string, unknown>;

/** One connection, had from the pool for a while. */
export class PooledClient {
  /** Its state is not known any more, so it must not go back into the pool. */
  broken = false;

  constructor(
    readonly client: Client,
    private readonly secrets: readonly string[],
  ) {}

  /**
   * Without `values` the text goes as it is (simple protocol, several statements allowed): no `?` or `$1` in it is
   * taken for a binding.
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
        values === undefined ? await this.client.query<R>(sql) : await this.client.query<R>(sql, [...values]);
      return Array.isArray(result) ? result : [result];
    } catch (error) {
      const translated = translate(error, moment, this.secrets);
      // Also a server that became a standby: the next connection may find another one.
      if (translated.outcome === 'unknown' || translated.code === 'database_unreachable') this.broken = true;
      throw translated;
    }
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

/**
 * BEGIN with everything that our statements and what they print depend on. All of it local to the transaction: behind a
 * pooler
 * like pgbouncer settings of a session would stay with a server connection that others use.
 */
export function begin(options: {
  schema: string | null;
  readOnly: boolean;
  lockTimeoutMs: number;
  idleTimeoutMs: number;
}): string {
  return [
    `begin isolation level read committed ${options.readOnly ? 'read only' : 'read write'}`,
    ...settings(options, 'transaction'),
    `set local idle_in_transaction_session_timeout = ${options.idleTimeoutMs}`,
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
    ...settings(options, 'session'),
    `select set_config(name, '${options.idleTimeoutMs}', false) from pg_settings where name = 'idle_session_timeout'`,
  ].join('; ');
}

function settings(
  { schema, lockTimeoutMs }: { schema: string | null; lockTimeoutMs: number },
  scope: 'transaction' | 'session',
): string[] {
  // pg_catalog is searched first when it is not named, and pg_temp last when it is: nobody's table or function can
  // stand before the system's
  // or the customer's (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH). But behind
  // a schema that
  // is not there, or not to be used, pg_temp would be where tables are made.
  const path =
    `select set_config('search_path', quote_ident(s.name) || case when exists (select from pg_namespace ` +
    `n where n.nspname = s.name and has_schema_privilege(n.oid, 'USAGE')) then ', pg_temp' else '' end, ` +
    `${scope === 'transaction'})` +
    ' from (select ' +
    `coalesce(${schema === null ? 'current_schema()::text' : literal(schema)}, '') as ` +
    'name) s';
  const set = scope === 'transaction' ? 'set local' : 'set';
  return [
    path,
    `${set} lock_timeout = ${Math.max(1, Math.ceil(lockTimeoutMs))}`,
    ...Object.entries(SETTINGS).map(([name, value]) => `${set} ${name} = ${literal(value)}`),
  ];
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
};
