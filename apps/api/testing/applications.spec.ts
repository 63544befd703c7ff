import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadDump, schemaText } from '../../../testing/dumps.js';
import { freshMysql, freshPostgres, freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Service } from './service.js';

/**
 * Schemas of real applications, taken through every kind of change. Nothing of them is in the repository: TEST_SCHEMAS
 * names a folder of
 * dumps called <application>.<postgres|mysql|sqlite>.sql, else ../shared/schemas is looked at. TEST_SCHEMAS_TABLES: how
 * many tables of
 * each (all when 0).
 */
const FOLDER = process.env['TEST_SCHEMAS'] ?? resolve('../shared/schemas');
const MOST = Number(process.env['TEST_SCHEMAS_TABLES'] ?? 6);
const DUMPS = existsSync(FOLDER)
  ? readdirSync(FOLDER).filter((name) => /^[a-z]+\.(postgres|mysql|sqlite)\.sql$/.test(name))
  : [];
const FRESH: Record<string, () => Promise<Fresh>> = { postgres: freshPostgres, mysql: freshMysql, sqlite: freshSqlite };

/** A change that may be refused for a reason that holds; nothing may be touched then. */
const REASONS = [
  'dependents_exist',
  'unsupported_change',
  'rows_conflict',
  'lossy_conversion',
  'not_null_without_default',
  'permission_denied',
];

interface Column {
  name: string;
  type: string;
  primary_key: boolean;
  generated: boolean;
}
interface Refusal {
  table: string;
  change: string;
  code: string;
  message: string;
}

const refused: Record<string, Refusal[]> = {};
const done: Record<string, number> = {};

class Application {
  private readonly refusals: Refusal[] = [];
  private readonly problems: string[] = [];
  private completed = 0;

  constructor(
    private readonly s: Service,
    private readonly database: string,
    private readonly url: string,
  ) {}

  async walk(): Promise<void> {
    const adopted = await this.s.call(
      'POST',
      `/databases/${this.database}/adopt`,
      { tables: 'all' },
      { Prefer: 'wait=60' },
    );
    expect([adopted.status, adopted.body['detail']]).toEqual([200, undefined]);
    const ids = await this.tables();
    for (const [id, name] of MOST === 0 ? ids : ids.slice(0, MOST)) await this.table(id, name);
    [refused[this.database], done[this.database]] = [this.refusals, this.completed];
    expect(this.problems).toEqual([]);
  }

  private async tables(): Promise<[id: string, name: string][]> {
    const { body } = await this.s.call('GET', `/tables?database=${this.database}&limit=500`);
    return (body['tables'] as { table_id: string; name: string }[]).map((table) => [table.table_id, table.name]);
  }

  private async table(id: string, name: string): Promise<void> {
    const columns = await this.columns(id);
    const version = await this.version(id);
    await this.changedAndReverted(id, name, version);
    await this.renamedAndBack(id, name);
    for (const column of columns) await this.droppedAndReverted(id, name, column, version);
    await this.droppedAndRestored(id, name);
  }

  /** Added, altered, renamed, dropped: each alone, and back to what was adopted. */
  private async changedAndReverted(id: string, name: string, version: number): Promise<void> {
    await this.toTheLetter(name, 'add and revert', async () => {
      if (
        !(await this.did(name, 'add', '/table/column', {
          table_id: id,
          column: { name: 'saga_extra', type: 'string', length: 30, default: 'x' },
        }))
      )
        return;
      await this.did(name, 'alter', '/table/column', { table_id: id, column: { name: 'saga_extra', type: 'text' } });
      await this.did(name, 'rename', '/table/column', {
        table_id: id,
        column: { name: 'saga_extra', rename_to: 'saga_other' },
      });
      await this.must(name, 'revert', '/table/revert', { table_id: id, version });
    });
  }

  private async renamedAndBack(id: string, name: string): Promise<void> {
    await this.toTheLetter(name, 'rename and back', async () => {
      if (!(await this.did(name, 'rename table', '/table/rename', { table_id: id, name: 'saga_renamed' }))) return;
      await this.must(name, 'rename table back', '/table/rename', { table_id: id, name });
    });
  }

  private async droppedAndReverted(id: string, name: string, column: Column, version: number): Promise<void> {
    await this.toTheLetter(name, `drop ${column.name} and revert`, async () => {
      if (
        !(await this.did(name, `drop ${column.name}`, '/table/column', { table_id: id, column: { name: column.name } }))
      )
        return;
      await this.must(name, `revert the drop of ${column.name}`, '/table/revert', { table_id: id, version });
    });
  }

