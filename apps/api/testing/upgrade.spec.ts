import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { restoreDump } from '../../../testing/copy-database.js';
import { freshMysql, freshPostgres, query, type Fresh } from '../../../testing/fixtures.js';
import { Vault } from '../src/databases/vault.js';
import { start, verifyOffline, type Running } from './processes.js';
import type { Reply } from './service.js';

// What services of earlier versions left behind when they were killed; testing/upgrades/record.js writes them.
const archives = fileURLToPath(new URL('../../../testing/upgrades', import.meta.url));
const names = (await readdir(archives))
  .filter((file) => file.endsWith('.tar.gz'))
  .map((file) => file.slice(0, -'.tar.gz'.length))
  .sort();
const FOR_EVER = {
  RETENTION_SECONDS: String(10 ** 10),
  CHANGE_DEADLINE_SECONDS: String(10 ** 9),
  DRIFT_CHECK_SECONDS: '0',
};

type Body = Reply['body'];
interface Answers {
  list: Body;
  dropped: Body;
  tables: Record<string, { show: Body; history: Body; replay: Body }>;
  drift: Record<string, Body>;
  moving: string;
  born: string;
}

/** By read model: the shapes that archives were found in. */
const met = new Map<string, Set<number>>();

interface Left {
  data: string;
  core: string;
  answers: Answers;
  environment: Record<string, string>;
  end(): Promise<void>;
}

