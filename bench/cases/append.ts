import type { Case, Target } from '../case.js';
import { byRate } from '../measure.js';
import type { Kind } from '../servers.js';

const BOUNDS = { asked: { atLeast: 0.7 }, moonshot: { atLeast: 0.9 } };
const BLOCK = 1000;
const SIZES: [Target, Kind, number][] = [
  [{ label: 'SQLite, 1 writer', ...BOUNDS }, 'sqlite', 1],
  [{ label: 'PostgreSQL, 1 writer', ...BOUNDS }, 'postgres', 1],
  [{ label: 'PostgreSQL, 16 writers', ...BOUNDS }, 'postgres', 16],
  [{ label: 'MariaDB, 1 writer', ...BOUNDS }, 'mysql', 1],
  [{ label: 'MariaDB, 16 writers', ...BOUNDS }, 'mysql', 16],
];

export const append: Case = {
  number: '6',
  name: 'append',
  what: 'events per second, one event an append, through the store / the same insert by the driver, prepared',
  targets: SIZES.map(([target]) => target),
  async run(bench) {
    const load = await bench.load();
    for (const [target, kind, clients] of SIZES) {
      const [ours, raw] = [await bench.database(kind), await bench.database(kind)];
      const count = bench.count(BLOCK);
      await bench.pairs(target, {
        service: () => load.run('appendByStore', { url: ours, clients, count }),
        base: () => load.run('appendByDriver', { url: raw, clients, count }),
        compare: byRate,
      });
    }
  },
};
