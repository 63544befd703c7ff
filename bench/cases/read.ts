import type { Case, Target } from '../case.js';
import { ask, makeTables } from '../changes.js';
import { byRate } from '../measure.js';
import { embedded } from '../setups.js';

const RATE: Target = { label: 'requests per second', asked: { atLeast: 0.6 }, moonshot: { atLeast: 0.8 } };
const CLIENTS = 8;
const BLOCK = 4000;

export const read: Case = {
  number: '5',
  name: 'read',
  what: 'reading a table, 8 clients / bare Nest + Fastify that answers the same JSON',
  targets: [RATE],
  async run(bench) {
    const { url } = await embedded(bench);
    const bare = await bench.start('bare', { DATA_DIR: await bench.newFolder() });
    const [id] = await makeTables(url, bench.fresh('t', 1));
    const path = `/tables/${id}`;
    const shown = await ask<object>(url, { method: 'GET', path });
    await ask(bare.url, { method: 'POST', path: '/keep', body: shown });
    const load = await bench.load();
    const times = bench.count(BLOCK);
    const get = (of: string, from: string): ReturnType<typeof load.run> =>
      load.run('requests', {
        url: of,
        clients: CLIENTS,
        times,
        status: 200,
        requests: [{ method: 'GET', path: from }],
      });
    await bench.pairs(RATE, { service: () => get(url, path), base: () => get(bare.url, '/kept'), compare: byRate });
  },
};
