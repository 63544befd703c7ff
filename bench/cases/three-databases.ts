import type { Case, Target } from '../case.js';
import { creates, register } from '../changes.js';
import type { Ddl } from '../load/ddl.js';
import { byP50, percentile, type Sample } from '../measure.js';
import { embedded } from '../setups.js';

const SLOWEST: Target = {
  label: 'three databases / the slowest single one',
  asked: { atMost: 1.3 },
  moonshot: { atMost: 1.15 },
};
const RAW: Target = {
  label: 'three databases / Knex on the three at once',
  asked: { atMost: 2.5 },
  moonshot: { atMost: 1.6 },
};
const BLOCK = 20;

export const threeDatabases: Case = {
  number: '3',
  name: 'three-databases',
  what: 'create on PostgreSQL, MariaDB and SQLite as one change, 1 client',
  targets: [SLOWEST, RAW],
  async run(bench) {
    const kinds = ['postgres', 'mysql', 'sqlite'] as const;
    const { url } = await embedded(bench);
    const raw: string[] = [];
    for (const kind of kinds) {
      await register(url, kind, { url: await bench.database(kind) });
      raw.push(await bench.database(kind));
    }
    const load = await bench.load();
    const names = (): string[] => bench.fresh('t', bench.count(BLOCK));
    const on = (...databases: string[]): Promise<Sample> =>
      load.run('requests', { url, clients: 1, status: 200, requests: creates(names(), databases) });
    const samples = await bench.rounds({
      three: () => on(...kinds),
      postgres: () => on('postgres'),
      mysql: () => on('mysql'),
      sqlite: () => on('sqlite'),
      raw: () =>
        load.run('ddl', { urls: raw, clients: 1, statements: names().map((table): Ddl => ({ do: 'create', table })) }),
    });
    const slowest = samples.three.map((_, i) =>
      kinds.map((kind) => samples[kind][i]!).reduce((a, b) => (percentile(a.ms, 0.5) >= percentile(b.ms, 0.5) ? a : b)),
    );
    bench.compare(SLOWEST, samples.three, slowest, byP50);
    bench.compare(RAW, samples.three, samples.raw, byP50);
  },
};
