import type { Case, Target } from '../case.js';
import { creates } from '../changes.js';
import type { Ddl } from '../load/ddl.js';
import { byRate } from '../measure.js';
import { embedded, onBullmq } from '../setups.js';

const CLIENTS = 8;
const BLOCK = 80;
const BOUNDS = { asked: { atLeast: 0.27 }, moonshot: { atLeast: 0.45 } };
const SETUPS: [Target, typeof embedded][] = [
  [{ label: 'embedded, 8 clients', ...BOUNDS }, embedded],
  [{ label: 'BullMQ, api and worker, 8 clients', ...BOUNDS }, onBullmq],
];

export const throughput: Case = {
  number: '2',
  name: 'throughput',
  what: 'creates per second, 8 clients / Knex CREATE TABLE on 8 connections',
  targets: SETUPS.map(([target]) => target),
  async run(bench) {
    const raw = await bench.database('postgres');
    const load = await bench.load();
    for (const [target, setup] of SETUPS) {
      const { url, stop } = await setup(bench, { byodb: await bench.database('postgres') });
      const names = (): string[] => bench.fresh('t', bench.count(BLOCK));
      await bench.pairs(target, {
        service: () => load.run('requests', { url, clients: CLIENTS, status: 200, requests: creates(names()) }),
        base: () =>
          load.run('ddl', {
            urls: [raw],
            clients: CLIENTS,
            statements: names().map((table): Ddl => ({ do: 'create', table })),
          }),
        compare: byRate,
      });
      await stop();
    }
  },
};