async function unpack(name: string): Promise<Left> {
  const folder = await mkdtemp(join(tmpdir(), 'upgrade-'));
  await promisify(execFile)('tar', ['-x', '-z', '-f', join(archives, `${name}.tar.gz`), '-C', folder]);
  const data = join(folder, 'data');
  const server: Fresh | null = name.endsWith('-postgres')
    ? await freshPostgres()
    : name.endsWith('-mariadb')
      ? await freshMysql()
      : null;
  if (server !== null) await restoreDump(join(folder, 'core.sql'), server.url);
  const core = server?.url ?? `sqlite:${join(data, 'core.db')}`;
  await moveHere(core, data);
  return {
    data,
    core,
    answers: JSON.parse(await readFile(join(folder, 'answers.json'), 'utf8')) as Answers,
    environment: { ...FOR_EVER, DATA_DIR: data, CORE_DATABASE_URL: core },
    async end() {
      await server?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The customers' files lie elsewhere than when their addresses were sealed. */
async function moveHere(core: string, data: string): Promise<void> {
  const vault = Vault.of(await readFile(join(data, 'credentials.key'), 'utf8'));
  const [one, two] = core.startsWith('postgres') ? ['$1', '$2'] : ['?', '?'];
  for (const { database_id: id, sealed } of await query<{ database_id: string; sealed: string }>(
    core,
    'select database_id, sealed from credentials',
  )) {
    const address = vault.unseal(id, sealed) as { engine: 'sqlite'; file: string };
    await query(core, `update credentials set sealed = ${one} where database_id = ${two}`, [
      vault.seal(id, { ...address, file: join(data, basename(address.file)) }),
      id,
    ]);
  }
}

describe.each(names)('left behind by %s', (name) => {
  let left: Left;
  let running: Running;

  const call = async (method: string, path: string, body?: object): Promise<{ status: number; body: Body }> => {
    const response = await fetch(running.url + path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'Content-Type': 'application/json', Prefer: 'wait=20' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const get = async (path: string): Promise<Body> => (await call('GET', path)).body;
  const settled = async (): Promise<Body[]> => {
    for (const until = Date.now() + 30_000; ;) {
      const { sagas } = (await get('/sagas?limit=500')) as { sagas: Body[] };
      const open = sagas.filter((saga) => !['completed', 'compensated', 'rejected'].includes(saga.status as string));
      if (open.length === 0) return sagas;
      if (Date.now() > until) throw new Error(`not settled: ${JSON.stringify(open)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  beforeAll(async () => {
    left = await unpack(name);
    const [{ open }] = (await query<{ open: string | number }>(
      left.core,
      'select count(*) as open from sagas where ended = 0',
    )) as [{ open: string | number }];
    expect(Number(open)).toBe(3);
    // Earlier versions knew of no shapes.
    const shapes = await query<{ name: string; shape: number }>(
      left.core,
      'select name, shape from read_model_shapes',
    ).catch(() => []);
    for (const { name: model, shape } of shapes) met.set(model, (met.get(model) ?? new Set()).add(shape));
    running = await start(left.environment);
  });
  afterAll(async () => {
    await running?.kill('SIGKILL');
    await left.end();
  });

  test('changes that were under way end, those that waited behind them too', async () => {
    const sagas = await settled();
    expect(sagas.filter((saga) => saga.status !== 'completed').map((saga) => saga.table_name)).toEqual(['taken']);
    expect(Object.keys((await get(`/tables/${left.answers.moving}`)).table.columns)).toEqual([
      'id',
      'title',
      'extra',
      'last',
    ]);
    expect((await get(`/tables/${left.answers.born}`)).table).toMatchObject({ name: 'born', status: 'active' });
  });

  test('the log is as it was written', async () => {
    expect(await verifyOffline(left.core)).toMatchObject({ code: 0 });
  });

  test('tables, their history, their replay and drift are told as before', async () => {
    const { tables, drift, list, dropped } = left.answers;
    for (const [id, before] of Object.entries(tables)) {
      expect(await get(`/tables/${id}`)).toMatchObject(before.show);
      expect(await get(`/tables/${id}/history?limit=100`)).toMatchObject(before.history);
      expect((await call('POST', '/table/replay', { table_id: id })).body).toMatchObject(before.replay);
    }
    for (const [database, before] of Object.entries(drift))
      expect(await get(`/databases/${database}/drift`)).toMatchObject(before);
    const resting = (body: Body): Body[] =>
      (body.tables as Body[]).filter((table) => Object.hasOwn(tables, table.table_id as string));
    expect(resting(await get('/tables?limit=100'))).toMatchObject(resting(list));
    expect(resting(await get('/tables?limit=100&status=dropped'))).toMatchObject(resting(dropped));
  });

  test('each of the tables takes a new change, and what was dropped comes back', async () => {
    const { tables, drift, moving, born } = left.answers;
    const gone = Object.entries(tables)
      .filter(([, { show }]) => show.table.status === 'dropped')
      .map(([id]) => id);
    expect(gone).toHaveLength(1);
    for (const id of gone)
      expect(await call('POST', '/table/restore', { table_id: id })).toMatchObject({ status: 200 });
    for (const table_id of [...Object.keys(tables), moving, born]) {
      expect(
        await call('POST', '/table/column', { table_id, column: { name: 'upgraded', type: 'integer' } }),
      ).toMatchObject({ status: 200, body: { saga: { status: 'completed' } } });
    }
    for (const [database, before] of Object.entries(drift))
      expect(await get(`/databases/${database}/drift`)).toMatchObject(before);
    expect(
      await query(
        `sqlite:${join(left.data, 'shop.db')}`,
        'select number, points, paid, upgraded from clients order by id',
      ),
    ).toEqual([
      { number: 'a', points: 1, paid: 0, upgraded: null },
      { number: 'b', points: 2, paid: 0, upgraded: null },
    ]);
    expect(await verifyOffline(left.core)).toMatchObject({ code: 0 });
  });

  test('a start on what a newer version wrote is refused, with what to do', async () => {
    await running.kill('SIGTERM');
    const refusal = async (): Promise<string> => {
      const error: unknown = await start(left.environment).then(
        (started) => started.kill('SIGKILL'),
        (refused: unknown) => refused,
      );
      return String(error);
    };
    await query(left.core, `update read_model_shapes set shape = 1000, written_by = '9.9.9' where name = 'tables'`);
    const refused = await refusal();
    expect(refused).toMatch(/ended with 1: schemasaga cannot start: the core database belongs to a newer version /);
    expect(refused).toMatch(
      /read model tables was written in shape 1000 by version 9\.9\.9 .*Start the newer version again/,
    );
    await query(
      left.core,
      `insert into schema_migrations (version, name, checksum, applied_at) values (9999, '9999_later', ` +
        `'-', '2100-01-01')`,
    );
    expect(await refusal()).toMatch(/ended with 1: .*brought to 9999_later on 2100-01-01/);
  });
});

test('each former shape was left behind by somebody', async () => {
  const recorded = JSON.parse(await readFile(fileURLToPath(new URL('shapes.json', import.meta.url)), 'utf8')) as Record<
    string,
    Record<string, object>
  >;
  const former = Object.entries(recorded).flatMap(([model, shapes]) =>
    Object.keys(shapes)
      .map(Number)
      .sort((a, b) => a - b)
      .slice(0, -1)
      .map((shape) => ({ model, shape })),
  );
  const missing = former.filter(({ model, shape }) => !met.get(model)?.has(shape));
  expect(
    missing.map(
      ({ model, shape }) =>
        `write an archive with the last version that knew shape ${shape} of ${model} (testing/upgrades/record.js)`,
    ),
  ).toEqual([]);
});
