import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { adds, makeTables } from '../changes.js';
import type { Ddl } from '../load/ddl.js';
import { byP50 } from '../measure.js';
import type { Places, Setup } from '../setups.js';
import { SETUPS } from './create.js';

const TARGETS: Record<keyof typeof SETUPS, Target> = {
  embedded: { label: 'embedded, SQLite core', asked: { atMost: 6 }, moonshot: { atMost: 3 } },
  onPostgresCore: { label: 'PostgreSQL core', asked: { atMost: 8 }, moonshot: { atMost: 4 } },
  onBullmq: { label: 'BullMQ, api and worker', asked: { atMost: 10 }, moonshot: { atMost: 5 } },
};

const BLOCK = 30;

export const addColumn: Case = {
  number: '1b',
  name: 'add-column',
  what: 'add a column (PostgreSQL) until its caller sees it completed, 1 client / Knex ALTER TABLE',
  targets: Object.values(TARGETS),
  async run(bench) {
    const raw = await bench.database('postgres');
    const load = await bench.load();
    const tables = bench.fresh('t', bench.count(BLOCK));
    await load.run('ddl', {
      urls: [raw],
      clients: 1,
      statements: tables.map((table): Ddl => ({ do: 'create', table })),
    });
    for (const [name, target] of Object.entries(TARGETS))
      await measure(bench, SETUPS[name as keyof typeof SETUPS], target, { url: raw, tables });
  },
};

async function measure(
  bench: Bench,
  setup: (bench: Bench, places: Places) => Promise<Setup>,
  target: Target,
  raw: { url: string; tables: string[] },
): Promise<void> {
  const { url, stop } = await setup(bench, { byodb: await bench.database('postgres') });
  const load = await bench.load();
  const tables = await makeTables(url, bench.fresh('t', raw.tables.length));
  await bench.pairs(target, {
    service: () => {
      const [column] = bench.fresh('c', 1);
      return load.run('requests', { url, clients: 1, status: 200, requests: adds(tables, column!) });
    },
    base: () => {
      const [column] = bench.fresh('c', 1);
      const statements = raw.tables.map((table): Ddl => ({ do: 'add', table, column: column! }));
      return load.run('ddl', { urls: [raw.url], clients: 1, statements });
    },
    compare: byP50,
  });
  await stop();
}
