import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseUrl } from '#byodb';
import { isEnded, loadSaga } from '#sagas';
import { loadTable, type Table } from '#tables';
import { takePicture, type Picture } from './picture.js';
import { Points } from './points.js';
import {
  AROUND,
  AROUND_CLAUSES,
  GIVEN_COLUMNS,
  GIVEN_STATEMENTS,
  OPERATIONS,
  TABLE,
  type Operation,
  type OperationName,
  type Role,
} from './scenarios.js';
import { amend, connect, runAll, type Client, type Servers } from './servers.js';
import { found, openWorld, request, type Place, type Target, type World } from './world.js';

export interface Template {
  engine: string;
  operation: OperationName;
  place: Place;
  before: { pictures: Record<Role, Picture>; table: Table };
}

/**
 * Prepares the databases of an engine once, with rows and the pending change, and gives every case a copy of its own.
 */
export class Stage {
  private count = 0;
  private readonly made = new Map<string, Promise<{ core: string; targets: Target[]; tableId: string }>>();
  private readonly clients = new Map<string, Promise<Client>>();
  private readonly tag = Math.random().toString(36).slice(2, 8);

  constructor(
    private readonly dir: string,
    private readonly servers: Servers,
  ) {}

  async template(engine: string, operation: OperationName): Promise<Template> {
    const one: Operation = OPERATIONS[operation];
    const { given, byHand, around, ask } = one;
    const key = `${engine}_${given.length === 0 && byHand === undefined && around === undefined ? 'plain' : operation}`;
    const base = this.made.get(key) ?? this.base(engine, key, one);
    this.made.set(key, base);
    const { core, targets, tableId } = await base;
    const place = { core: `${core}-${operation}`, targets };
    await copyFile(fileOf(core), fileOf(place.core));
    const world = await openWorld(place, new Points(null), 'forward', () => undefined);
    try {
      const asked = await request(world, targets, ask.do === 'create' || ask.do === 'adopt' ? null : tableId, ask);
      const pictures = {
        engine: await takePicture(world.connection('engine')),
        other: await takePicture(world.connection('other')),
      };
      const table = (await loadTable(world.core, asked.tableId))!;
      return {
        engine,
        operation,
        place: { ...place, ...asked },
        before: { pictures, table: { ...table, pending: [] } },
      };
    } finally {
      await world.close();
    }
  }

  /** A copy that one case may spoil. */
  async copy({ place }: Template): Promise<{ place: Place; drop(): Promise<void> }> {
    const name = `case_${this.tag}_${++this.count}`;
    const dir = join(this.dir, name);
    await mkdir(dir);
    const core = `sqlite:${join(dir, 'core.db')}`;
    await copyFile(fileOf(place.core), fileOf(core));
    const targets = await Promise.all(
      place.targets.map(async (target) => ({ ...target, url: await this.copyDatabase(target, name, dir) })),
    );
    return {
      place: { ...place, core, targets },
      drop: async () => {
        for (const target of targets) await this.drop(target, name);
        await rm(dir, { recursive: true, force: true });
      },
    };
  }

  private async base(
    engine: string,
    key: string,
    { given, byHand = [], around, ask }: Operation,
  ): Promise<{ core: string; targets: Target[]; tableId: string }> {
    const dir = join(this.dir, `base_${key}`);
    await mkdir(dir);
    const core = `sqlite:${join(dir, 'core.db')}`;
    let targets = await found(core, [
      { role: 'engine', url: await this.emptyDatabase(engine, key, dir), engine },
      { role: 'other', url: `sqlite:${join(dir, 'other.db')}`, engine: 'sqlite' },
    ]);
    const tableId = await inWorld({ core, targets }, async (world) => {
      const asked = await request(world, targets, null, { do: 'create', name: TABLE, columns: GIVEN_COLUMNS });
      await complete(world, asked.sagaId);
      return asked.tableId;
    });
    for (const { url } of targets) await runAll(url, GIVEN_STATEMENTS);
    if (around !== undefined) {
      if (engine === 'sqlite') amend(targets[0]!.url, TABLE, AROUND_CLAUSES);
      await runAll(targets[0]!.url, [...AROUND[engine as keyof typeof AROUND], ...around]);
    }
    const backup = ask.do === 'catch_up' ? await this.backUp(targets[0]!, key) : null;
    await inWorld({ core, targets }, async (world) => {
      for (const one of given) await complete(world, (await request(world, targets, tableId, one)).sagaId);
    });
    await runAll(targets[0]!.url, byHand);
    if (backup !== null) targets = [{ ...targets[0]!, url: backup }, targets[1]!];
    return { core, targets, tableId };
  }

