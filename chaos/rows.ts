import type { Literal } from './columns.js';
import type { LiveColumn, LiveTable } from './compare.js';
import { isAside, readTables } from './live.js';
import type { WrittenRow } from './model.js';
import { quote, sql, type Place } from './sql.js';
import type { Random } from './random.js';

/** Writes rows past the program, as a customer's application does, and remembers what was committed. */
export class Rows {
  readonly written: WrittenRow[] = [];
  private next = 1;
  private readonly erased = new Set<string>();

  constructor(private readonly random: Random) {}

  of(table: number, database: string): WrittenRow[] {
    return this.written.filter((row) => row.table === table && row.database === database);
  }

  /** Best effort: a table that is not there, or locked, or of another shape by then, gets none. */
  async insert(table: number, place: Place): Promise<boolean> {
    const found = await this.find(table, place);
    if (found === undefined) return false;
    const n = this.next++;
    const chosen = found.columns.filter(
      (c) => !c.primaryKey && ((!c.nullable && !c.hasDefault) || this.random.chance(0.8)),
    );
    const values = chosen.map((c) => ({
      name: c.name,
      value: c.nullable && this.random.chance(0.1) ? null : valueFor(c, n),
    }));
    const row: WrittenRow = {
      table,
      database: place.name,
      key: n,
      certain: true,
      values: values.map(({ name, value }) => ({ name, allowed: [value] })),
      lastWriteAt: Date.now(),
    };
    const q = (name: string): string => quote(place.engine, name);
    const names = [keyOf(found, table)!, ...values.map((v) => v.name)];
    const outcome = await this.commit(
      place,
      `insert into ${q(found.name)} (${names.map(q).join(', ')}) values ` +
        `(${names.map((_, i) => (place.engine === 'postgres' ? `$${i + 1}` : '?')).join(', ')})`,
      [n, ...values.map((v) => v.value)],
    );
    if (outcome !== 'refused') this.written.push({ ...row, certain: outcome === 'committed', lastWriteAt: Date.now() });
    return outcome === 'committed';
  }

  /** One column of one row that is there for certain. */
  async update(table: number, place: Place): Promise<void> {
    const candidates = this.of(table, place.name).filter((row) => row.certain);
    const found = candidates.length === 0 ? undefined : await this.find(table, place);
    const columns = found?.columns.filter((c) => !c.primaryKey) ?? [];
    if (found === undefined || columns.length === 0) return;
    const row = this.random.pick(candidates);
    const column = this.random.pick(columns);
    const value = valueFor(column, this.next++);
    const q = (name: string): string => quote(place.engine, name);
    const [first, second] = place.engine === 'postgres' ? ['$1', '$2'] : ['?', '?'];
    const outcome = await this.commit(
      place,
      `update ${q(found.name)} set ${q(column.name)} = ${first} where ${q(keyOf(found, table)!)} = ${second}`,
      [value, row.key],
    );
    if (outcome === 'refused') return;
    row.lastWriteAt = Date.now();
    if (outcome === 'committed') row.values.push({ name: column.name, allowed: [value] });
    // Under another name before, perhaps: what it held then cannot be told apart from here, so nothing is claimed of
    // it.
    else row.values.push({ name: column.name, allowed: ANYTHING });
  }

  /** One row of an application, gone for good. */
  async erase(table: number, place: Place): Promise<void> {
    const candidates = this.of(table, place.name).filter((row) => row.certain);
    const found = candidates.length < 4 ? undefined : await this.find(table, place);
    if (found === undefined) return;
    const row = this.random.pick(candidates);
    this.erased.add(`${table} ${place.name} ${row.key}`);
    const outcome = await this.commit(
      place,
      `delete from ${quote(place.engine, found.name)} where ${quote(place.engine, keyOf(found, table)!)} = ${row.key}`,
      [],
    );
    // Committed on a table that was just being set aside: it may have been there still, or not.
    if (outcome !== 'refused') row.certain = false;
  }

  isErased(table: number, database: string, key: number): boolean {
    return this.erased.has(`${table} ${database} ${key}`);
  }

