import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from '../../errors.js';
import { firstRow } from '../../first-row.js';
import { readLedgerRow } from '../../ledger.js';
import { foldName, type LiveTable } from '../../live.js';
import type { Dependent, LedgerRow, Session, Touch } from '../../session.js';
import { repairAll, surroundingsOf, type Known, type Repaired } from './catalog/surroundings.js';
import { carriedIn, dependentsOf, isVirtual } from './dependents.js';
import { dependentsOfIndex } from './indexes/dependents-of-index.js';
import { readRows, readSchemaRow, type SchemaRow } from './introspect.js';
import { sameName } from './parser/tokens.js';
import type { Row, Thread } from './worker/thread.js';

interface Broken {
  child: string;
  parent: string;
  keys: number;
  rows: number | null;
}

interface Schema {
  version: number;
  found: SchemaRow[];
  repaired: Repaired;
  shadows: Set<string>;
  /** Those that were asked for. */
  tables: Map<string, LiveTable | null>;
}

let known: Known | null = null;

export class SqliteSession implements Session {
  /** Why nothing more may be done in it: it is over, or another one took its place. */
  private ended: DatabaseError | null = null;
  /** Broken foreign keys before the first change of a table; null: not looked at. */
  private brokenBefore: Map<string, Broken> | null = null;
  private read: Schema | null = null;

  constructor(
    private readonly thread: Thread,
    private readonly file: string,
    private readonly patienceMs: number,
  ) {}

  end(error: DatabaseError): void {
    this.ended ??= error;
  }

  async query(sql: string, args: unknown[] = []): Promise<Row[]> {
    if (this.ended !== null) throw this.ended;
    return withPatience(this.patienceMs, () => this.thread.call({ op: 'query', sql, args }));
  }

  async run(sql: string, args: unknown[] = []): Promise<void> {
    if (this.ended !== null) throw this.ended;
    if (this.brokenBefore === null && /^\s*(alter|drop)\s+table/i.test(sql))
      this.brokenBefore = await this.brokenKeys();
    await this.thread.call({ op: 'run', sql, args });
  }

  /**
   * To be called before the commit: foreign keys are off while tables are rebuilt, so what they would have refused is
   * found here.
   */
  async checkKeys(): Promise<void> {
    if (this.brokenBefore === null) return;
    const now = await this.brokenKeys();
    for (const [of, before] of this.brokenBefore) {
      const after = now.get(of);
      // Keys that came back are looked at by what they need: what had not matched before they went is no reason to
      // refuse them.
      if (after === undefined || after.keys !== before.keys || before.rows === null) continue;
      if (after.rows === null)
        throw new DatabaseError(
          'dependents_exist',
          `the foreign key of ${after.child} would refer to columns of ${after.parent} that are no longer unique`,
          { details: { code: 'SQLITE_ERROR' } },
        );
      if (after.rows <= before.rows) continue;
      const count = after.rows - before.rows;
      const [one] = await this.query('select rowid as id from pragma_foreign_key_check(?) where parent = ? limit 1', [
        after.child,
        after.parent,
      ]);
      const example = { table: after.child, rowid: String(one?.['id']) };
      throw new DatabaseError(
        'rows_conflict',
        `${count} rows would no longer have the row that their foreign key names, for example ` +
          `${JSON.stringify(example)}`,
        { details: { count, example, code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } },
      );
    }
  }

  /** By the tables that refer to each other; rows null: a key that names no unique columns, which works for nobody. */
  private async brokenKeys(): Promise<Map<string, Broken>> {
    const found = new Map<string, Broken>();
    const [some] = await this.query("select 1 from sqlite_schema where sql like '%references%' limit 1");
    if (some === undefined) return found;
    const pairs = await this.query(
      'select m.name as child, f."table" as parent, count(distinct f.id) as keys from sqlite_schema m, ' +
        "pragma_foreign_key_list(m.name) f where m.type = 'table' group by 1, 2",
    );
    for (const { child, parent, keys } of pairs) {
      const rows = await this.brokenRows(String(child), String(parent));
      found.set(`${foldName(String(child))}\n${foldName(String(parent))}`, {
        child: String(child),
        parent: String(parent),
        keys: Number(keys),
        rows,
      });
    }
    return found;
  }

  private async brokenRows(child: string, parent: string): Promise<number | null> {
    try {
      const row = firstRow(
        await this.query('select count(*) as broken from pragma_foreign_key_check(?) where parent = ?', [
          child,
          parent,
        ]),
      );
      return Number(row['broken']);
    } catch (error) {
      if (error instanceof DatabaseError && /foreign key mismatch/.test(error.message)) return null;
      throw error;
    }
  }

  async introspect(table: string): Promise<LiveTable | null> {
    const schema = await this.schema();
    const known = schema.tables.get(table);
    if (known !== undefined) return known;
    const live = await this.readTable(schema, table);
    schema.tables.set(table, live);
    return live;
  }

  private async readTable(schema: Schema, table: string): Promise<LiveTable | null> {
    const rows = schema.found.filter((row) => sameName(row.tbl_name, table));
    const own = rows.find((row) => row.type === 'table');
    if (own === undefined || schema.shadows.has(foldName(own.name)) || isVirtual(own)) return null;
    const repaired = firstRow(schema.repaired.rows.filter((row) => row.type === 'table' && row.name === own.name));
    const live = readRows(rows, surroundingsOf(repaired, schema.repaired, await this.known()));
    if (live !== null) await this.refuseMisread(live);
    return live;
  }