  private async backUp(target: Target, key: string): Promise<string> {
    const dir = join(this.dir, `backup_${key}`);
    await mkdir(dir);
    return this.copyDatabase(target, `backup_${this.tag}_${key}`, dir);
  }

  private async emptyDatabase(engine: string, key: string, dir: string): Promise<string> {
    if (engine === 'sqlite') return `sqlite:${join(dir, 'engine.db')}`;
    await (
      await this.client(engine)
    ).run(`create database base_${this.tag}_${key}${engine === 'mysql' ? ' character set utf8mb4' : ''}`);
    return withDatabase(this.servers[engine]!, `base_${this.tag}_${key}`);
  }

  private async copyDatabase(target: Target, name: string, dir: string): Promise<string> {
    if (target.engine === 'sqlite') {
      const url = `sqlite:${join(dir, `${target.role}.db`)}`;
      await copyFile(fileOf(target.url), fileOf(url));
      return url;
    }
    const server = await this.client(target.engine);
    const from = (parseUrl(target.url) as { database: string }).database;
    if (target.engine === 'postgres') await server.run(`create database ${name} template ${from}`);
    else {
      await server.run(`create database ${name} character set utf8mb4`);
      await copyMysql(await connect(withDatabase(this.servers[target.engine]!, name)), from, name);
    }
    return withDatabase(this.servers[target.engine]!, name);
  }

  private async drop(target: Target, name: string): Promise<void> {
    if (target.engine === 'postgres')
      await (await this.client('postgres')).run(`drop database if exists ${name} with (force)`);
    if (target.engine === 'mysql') await (await this.client('mysql')).run(`drop database if exists ${name}`);
  }

  /** For making and dropping copies. */
  private client(engine: string): Promise<Client> {
    const url = this.servers[engine];
    if (url === undefined) throw new Error(`no server for ${engine}`);
    const client = this.clients.get(engine) ?? connect(url);
    this.clients.set(engine, client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) await (await client).close();
  }
}

/** With foreign keys, triggers and views, which CREATE TABLE … LIKE leaves out. */
async function copyMysql(copy: Client, from: string, name: string): Promise<void> {
  try {
    await copy.run('set foreign_key_checks = 0');
    const listed = async (what: string, catalog: string, where: string): Promise<string[]> =>
      (await copy.run(`select ${what} as name from information_schema.${catalog} where ${where} = '${from}'`)).map(
        (row) => String(row['name']),
      );
    const views = await listed('table_name', 'views', 'table_schema');
    for (const table of await listed('table_name', 'tables', `table_type <> 'VIEW' and table_schema`)) {
      await copy.run(String((await copy.run(`show create table ${from}.${table}`))[0]!['Create Table']));
      // By name: an invisible column is not in `*`. One that the engine generates is not written.
      const columns = (
        await listed(
          'column_name',
          'columns',
          `coalesce(generation_expression, '') = '' and table_name = '${table}' and table_schema`,
        )
      )
        .map((column) => `\`${column}\``)
        .join(', ');
      await copy.run(`insert into ${table} (${columns}) select ${columns} from ${from}.${table}`);
    }
    for (const trigger of await listed('trigger_name', 'triggers', 'trigger_schema'))
      await copy.run(String((await copy.run(`show create trigger ${from}.${trigger}`))[0]!['SQL Original Statement']));
    for (const view of views)
      await copy.run(
        String((await copy.run(`show create view ${from}.${view}`))[0]!['Create View']).replaceAll(
          `\`${from}\`.`,
          `\`${name}\`.`,
        ),
      );
  } finally {
    await copy.close();
  }
}

async function inWorld<T>(place: Pick<Place, 'core' | 'targets'>, work: (world: World) => Promise<T>): Promise<T> {
  const world = await openWorld(place, new Points(null), 'forward', () => undefined);
  try {
    world.orchestrator.start();
    return await work(world);
  } finally {
    await world.close();
  }
}

async function complete(world: World, sagaId: string): Promise<void> {
  for (;;) {
    const saga = (await loadSaga(world.core, sagaId))!;
    if (saga.status === 'completed') return;
    if (isEnded(saga)) throw new Error(`the table of the cases was not made: ${JSON.stringify(saga.error)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function fileOf(url: string): string {
  return url.slice('sqlite:'.length);
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
