import { query } from '../../testing/fixtures.js';
import type { Case, Target } from '../case.js';
import { creates, makeTables } from '../changes.js';
import { onPostgresCore } from '../setups.js';

const TARGET: Target = { label: 'growth per create', unit: 'kB', asked: { atMost: 8 }, moonshot: { atMost: 4 } };
const BLOCK = 40;

export const coreGrowth: Case = {
  number: '13c',
  name: 'core-growth',
  what: 'what a PostgreSQL core grows by with each change, after a vacuum',
  targets: [TARGET],
  async run(bench) {
    const core = await bench.database('postgres');
    const { url } = await onPostgresCore(bench, { core, byodb: await bench.database('sqlite') });
    await makeTables(url, bench.fresh('t', BLOCK));
    const load = await bench.load();
    const size = async (): Promise<number> => {
      // Dead rows would be counted as growth, however soon autovacuum comes.
      await query(core, 'vacuum');
      const [row] = await query<{ bytes: string }>(core, 'select pg_database_size(current_database()) as bytes');
      return Number(row!.bytes) / 1024;
    };
    const values: number[] = [];
    const errors: string[] = [];
    for (let i = 0; i < bench.pairCount; i++) {
      const before = await size();
      const requests = creates(bench.fresh('t', BLOCK));
      errors.push(...(await load.run('requests', { url, clients: 4, status: 200, requests })).errors);
      values.push(((await size()) - before) / BLOCK);
    }
    bench.add(TARGET, values, { errors });
  },
};
