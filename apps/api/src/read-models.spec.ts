import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  createEventStore,
  migrate,
  openCoreDatabase,
  sql,
  sqlName,
  Upcasts,
  type CoreDatabase,
  type EventStore,
  type ReadModel,
  type StoredEvent,
} from '#event-store';
import { upcasters } from '#tables';
import { freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { keptBehind, keptInline } from './read-models.js';

/**
 * By read model, shape and golden event: the hash of the model's rows after that event. What was recorded of a shape
 * never changes; UPDATE_SHAPES=1 adds a new shape, and to the present one the events that are new.
 */
type Shapes = Record<string, Record<string, Record<string, string>>>;

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const kept = at('../testing/shapes.json');
const SUM = 66;
let fresh: Fresh;
let core: CoreDatabase;
let store: EventStore;
let models: readonly ReadModel[];
let recorded: Shapes;

beforeAll(async () => {
  fresh = await freshSqlite();
  core = await openCoreDatabase(fresh.url);
  await migrate(core);
  store = createEventStore(core);
  models = [...keptInline, ...keptBehind(store)];
  recorded = JSON.parse(await readFile(kept, 'utf8').catch(() => '{}')) as Shapes;
});
afterAll(async () => {
  await core.close();
  await fresh.drop();
});

/**
 * One event of each type and version, those of a kind as one stream, in the order in which they became golden files;
 * what takes the row away comes last.
 */
async function goldenEvents(): Promise<{ file: string; event: StoredEvent }[]> {
  const upcasts = new Upcasts(upcasters);
  const found: { file: string; event: StoredEvent }[] = [];
  for (const lib of ['tables', 'sagas']) {
    const folder = at(`../../../libs/${lib}/testing/golden/`);
    const files = (await readFile(`${folder}SHA256SUMS`, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(SUM));
    for (const file of files)
      found.push({ file, event: upcasts.apply(JSON.parse(await readFile(folder + file, 'utf8')) as StoredEvent) });
  }
  const isLast = ({ event }: { event: StoredEvent }): number => Number(event.type === 'DatabaseRemoved');
  const streams = new Map<string, { name: string; version: number }>();
  return found
    .sort((a, b) => isLast(a) - isLast(b))
    .map(({ file, event }) => {
      const kind = event.stream.slice(0, event.stream.indexOf('-'));
      const stream = streams.get(kind) ?? { name: event.stream, version: 0 };
      const version = stream.version + 1;
      streams.set(kind, { ...stream, version });
      // Were positions counted over all kinds, a new event of one would change the rows of another.
      return { file, event: { ...event, stream: stream.name, version, position: version } };
    });
}

async function rowsOf({ tables, beside = [] }: ReadModel): Promise<string> {
  const rows = await Promise.all(
    tables
      .filter((table) => !beside.includes(table))
      .map((table) => core.query(sql`select * from ${sqlName(table)} order by 1, 2`)),
  );
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16);
}

test('what stands in the rows of a read model is what its shape has always meant', async () => {
  const now: Shapes = {};
  for (const { file, event } of await goldenEvents()) {
    for (const model of models) {
      const {
        projection: { name },
        shape,
      } = model;
      const before = await rowsOf(model);
      await core.transaction((tx) => model.projection.apply(tx, [event]));
      const after = await rowsOf(model);
      if (after !== before) ((now[name] ??= {})[shape] ??= {})[file] = after;
    }
  }
  const changed = models.flatMap(({ projection: { name }, shape }) => {
    const [known, found] = [recorded[name]?.[shape] ?? {}, now[name]?.[shape] ?? {}];
    return Object.keys(known)
      .filter((file) => known[file] !== found[file])
      .map(
        (file) =>
          `${file} gives other rows of ${name} than it gave in shape ${shape}. Either its fold changed: raise the ` +
          'shape, and run this with UPDATE_SHAPES=1. Or read-models.ts lists other tables of it than before',
      );
  });
  expect(changed).toEqual([]);
  const merged: Shapes = Object.fromEntries(
    models.map(({ projection: { name } }) => [name, { ...recorded[name], ...now[name] }]),
  );
  if (process.env['UPDATE_SHAPES'] === '1') await writeFile(kept, `${JSON.stringify(merged, null, 1)}\n`);
  const recordedNow = JSON.parse(await readFile(kept, 'utf8')) as Shapes;
  const fresh = models.flatMap(({ projection: { name }, shape }) =>
    Object.keys(now[name]?.[shape] ?? {})
      .filter((file) => recordedNow[name]?.[shape]?.[file] === undefined)
      .map((file) => `${file} is new in the rows of ${name}: run this with UPDATE_SHAPES=1`),
  );
  expect(fresh).toEqual([]);
  expect(merged).toEqual(recordedNow);
});
