import type { Connection as Driver, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { readLedgerRow } from '../../ledger.js';
import { foldName, type LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import type { Dependent, LedgerRow, Session, Touch } from '../../session.js';
import { SeenTables } from '../../seen-tables.js';
import { dependents } from './dependents.js';
import type { Querying, Row } from './driver/querying.js';
import { forbidding } from './forbidding.js';
import { PARENT } from './foreign-keys.js';
import { dependentsOfIndex } from './indexes/dependents-of-index.js';
import { introspect } from './introspect.js';
import { lacksRight } from './rights/rights.js';
import { quote } from './sql.js';
import { translate } from './translate.js';
import { freeNames } from './triggers/free-names.js';

/** A lock that was not had in time, and a table left out since its definition is being changed. */
const SKIPPED = new Set([1205, 1684]);

/**
 * Whether a warning is of a table that matters: one of this database, which is not the service's own ledger, that
 * another connection makes sure of. A lock that was not had in time names no table.
 */
function concernsCustomerTable(message: string, database: string): boolean {
  const named = /Table '([^']*)'\.'([^']*)'/.exec(message);
  if (named === null) return true;
  const [, home = '', table = ''] = named;
  return home.toLowerCase() === database.toLowerCase() && !/^_saga_(ledger|fences|identity)$/i.test(table);
}

function readsCatalog(sql: string): boolean {
  return /\binformation_schema\b/i.test(sql);
}

/** One connection. */
export class MysqlSession implements Session, Querying {
  /** Its state is not known any more, so it must not go back into the pool. */
  broken = false;
  private frozen = false;
  private readonly seen = new SeenTables((table) => introspect(this, table));

  constructor(
    private readonly driver: Driver,
    private readonly secrets: string[],
  ) {}

  async query(sql: string, values: unknown[] = []): Promise<Row[]> {
    try {
      const [rows] = await this.driver.query<RowDataPacket[] | ResultSetHeader>(
        values.length === 0 ? { sql } : { sql, values },
      );
      if (readsCatalog(sql)) await this.refuseSkipped();
      return Array.isArray(rows) ? rows : [{ ...rows }];
    } catch (error) {
      const translated = translate(error, this.secrets, true);
      if (translated.code === 'database_unreachable') this.broken = true;
      throw translated;
    }
  }

  /**
   * MariaDB leaves a table out of what it answers, or shows an error in place of its comment, while somebody else's DDL
   * holds it: only a warning says so. Taken for an answer, such a table would be gone, or have no triggers.
   */
  private async refuseSkipped(): Promise<void> {
    const [warnings] = await this.driver.query<RowDataPacket[]>('show warnings');
    const told = warnings.filter((row) => SKIPPED.has(Number(row['Code'])));
    if (told.length === 0) return;
    const [names] = await this.driver.query<RowDataPacket[]>('select database() as name');
    const own = firstRow<Row>(names);
    const skipped = told.find((row) => concernsCustomerTable(String(row['Message']), String(own['name'])));
    if (skipped === undefined) return;
    throw new DatabaseError(
      'lock_timeout',
      `a table is being changed by somebody else: ${String(skipped['Message'])}`,
      {
        retryable: true,
        outcome: 'not_applied',
        details: { errno: Number(skipped['Code']) },
      },
    );
  }

  async run(sql: string): Promise<void> {
    this.seen.forget();
    await this.query(sql);
  }

  introspect(table: string): Promise<LiveTable | null> {
    return this.seen.of(table);
  }

  dependents(table: string, column: string | null, change: Touch = 'remove'): Promise<Dependent[]> {
    return dependents(this, table, column, change);
  }

  dependentsOfIndex(live: LiveTable, name: string): Promise<Dependent[]> {
    return dependentsOfIndex(this, live, name);
  }

  forbidding(live: LiveTable, from: Column | null, to: Column): Promise<Dependent[]> {
    return forbidding(this, live, from, to);
  }

  freeNames(aside: string): Promise<string[]> {
    return freeNames(this, aside);
  }

  lacksRight(action: 'create' | 'alter', table: string | null): Promise<string | null> {
    return lacksRight(this, action, table);
  }

  async occupant(name: string): Promise<string | null> {
    const [row] = await this.query(
      'select table_type as type from information_schema.tables where table_schema = database() and ' +
        'lower(table_name) = lower(?)',
      [name],
    );
    return row === undefined ? null : /VIEW/.test(String(row['type'])) ? 'view' : 'table';
  }

  /**
   * Also keeps what reads the rows from waiting for a later lock: the one that an ALTER needs is had. ALTER keeps it;
   * only this table and the catalog may be looked at meanwhile.
   */
  async freeze(table: string, reading: string[] = []): Promise<() => Promise<void>> {
    // Under the name that `needsOf` looks rows up by, too: a lock is on a name in a statement.
    const others = [...new Set(reading)].flatMap((name) => [
      ...(foldName(name) === foldName(table) ? [] : [quote(name)]),
      `${quote(name)} AS ${quote(PARENT)}`,
    ]);
    await this.run(`LOCK TABLES ${[`${quote(table)} WRITE`, ...others.map((name) => `${name} READ`)].join(', ')}`);
    this.frozen = true;
    return () => this.thaw();
  }

  /** A session that is gone has unlocked already. */
  async thaw(): Promise<void> {
    if (!this.frozen || this.broken) return;
    await this.run('UNLOCK TABLES');
    this.frozen = false;
  }

  async readLedger(stepId: string): Promise<LedgerRow[]> {
    const rows = await this.query('select * from `_saga_ledger` where step_id = ?', [stepId]);
    return rows.map(readLedgerRow);
  }

  async writeLedger(row: LedgerRow): Promise<void> {
    this.seen.forget();
    await this.query(
      'replace into `_saga_ledger` (step_id, direction, state, fingerprint_before, fingerprint_after, ' +
        'statements, recorded_at) values (?, ?, ?, ?, ?, ?, ?)',
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
}
