import Database from 'better-sqlite3';
import { setTimeout as sleep } from 'node:timers/promises';
import { query, type Row } from '../testing/fixtures.js';
import type { EngineName } from './columns.js';

/** A database as somebody else than the program reaches it: directly. */
export interface Place {
  name: string;
  engine: EngineName;
  url: string;
}

const BUSY_TRIES = 100;

/**
 * One statement. A SQLite file that is locked is tried again here and not in the driver, which would hold up this whole
 * process, and with it the lock's own end.
 */
export async function sql<T extends object = Row>(
  place: Pick<Place, 'engine' | 'url'>,
  text: string,
  params: unknown[] = [],
): Promise<T[]> {
  if (place.engine !== 'sqlite') return query<T>(place.url, text, params);
  for (let attempt = 1; ; attempt++) {
    try {
      return onFile(place.url, (file) => {
        const statement = file.prepare<unknown[], T>(text);
        if (statement.reader) return statement.all(...params);
        statement.run(...params);
        return [];
      });
    } catch (error) {
      if (!isBusy(error) || attempt === BUSY_TRIES) throw error;
      await sleep(50);
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^SQLITE_(BUSY|LOCKED)/.test(String(error.code));
}

/** Another process's write transaction, as the file sees it. */
export async function holdFile(url: string, ms: number): Promise<void> {
  const file = open(url);
  try {
    file.exec('begin immediate');
    await sleep(ms);
    file.exec('rollback');
  } finally {
    file.close();
  }
}

function onFile<T>(url: string, use: (file: Database.Database) => T): T {
  const file = open(url);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

function open(url: string): Database.Database {
  return new Database(url.slice('sqlite:'.length), { timeout: 20 });
}

export function quote(engine: EngineName, name: string): string {
  return engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}

/** Until it works: servers are being restarted. */
export async function patiently<T>(work: () => Promise<T>, tries = 40): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === tries) throw error;
      await sleep(250);
    }
  }
}
