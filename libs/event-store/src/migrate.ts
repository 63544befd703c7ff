import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, sqlList } from './core-database.js';
import type { CoreDatabase, Sql, Tx } from './core-database.js';
import { MigrationRefused, NewerCore } from './errors.js';
import { migrating } from './migrate-lock.js';
import { forgetOldAppenders } from './order/mysql.js';
import { packageRoot } from './package-root.js';

interface Migration {
  version: number;
  name: string;
  checksum: string;
  statements: string[];
}

const dayMs = 86_400_000;

/** Always to the letter: SQLite keeps the text, and the schema of every core is the same. */
const MIGRATIONS_TABLE =
  'create table if not exists schema_migrations (\n    version integer not null primary key, ' +
  'name varchar(200) not null, checksum varchar(64) not null, applied_at varchar(24) not null)';

/**
 * Brings the core schema up to what this code knows, and returns the names of what it applied. Any number of
 * processes may do so at once: one works, the others wait and find it done. SQLite and PostgreSQL: all or nothing.
 * MySQL: statement by statement, so its files hold statements that may be run again after a crash.
 * Files: `<directory>/<number>_<name>.<engine>.sql`, statements end with `;` at the end of a line.
 * Another program's database with tables of these names is refused before anything is made.
 * Errors: NewerCore, MigrationRefused, CoreUnavailable; others as the driver gives them.
 */
export async function migrate(core: CoreDatabase, options: { directory?: string } = {}): Promise<string[]> {
  const known = await readMigrations(options.directory ?? join(packageRoot(), 'migrations'), core.engine);
  const applied = await migrating(core, async (tx) => {
    await refuseOthers(tx, core.engine, known);
    return applyMissing(tx, known);
  });
  if (core.engine === 'mysql') await forgetOldAppenders(core, new Date((await core.now()) - dayMs));
  return applied;
}

async function readMigrations(directory: string, engine: CoreDatabase['engine']): Promise<Migration[]> {
  const files = (await readdir(directory))
    .filter((file) => /^\d{4}_/.test(file) && file.endsWith(`.${engine}.sql`))
    .sort();
  const migrations = await Promise.all(
    files.map(async (file) => {
      // Git may check out with other line ends; that is no change.
      const text = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n');
      return {
        version: Number(file.slice(0, 4)),
        name: file.slice(0, -`.${engine}.sql`.length),
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: statementsOf(text),
      };
    }),
  );
  migrations.forEach((migration, i) => {
    if (migration.version !== i + 1)
      throw new MigrationRefused(`migrations must be numbered without gaps: ${migration.name}`);
  });
  return migrations;
}

function statementsOf(text: string): string[] {
  const code = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n');
  return code
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

const OWN = 'schema_migrations';
const OWN_COLUMNS = ['version', 'name', 'checksum', 'applied_at'];

/**
 * Another program's tables are not taken for the core's, whatever an engine would make of it. Once the table of
 * migrations is there, all others are ours: on MySQL a crash may have left some before it left a row.
 */
async function refuseOthers(tx: Tx, engine: CoreDatabase['engine'], known: readonly Migration[]): Promise<void> {
  const names = known.flatMap(({ statements }) => statements.flatMap(madeBy));
  const standing = await tx.query(standingIn(engine, [OWN, ...names]));
  const columns = standing.filter((row) => row['name'] === OWN).map((row) => row['col']);
  const isOurs = columns.length > 0 && OWN_COLUMNS.every((column) => columns.includes(column));
  const others = isOurs ? [] : [...new Set(standing.map((row) => String(row['name'])))].sort();
  if (others.length === 0) return;
  const [what, it] = others.length === 1 ? ['a table', 'it'] : ['tables', 'them'];
  throw new MigrationRefused(
    `the core database has ${what} ${others.join(', ')} of another program, and the service needs ${it} for itself: ` +
      `give it a database ${engine === 'postgres' ? 'or schema ' : ''}of its own`,
  );
}

function madeBy(statement: string): string[] {
  const name = /^create table (?:if not exists )?(\w+)/.exec(statement)?.[1];
  return name === undefined ? [] : [name];
}

/** Whatever has one of these names there, with its columns: one row for each. */
function standingIn(engine: CoreDatabase['engine'], names: readonly string[]): Sql {
  switch (engine) {
    case 'sqlite':
      return sql`select lower(m.name) as name, c.name as col from sqlite_schema m
        left join pragma_table_info(case m.type when 'table' then m.name end) c
        where m.type in ('table', 'view') and lower(m.name) in (${sqlList(names)})`;
    case 'postgres':
      return sql`select c.relname as name, a.attname as col from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = current_schema() and c.relname in (${sqlList(names)})`;
    case 'mysql':
      return sql`select lower(table_name) as name, column_name as col from information_schema.columns
        where table_schema = database() and table_name in (${sqlList(names)})`;
  }
}

async function applyMissing(tx: Tx, known: readonly Migration[]): Promise<string[]> {
  await tx.execute({ texts: [MIGRATIONS_TABLE], values: [] });
  const rows = await tx.query(sql`select version, name, checksum, applied_at from schema_migrations order by version`);
  for (const row of rows) {
    const migration = known.find(({ version }) => version === row.version);
    if (migration === undefined) {
      throw new NewerCore(
        `its schema was brought to ${row.name} on ${row.applied_at}, and this version knows ${known.length} migrations`,
      );
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
