import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from './core-database.js';
import type { CoreDatabase, Tx } from './core-database.js';
import { CoreUnavailable, MigrationRefused } from './errors.js';
import { forgetOldAppenders } from './order/mysql.js';

interface Migration { version: number; name: string; checksum: string; statements: string[] }

/** Any two numbers that nothing else in the database uses: the key of the lock that migrating processes share. */
const postgresLock = 0x53534d49;
const mysqlLockSeconds = 120;
const dayMs = 86_400_000;

/**
 * Brings the core schema up to what this code knows, and returns the names of what it applied. Any number of
 * processes may do so at once: one works, the others wait and find it done. SQLite and PostgreSQL: all or nothing.
 * MySQL: statement by statement, so its files hold statements that may be run again after a crash.
 * Files: `<directory>/<number>_<name>.<engine>.sql`, statements end with `;` at the end of a line.
 * Errors: MigrationRefused, CoreUnavailable; others as the driver gives them.
 */
export async function migrate(core: CoreDatabase, options: { directory?: string } = {}): Promise<string[]> {
  const known = await readMigrations(options.directory ?? defaultDirectory(), core.engine);
  const applied = await core.transaction((tx) => locked(core.engine, tx, () => applyMissing(tx, known)));
  if (core.engine === 'mysql') await forgetOldAppenders(core, new Date(await core.now() - dayMs));
  return applied;
}

/** `migrations/` beside the package.json above this file: right from source and from dist/. */
function defaultDirectory(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error('no package.json above the event store: pass migrate() a directory');
    folder = dirname(folder);
  }
  return join(folder, 'migrations');
}

async function readMigrations(directory: string, engine: CoreDatabase['engine']): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => /^\d{4}_/.test(file) && file.endsWith(`.${engine}.sql`)).sort();
  const migrations = await Promise.all(files.map(async (file) => {
    // Git may check out with other line ends; that is no change.
    const text = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n');
    return {
      version: Number(file.slice(0, 4)),
      name: file.slice(0, -`.${engine}.sql`.length),
      checksum: createHash('sha256').update(text).digest('hex'),
      statements: statementsOf(text),
    };
  }));
  migrations.forEach((migration, i) => {
    if (migration.version !== i + 1) throw new MigrationRefused(`migrations must be numbered without gaps: ${migration.name}`);
  });
  return migrations;
}

function statementsOf(text: string): string[] {
  const code = text.split('\n').filter((line) => !line.trimStart().startsWith('--')).join('\n');
  return code.split(/;[ \t]*$/m).map((statement) => statement.trim()).filter((statement) => statement !== '');
}

async function locked<T>(engine: CoreDatabase['engine'], tx: Tx, run: () => Promise<T>): Promise<T> {
  // "begin immediate" has already locked the file.
  if (engine === 'sqlite') return run();
  if (engine === 'postgres') {
    await tx.query(sql`select pg_advisory_xact_lock(${postgresLock})`);
    return run();
  }
  // MySQL ends the transaction at the first DDL, so only a lock of the session holds; and it is the server's, so it names the database.
  const name = sql`concat('schemasaga_migrate_', left(sha1(database()), 40))`;
  const [answer] = await tx.query(sql`select get_lock(${name}, ${mysqlLockSeconds}) as held`);
  if (answer!.held !== 1) throw new CoreUnavailable(`another process has been migrating for over ${mysqlLockSeconds} s`);
  const result = await run();
  // When it fails, the rollback gives the lock back (core/mysql.ts).
  await tx.query(sql`select release_lock(${name})`);
  return result;
}

async function applyMissing(tx: Tx, known: readonly Migration[]): Promise<string[]> {
  await tx.execute(sql`create table if not exists schema_migrations (
    version integer not null primary key, name varchar(200) not null, checksum varchar(64) not null, applied_at varchar(24) not null)`);
  const rows = await tx.query(sql`select version, name, checksum from schema_migrations order by version`);
  for (const row of rows) {
    const migration = known.find(({ version }) => version === row.version);
    if (migration === undefined) {
      throw new MigrationRefused(`the core database has schema version ${row.version} (${row.name}); this code knows ${known.length}: it is too old`);
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationRefused(`migration ${migration.name} was edited after it was applied: add a new one instead`);
    }
  }
  const missing = known.slice(rows.length);
  for (const { version, name, checksum, statements } of missing) {
    for (const statement of statements) await tx.execute({ texts: [statement], values: [] });
    await tx.execute(sql`insert into schema_migrations (version, name, checksum, applied_at)
      values (${version}, ${name}, ${checksum}, ${new Date().toISOString()})`);
  }
  return missing.map(({ name }) => name);
}