  /** Statements are made from the table's text: it must have been taken apart as SQLite takes it apart. */
  private async refuseMisread(live: LiveTable): Promise<void> {
    const rows = await this.query('select name from pragma_table_xinfo(?) order by cid', [live.name]);
    const [there, read] = [rows.map((row) => String(row['name'])), live.columns.map((column) => column.name)];
    if (JSON.stringify(there) === JSON.stringify(read)) return;
    throw new DatabaseError(
      'unsupported_change',
      `the text of table ${live.name} cannot be read here: it has columns ${there.join(', ')}`,
      { details: { there, read } },
    );
  }

  /** The whole schema, as it stands and as this build reads it; read again when it has changed. */
  private async schema(): Promise<Schema> {
    const row = firstRow(await this.query('pragma schema_version'));
    const version = Number(row['schema_version']);
    if (this.read?.version === version) return this.read;
    const rows = await this.query('select type, name, tbl_name, sql from sqlite_schema order by rowid');
    const found = rows.map(readSchemaRow);
    const repaired = repairAll(found, await this.known());
    const shadows = found.some(isVirtual)
      ? await this.query("select name from pragma_table_list where schema = 'main' and type = 'shadow'")
      : [];
    repaired.broken ??= await this.renameProblem(repaired.rows);
    this.read = {
      version,
      found,
      repaired,
      shadows: new Set(shadows.map((shadow) => foldName(String(shadow['name'])))),
      tables: new Map(),
    };
    return this.read;
  }

  /** Asked once for each schema that is met. */
  private async renameProblem(schema: SchemaRow[]): Promise<Repaired['broken']> {
    const key = JSON.stringify(schema);
    if (this.thread.probed?.key !== key) {
      const [probe] = await this.thread.call({ op: 'probe', schema });
      this.thread.probed = { key, problem: typeof probe?.['problem'] === 'string' ? probe['problem'] : null };
    }
    const { problem } = this.thread.probed;
    return problem === null ? null : brokenBy(problem);
  }

  /** What this build of SQLite knows: the same for every file. */
  private async known(): Promise<Known> {
    if (known === null) {
      const [collations, functions] = [
        await this.query('select name from pragma_collation_list'),
        await this.query('select distinct name from pragma_function_list'),
      ];
      const folded = (rows: Row[]): Set<string> => new Set(rows.map((row) => foldName(String(row['name']))));
      known = { collations: folded(collations), functions: folded(functions) };
    }
    return known;
  }

  async rehearse(statements: string[]): Promise<void> {
    if (statements.length === 0) return;
    const { repaired } = await this.schema();
    await this.thread.call({ op: 'rehearse', schema: repaired.rows, statements });
  }

  async occupant(name: string): Promise<string | null> {
    const [row] = await this.query(
      "select type from sqlite_schema where name = ? collate nocase and type in ('table', 'view', 'index')",
      [name],
    );
    return row === undefined ? null : String(row['type']);
  }

  async dependents(table: string, column: string | null, change: Touch = 'remove'): Promise<Dependent[]> {
    const { found, repaired } = await this.schema();
    const { broken } = repaired;
    const carried = change === 'rename' && broken !== null ? carriedIn(found, table, column) : [];
    if (broken !== null && carried.length > 0) {
      const { object, why } = broken;
      throw new DatabaseError(
        'unsupported_change',
        `${object} ${why}, and while it stands so SQLite renames nothing that others name ` +
          `(${carried.map((d) => `${d.kind} ${d.name}`).join(', ')}): mend or drop ${object} first`,
        { details: { broken, dependents: carried } },
      );
    }
    return dependentsOf(found, table, column, change);
  }

  async dependentsOfIndex(live: LiveTable, name: string): Promise<Dependent[]> {
    return dependentsOfIndex((await this.schema()).found, live, name);
  }

  async lacksRight(): Promise<string | null> {
    // The folder too: the journal stands beside the file.
    for (const path of [this.file, dirname(this.file)]) {
      const problem = await access(path, constants.W_OK).then(
        () => null,
        (error: NodeJS.ErrnoException) => error,
      );
      if (problem !== null && ['EACCES', 'EPERM', 'EROFS'].includes(problem.code ?? ''))
        return `${path} is not writable (${problem.code})`;
    }
    return null;
  }

  async readLedger(stepId: string): Promise<LedgerRow[]> {
    const rows = await this.query('select * from _saga_ledger where step_id = ? order by recorded_at, direction', [
      stepId,
    ]);
    return rows.map(readLedgerRow);
  }

  async writeLedger(row: LedgerRow): Promise<void> {
    await this.run(
      'insert or replace into _saga_ledger (step_id, direction, state, fingerprint_before, ' +
        'fingerprint_after, statements, recorded_at) values (?, ?, ?, ?, ?, ?, ?)',
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

/** From what SQLite says of a rename: "error in view v: no such table: main.gone". */
function brokenBy(problem: string): NonNullable<Repaired['broken']> {
  const parts = /^error in (view|trigger|index|table) (.*?)(?: after rename)?: (.*)$/s.exec(problem);
  if (parts === null) return { object: 'an object of this file', why: `cannot be read (${problem})`, total: true };
  return {
    object: `${parts[1]} ${parts[2]}`,
    why: `is broken (${parts[3]})`,
    total: parts[1] === 'index' || parts[1] === 'table',
  };
}

/** The worker never waits for another's lock, so that it stays free: who waits comes again, until the time is over. */
export async function withPatience<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'lock_timeout' || performance.now() >= deadline)
        throw error;
      await sleep(Math.min(5 + Math.random() * 20, Math.max(1, deadline - performance.now())));
    }
  }
}
