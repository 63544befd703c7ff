import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDatabase, engineNames, type TestDatabase } from '../testing/core-databases.js';
import { dumpSchema } from '../testing/dump-schema.js';
import { sql, type CoreDatabase } from './core-database.js';
import { MigrationRefused } from './errors.js';
import { migrate } from './migrate.js';

const released = fileURLToPath(new URL('../../../migrations', import.meta.url));

describe.each(engineNames)('migrations: %s', (engine) => {
  let database: TestDatabase;
  let core: CoreDatabase;
  let directory: string;

  beforeEach(async () => {
    database = await createDatabase(engine);
    core = await database.open();
    directory = await mkdtemp(join(tmpdir(), 'migrations-'));
    await cp(released, directory, { recursive: true });
  });
  afterEach(async () => {
    await database.drop();
    await rm(directory, { recursive: true });
  });

  const applied = async (): Promise<unknown[]> =>
    (await core.query(sql`select name from schema_migrations order by version`)).map(({ name }) => name);
  const add = async (text: string): Promise<string> => {
    const name = `${String((await applied()).length + 1).padStart(4, '0')}_added`;
    await writeFile(join(directory, `${name}.${engine}.sql`), text);
    return name;
  };

  test('the dump of the result is up to date', async () => {
    await migrate(core);
    const dump = await dumpSchema(core);
    const file = join(released, `schema.${engine}.sql`);
    if (process.env.UPDATE_SCHEMA_DUMP === '1') await writeFile(file, dump);
    expect(dump).toBe(await readFile(file, 'utf8'));
  });

  test.each([
    ['events', 'create table events (id integer not null primary key)'],
    ['tables', 'create table tables (id integer not null primary key)'],
    ['commands', 'create view commands as select 1 as one'],
    ['schema_migrations', 'create table schema_migrations (version varchar(200) not null primary key)'],
    ['schema_migrations', 'create table schema_migrations (version bigint not null primary key, dirty integer)'],
  ])("another program's %s are not taken: %s", async (name, made) => {
    await core.execute({ texts: [made], values: [] });
    const failed = migrate(core, { directory });
    await expect(failed).rejects.toThrow(MigrationRefused);
    await expect(failed).rejects.toThrow(`has a table ${name} of another program`);
    await core.execute({ texts: [made.replace(/^create (table|view) (\w+).*/, 'drop $1 $2')], values: [] });
    expect((await migrate(core, { directory })).length).toBeGreaterThan(0);
  });

  test('are applied once, and the next start applies what is new', async () => {
    const names = await migrate(core, { directory });
    expect(names[0]).toBe('0001_events');
    expect(await migrate(core, { directory })).toEqual([]);
    const name = await add(
      '-- two statements\ncreate table added (id integer not null primary key);\n\ninsert into added values (7);\n',
    );
    expect(await migrate(core, { directory })).toEqual([name]);
    expect(await core.query(sql`select id from added`)).toEqual([{ id: 7 }]);
    expect(await applied()).toEqual([...names, name]);
  });

  test('10 processes that start at once: one applies, the others wait', async () => {
    const cores = await Promise.all(Array.from({ length: 10 }, () => database.open()));
    const results = await Promise.all(cores.map((one) => migrate(one, { directory })));
    expect(results.filter((names) => names.length > 0)).toHaveLength(1);
  });

  test('a schema newer than the code is refused', async () => {
    await migrate(core, { directory });
    await core.execute(sql`insert into schema_migrations values (${9999}, ${'9999_future'}, ${'-'}, ${'-'})`);
    const refused = await migrate(core, { directory }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(MigrationRefused);
    expect(String(refused)).toContain('9999_future');
  });

  test('a released file that was edited is refused; other line ends are no edit', async () => {
    const names = await migrate(core, { directory });
    const file = join(directory, `${names[0]}.${engine}.sql`);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll('\n', '\r\n'));
    expect(await migrate(core, { directory })).toEqual([]);
    await writeFile(file, `${text}\n-- edited`);
    await expect(migrate(core, { directory })).rejects.toBeInstanceOf(MigrationRefused);
  });

  test('one that fails half-way is not recorded, lets go of its lock, and works when run again', async () => {
    await migrate(core, { directory });
    const name = await add(
      'create table if not exists added (id integer not null primary key);\n\ninsert into nowhere values (1);\n',
    );
    await expect(migrate(core, { directory })).rejects.toMatchObject({ message: expect.stringContaining('nowhere') });
    await writeFile(
      join(directory, `${name}.${engine}.sql`),
      'create table if not exists added (id integer not null primary key);\n\ninsert into added values (1);\n',
    );
    const other = await database.open();
    expect(await migrate(other, { directory })).toEqual([name]);
    expect(await core.query(sql`select id from added`)).toEqual([{ id: 1 }]);
  }, 20_000);
});