  private async droppedAndRestored(id: string, name: string): Promise<void> {
    await this.toTheLetter(name, 'drop and restore', async () => {
      if (!(await this.did(name, 'drop table', '/table/delete', { table_id: id }))) return;
      await this.must(name, 'restore', '/table/restore', { table_id: id });
    });
  }

  /** Whether it was done; a refusal must have a reason, told beforehand, in the customer's own words. */
  private async did(table: string, change: string, path: string, body: object): Promise<boolean> {
    const { status, body: answer } = await this.s.call('POST', path, body, WAIT);
    if (status === 200) {
      this.completed++;
      return true;
    }
    const saga = answer['saga'] as { error?: { code: string; message: string } } | undefined;
    const { code, message } = saga?.error ?? { code: String(answer['code']), message: String(answer['detail']) };
    this.refusals.push({ table, change, code, message });
    const told = answer['code'] === 'saga_rejected' || answer['code'] === 'unsupported_change';
    if (!told || !REASONS.includes(code) || message.includes('_saga_'))
      this.fail(table, change, `${answer['code']}: ${code}: ${message}`);
    return false;
  }

  /** The way back that was promised. */
  private async must(table: string, change: string, path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.s.call('POST', path, body, WAIT);
    if (status === 200) this.completed++;
    else this.fail(table, change, `${status}: ${answer['code']}: ${answer['detail']}`);
  }

  private async toTheLetter(table: string, change: string, work: () => Promise<void>): Promise<void> {
    const before = await schemaText(this.url);
    await work();
    const after = await schemaText(this.url);
    const lost = before.filter((part) => !after.includes(part));
    const came = after.filter((part) => !before.includes(part));
    const alike = asTheEngineWrites(this.url);
    if (lost.map(alike).sort().join() !== came.map(alike).sort().join())
      this.fail(table, change, JSON.stringify({ lost, came }, null, 1));
  }

  private fail(table: string, change: string, why: string): void {
    this.problems.push(`${table}: ${change}: ${why}`);
  }

  private async columns(id: string): Promise<Column[]> {
    return Object.values((await this.s.call('GET', `/tables/${id}`)).body['table'].columns as Record<string, Column>);
  }

  private async version(id: string): Promise<number> {
    return (await this.s.call('GET', `/tables/${id}`)).body['table'].version as number;
  }
}

/** Without what the engine itself writes otherwise once something went and came back. */
function asTheEngineWrites(url: string): (part: string) => string {
  if (url.startsWith('postgres')) return sorted;
  return url.startsWith('sqlite') ? unquoted : (part) => part;
}

/** On PostgreSQL a column that left its table comes back last: the same lines, in another order. */
function sorted(part: string): string {
  return part
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort()
    .join('\n');
}

/** SQLite quotes each name that it renames, wherever it stands. */
function unquoted(part: string): string {
  return part.replaceAll(/"(\w+)"|\[(\w+)\]/g, '$1$2');
}

describe('the schema of', () => {
  let s: Service;
  const fresh: Fresh[] = [];
  beforeAll(async () => {
    s = await service({ SAGA_CONCURRENCY: '16' });
  });
  afterAll(async () => {
    await s.stop();
    await Promise.all(fresh.map((one) => one.drop()));
    for (const [application, refusals] of Object.entries(refused)) {
      if (process.env['TEST_SCHEMAS_REPORT'] === undefined) continue;
      process.stdout.write(`${application}: ${done[application]} done, ${refusals.length} refused\n`);
      for (const { table, change, code, message } of refusals)
        process.stdout.write(`  ${table}: ${change}: ${code}: ${message}\n`);
    }
  });

  if (DUMPS.length === 0) test.skip('an application: no dumps in TEST_SCHEMAS', () => {});
  for (const dump of DUMPS) {
    const [application, engine] = dump.split('.') as [string, string];
    test(`${application} on ${engine} comes out to the letter, or what it refuses has a reason`, async () => {
      const place = await FRESH[engine]!();
      fresh.push(place);
      await loadDump(place.url, join(FOLDER, dump));
      const database = `${application}_${engine}`;
      expect((await s.call('POST', '/databases', { name: database, url: place.url })).status).toBe(201);
      await new Application(s, database, place.url).walk();
    }, 1_800_000);
  }
});
