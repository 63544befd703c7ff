import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { readLedgerRow } from '../../ledger.js';
import type { LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import type { Dependent, LedgerRow, Session, Touch } from '../../session.js';
import { SeenTables } from '../../seen-tables.js';
import { TABLE_SQL, type TableRow } from './catalog/table-query.js';
import { findDependents } from './dependents.js';
import type { PooledClient, Row } from './driver/pooled-client.js';
import { findForbidding } from './forbidding.js';
import { followReferences } from './foreign-keys.js';
import { dependentsOfIndex } from './indexes/dependents-of-index.js';
import { readTable } from './introspect.js';
import { quote } from './sql.js';

const OCCUPANT_SQL = `
select kind from (
  select
    case c.relkind
      when 'r' then 'table'
      when 'p' then 'table'
      when 'v' then 'view'
      when 'm' then 'materialized view'
      when 'i' then 'index'
      when 'I' then 'index'
      when 'S' then 'sequence'
      when 'f' then 'foreign table'
      when 'c' then 'type'
      else 'relation'
    end as kind,
    c.relname = $1 as exact
  from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = current_schema() and lower(c.relname collate "C") = lower($1 collate "C")
  union all
  -- A table brings a type of its name. Types of arrays give way by themselves.
  select 'type', ty.typname = $1
  from pg_type ty
    join pg_namespace n on n.oid = ty.typnamespace
  where n.nspname = current_schema() and lower(ty.typname collate "C") = lower($1 collate "C")
    and ty.typrelid = 0 and not exists (select from pg_type of where of.typarray = ty.oid)
) found
order by exact desc, kind = 'type'
limit 1`;

/** One look or one transaction; of no use afterwards. */
export class PostgresSession implements Session {
  private over = false;
  private readonly seen = new SeenTables((table) => this.read(table));

  constructor(private readonly pooled: PooledClient) {}

  end(): void {
    this.over = true;
  }

  async query(sql: string): Promise<Row[]> {
    return this.open().query(sql);
  }

  /** A text that never changes: it is planned once for a connection. */
  async constant(sql: string): Promise<Row[]> {
    return this.open().query(sql, []);
  }

  async run(sql: string): Promise<void> {
    this.seen.forget();
    await this.open().query(sql);
  }

  /** The lock that the statement will take anyhow, a little earlier. It ends with the transaction. */
  async freeze(table: string): Promise<() => Promise<void>> {
    await this.open().query(`lock table ${quote(table)} in access exclusive mode`);
    this.seen.forget();
    return () => Promise.resolve();
  }

  async introspect(table: string): Promise<LiveTable | null> {
    this.open();
    return this.seen.of(table);
  }

  private async read(table: string): Promise<LiveTable | null> {
    const [row] = await this.open().query<TableRow>(TABLE_SQL, [table]);
    return row === undefined ? null : readTable(table, row);
  }

  async occupant(name: string): Promise<string | null> {
    const [row] = await this.open().query(OCCUPANT_SQL, [name]);
    return row === undefined ? null : String(row['kind']);
  }

  async dependents(table: string, column: string | null, change: Touch = 'remove'): Promise<Dependent[]> {
    return findDependents(async (sql, values) => this.open().query(sql, values), table, column, change);
  }

  async dependentsOfIndex(live: LiveTable, name: string): Promise<Dependent[]> {
    return dependentsOfIndex(async (sql, values) => this.open().query(sql, values), live, name);
  }

  async forbidding(live: LiveTable, from: Column | null, to: Column): Promise<Dependent[]> {
    return findForbidding(async (sql, values) => this.open().query(sql, values), live, from, to);
  }

  async inTodaysNames(was: LiveTable): Promise<LiveTable> {
    return followReferences(async (sql, values) => this.open().query(sql, values), was);
  }

  async lacksRight(action: 'create' | 'alter', table: string | null): Promise<string | null> {
    const row = firstRow(
      await this.open().query(
        `select current_user as "user", current_schema() as "schema",
        has_schema_privilege(current_schema(), 'CREATE') as may_create,
        (select pg_get_userbyid(c.relowner)
          from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = current_schema() and c.relname = $1 and not pg_has_role(c.relowner, 'USAGE')) as owner`,
        [table],
      ),
    );
    const { user, schema, may_create: mayCreate, owner } = row;
    if (action === 'create')
      return mayCreate === false ? `user ${String(user)} may not create tables in schema ${String(schema)}` : null;
    return typeof owner === 'string'
      ? `table ${table} belongs to ${owner}, and user ${String(user)} is not a member of that role`
      : null;
  }

  async readLedger(stepId: string): Promise<LedgerRow[]> {
    const rows = await this.open().query(
      `select step_id, direction, state, fingerprint_before, fingerprint_after, statements,
        to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as recorded_at
      from _saga_ledger
      where step_id = $1
      order by direction`,
      [stepId],
    );
    return rows.map(readLedgerRow);
  }

  async writeLedger(row: LedgerRow): Promise<void> {
    this.seen.forget();
    await this.open().query(
      `insert into _saga_ledger
        (step_id, direction, state, fingerprint_before, fingerprint_after, statements, recorded_at)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (step_id, direction) do update set state = excluded.state,
        fingerprint_before = excluded.fingerprint_before, fingerprint_after = excluded.fingerprint_after,
        statements = excluded.statements, recorded_at = excluded.recorded_at`,
      [
        row.step_id,
        row.direction,
        row.state,
        row.fingerprint_before,
        row.fingerprint_after,
        JSON.stringify(row.statements),
        row.recorded_at,
      ],
    );
  }

  /** A session kept beyond its time would speak on a connection that another one has by now. */
  private open(): PooledClient {
    if (this.over) throw new DatabaseError('database_error', 'this session is over');
    return this.pooled;
  }
}