  /** A column of this name went by hand, with what stood in it. */
  forget(table: number, database: string, name: string): void {
    for (const row of this.of(table, database)) row.values.push({ name, allowed: ANYTHING });
  }

  /** Rows written since, taken out again: what an operator does when an undo says that rows do not fit. */
  async remove(table: number, place: Place, since: number): Promise<number> {
    const doomed = this.of(table, place.name).filter((row) => row.lastWriteAt >= since);
    const found = await this.find(table, place);
    if (found === undefined) return 0;
    for (const row of doomed) {
      this.erased.add(`${table} ${place.name} ${row.key}`);
      await sql(
        place,
        `delete from ${quote(place.engine, found.name)} where ${quote(place.engine, keyOf(found, table)!)} = ` +
          `${row.key}`,
      );
      this.written.splice(this.written.indexOf(row), 1);
    }
    return doomed.length;
  }

  private async find(table: number, place: Place): Promise<LiveTable | undefined> {
    try {
      return (await readTables(place)).find((t) => !isAside(t.name) && keyOf(t, table) !== undefined);
    } catch {
      return undefined; // its server is down just now
    }
  }

  private async commit(place: Place, text: string, params: Literal[]): Promise<'committed' | 'refused' | 'unknown'> {
    try {
      if (place.engine === 'postgres')
        await sql({ ...place, url: `${place.url}?options=-c%20lock_timeout%3D2500` }, text, params);
      else
        await sql(
          place,
          place.engine === 'mysql' ? `set statement lock_wait_timeout=3, innodb_lock_wait_timeout=3 for ${text}` : text,
          params,
        );
      return 'committed';
    } catch (error) {
      return isAnswer(error) ? 'refused' : 'unknown';
    }
  }
}

/** No answer says whether it was committed: any value will do. */
export const ANYTHING: Literal[] = [];

/** The server itself refused it; anything else is a lost connection. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, sqlState, routine } = error as { code?: string; sqlState?: string; routine?: string };
  if (code === 'ECONNREFUSED' || code === '57P03') return true; // it never came to the statement
  if (routine !== undefined) return !(code ?? '').startsWith('57P');
  return sqlState !== undefined ? !/^(08|70)/.test(sqlState) : (code ?? '').startsWith('SQLITE_');
}

/** The key column's name is the table's alone: `k7`, or `k7_12` once renamed. */
export function keyOf(table: LiveTable, number: number): string | undefined {
  return table.columns.find((c) => c.primaryKey && new RegExp(`^k${number}(_\\d+)?$`).test(c.name))?.name;
}

/**
 * A value that fits the column as it is, different for every `n`. Columns with an even number in their name get digits
 * alone, so that they can become numbers.
 */
export function valueFor(column: LiveColumn, n: number): Literal {
  const type = column.native.toLowerCase();
  const length = Number(/\((\d+)\)/.exec(type)?.[1] ?? 255);
  if (/^(smallint)/.test(type)) return n % 32000;
  if (/^(tinyint\(1\)|boolean)/.test(type)) return type === 'boolean' ? (n % 2 === 0 ? 1 : 0) : n % 2;
  if (/^int/.test(type)) return n;
  if (/^bigint/.test(type)) return column.name.length % 2 === 0 ? n : n * 1_000_003;
  if (/^(decimal|numeric)/.test(type)) return `${n}.25`;
  if (/^double/.test(type)) return n + 0.5;
  if (/^(uuid|char\(36\)|uuid_text)/.test(type)) return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  if (/^date$/.test(type)) return new Date(Date.UTC(2020, 0, 1 + (n % 3000))).toISOString().slice(0, 10);
  if (/^(timestamp|datetime)/.test(type))
    return new Date(Date.UTC(2021, 0, 1, 0, 0, n)).toISOString().slice(0, 19).replace('T', ' ');
  if (/^json/.test(type)) return JSON.stringify({ n });
  return (/[02468]$/.test(column.name) ? String(n) : `v${n} ü`).slice(0, length);
}
