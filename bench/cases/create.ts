import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { creates } from '../changes.js';
import type { Ddl } from '../load/ddl.js';
import { byP50 } from '../measure.js';
import { embedded, onBullmq, onPostgresCore, type Places, type Setup } from '../setups.js';

export const SETUPS = { embedded, onPostgresCore, onBullmq };

const TARGETS: Record<keyof typeof SETUPS, Target> = {
  embedded: { label: 'embedded, SQLite core', asked: { atMost: 3 }, moonshot: { atMost: 2.1 } },
  onPostgresCore: { label: 'PostgreSQL core', asked: { atMost: 4 }, moonshot: { atMost: 2.6 } },
  onBullmq: { label: 'BullMQ, api and worker', asked: { atMost: 5 }, moonshot: { atMost: 3.2 } },
};

const BLOCK = 30;

export const create: Case = {
  number: '1',
  name: 'create',
  what: 'create (5 columns, PostgreSQL) until its caller sees it completed, 1 client / Knex CREATE TABLE',
  targets: Object.values(TARGETS),
  async run(bench) {
    const raw = await bench.database('postgres');
    for (const [name, target] of Object.entries(TARGETS))
      await measure(bench, SETUPS[name as keyof typeof SETUPS], target, raw);
  },
};

async function measure(
  bench: Bench,
  setup: (bench: Bench, places: Places) => Promise<Setup>,
  target: Target,
  raw: string,
): Promise<void> {
  const { url, stop } = await setup(bench, { byodb: await bench.database('postgres') });
  const load = await bench.load();
  const block = bench.count(BLOCK);
  await bench.pairs(target, {
    service: () => load.run('requests', { url, clients: 1, status: 200, requests: creates(bench.fresh('t', block)) }),
    base: () =>
      load.run('ddl', {
        urls: [raw],
        clients: 1,
        statements: bench.fresh('t', block).map((table): Ddl => ({ do: 'create', table })),
      }),
    compare: byP50,
  });
  await stop();
}
