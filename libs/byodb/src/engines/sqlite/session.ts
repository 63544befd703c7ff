import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dependent, Direction, LedgerRow, Session, Touch } from '../../engine.js';
import { DatabaseError } from '../../errors.js';
import type { LiveTable } from '../../live.js';
import { dependentsOf } from './dependents.js';
import { readRows, type SchemaRow } from './introspect.js';
import { collationsIn, doubleQuotedText } from './literals.js';
import type { Row, Thread } from './thread.js';
import { quote, sameName } from './tokens.js';

export class SqliteSession implements Session {
  /** Why nothing more may be done in it: it is over, or another one took its place. */
  private ended: DatabaseError | null = null;
  /** Broken foreign keys before the first change of a table; null: not looked at. */
  private brokenBefore: number | null = null;

  constructor(private readonly thread: Thread, private readonly file: string, private readonly patienceMs: number) {}

  end(error: DatabaseError): void {
    this.ended ??= error;
  }

  async query(sql: string, args: unknown[] = []): Promise<Row[]> {
    if (this.ended !== null) throw this.ended;
    return withPatience(this.patienceMs, () => this.thread.call({ op: 'query', sql, args }));
  }

  async run(sql: string, args: unknown[] = []): Promise<void> {
    if (this.ended !== null) throw this.ended;
    if (this.brokenBefore === null && /^\s*(alter|drop)\s+table/i.test(sql)) this.brokenBefore = await this.brokenKeys();
    await this.thread.call({ op: 'run', sql, args });
  }

  /** To be called before the commit: foreign keys are off while tables are rebuilt, so what they would have refused is found here. */
  async checkKeys(): Promise<void> {
    if (this.brokenBefore === null) return;
    const broken = await this.brokenKeys();
    if (broken > this.brokenBefore) {
      if (broken === Infinity) throw new DatabaseError('dependents_exist', 'a foreign key would name columns that are no longer unique', { details: { code: 'SQLITE_ERROR' } });
      const [one] = await this.query('select "table" as name, rowid as id from pragma_foreign_key_check limit 1');
      const example = { table: String(one?.['name']), rowid: String(one?.['id']) };
      throw new DatabaseError('rows_conflict', `${broken - this.brokenBefore} rows would no longer have the row that their foreign key names, for example ${JSON.stringify(example)}`, { details: { count: broken - this.brokenBefore, example, code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    }
  }

  private async brokenKeys(): Promise<number> {
    const [some] = await this.query('select 1 from sqlite_schema where sql like \'%references%\' limit 1');
    if (some === undefined) return 0;
    try {
      const [row] = await this.query('select count(*) as broken from pragma_foreign_key_check');
      return Number(row!['broken']);
    } catch (error) {
      // A foreign key that names no unique columns is an error of the whole check; such a file has none that works to be kept.
      if (error instanceof DatabaseError && /foreign key mismatch/.test(error.message)) return Infinity;
      throw error;
    }
  }

  async introspect(table: string): Promise<LiveTable | null> {
    return readRows(await this.schema('where tbl_name = ? collate nocase', [table]));
  }

  private async schema(where: string, args: unknown[]): Promise<SchemaRow[]> {
    const rows = await this.query(`select type, name, tbl_name, sql from sqlite_schema ${where} order by rowid`, args);
    return rows as unknown as SchemaRow[];
  }

  async occupant(name: string): Promise<string | null> {
    const [row] = await this.query('select type from sqlite_schema where name = ? collate nocase and type in (\'table\', \'view\', \'index\')', [name]);
    return row === undefined ? null : String(row['type']);
  }

  async dependents(table: string, column: string | null, change?: Touch): Promise<Dependent[]> {
    return dependentsOf(await this.schema('', []), table, column, change);
  }

  async cannotRemake(live: LiveTable): Promise<string | null> {
    for (const row of await this.schema('where sql is not null and type in (\'table\', \'index\')', [])) {
      const reason = await this.lacksFor(row, sameName(row.tbl_name, live.name));
      if (reason !== null) return reason;
    }
    return null;
  }

  /** SQLite reads the texts of all objects in the file when a table is renamed, and what is rebuilt is made from its text. */
  private async lacksFor({ type, name, tbl_name, sql }: SchemaRow, isOwn: boolean): Promise<string | null> {
    const what = type === 'table' ? `table ${name}` : `${type} ${name} of ${tbl_name}`;
    const literal = isOwn ? null : doubleQuotedText(sql!);
    if (literal !== null) return `${what} has the text ${literal} in double quotes, which SQLite takes for a column's name here: write it in single quotes first`;
    for (const collation of collationsIn(sql!)) {
      const known = await this.query(`select 1 where 'a' = 'b' collate ${quote(collation)}`).then(() => true, () => false);
      if (!known) return `${what} needs the collation ${collation}, which only its owner's program has: it could not be made again here`;
    }
    return null;
  }

  async lacksRight(): Promise<string | null> {
    // The folder too: the journal stands beside the file.
    for (const path of [this.file, dirname(this.file)]) {
      const problem = await access(path, constants.W_OK).then(() => null, (error: NodeJS.ErrnoException) => error);
      if (problem !== null && ['EACCES', 'EPERM', 'EROFS'].includes(problem.code ?? '')) return `${path} is not writable (${problem.code})`;
    }
    return null;
  }

  async readLedger(stepId: string): Promise<LedgerRow[]> {
    const rows = await this.query('select * from _saga_ledger where step_id = ? order by recorded_at, direction', [stepId]);
    return rows.map((row): LedgerRow => ({
      step_id: String(row['step_id']), direction: row['direction'] as Direction, state: row['state'] as LedgerRow['state'],
      fingerprint_before: String(row['fingerprint_before']), fingerprint_after: row['fingerprint_after'] as string | null,
      statements: JSON.parse(String(row['statements'])) as string[], recorded_at: String(row['recorded_at']),
    }));
  }

  async writeLedger(row: LedgerRow): Promise<void> {
    await this.run(
      'insert or replace into _saga_ledger (step_id, direction, state, fingerprint_before, fingerprint_after, statements, recorded_at) values (?, ?, ?, ?, ?, ?, ?)',
      [row.step_id, row.direction, row.state, row.fingerprint_before, row.fingerprint_after, JSON.stringify(row.statements), row.recorded_at],
    );
  }
}

/** The worker never waits for another's lock, so that it stays free: who waits comes again, until the time is over. */
export async function withPatience<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'lock_timeout' || Date.now() >= deadline) throw error;
      await sleep(Math.min(5 + Math.random() * 20, Math.max(1, deadline - Date.now())));
    }
  }
}
