import type { Case, Target } from '../case.js';
import { creates, unawaited } from '../changes.js';
import { byP99, byRate } from '../measure.js';
import { onBullmq } from '../setups.js';

const RATE: Target = { label: 'requests per second', asked: { atLeast: 0.4 }, moonshot: { atLeast: 0.6 } };
const P99: Target = { label: 'p99', asked: { atMost: 3 }, moonshot: { atMost: 1.5 } };
const CLIENTS = 16;
const BLOCK = 640;

export const accept: Case = {
  number: '4',
  name: 'accept',
  what: 'accepting commands, 16 clients, no worker beside / bare Nest + Fastify with one durable insert (SQLite)',
  targets: [RATE, P99],
  async run(bench) {
    // A core in a file, as the bare server has it.
    const core = `sqlite:${await bench.newFolder()}/core.db`;
    const { url } = await onBullmq(bench, { core }, 0);
    const bare = await bench.start('bare', { DATA_DIR: await bench.newFolder() });
    const load = await bench.load();
    const requests = (): ReturnType<typeof creates> => unawaited(creates(bench.fresh('t', bench.count(BLOCK))));
    const samples = await bench.rounds({
      service: () => load.run('requests', { url, clients: CLIENTS, status: 202, requests: requests() }),
      base: () =>
        load.run('requests', {
          url: bare.url,
          clients: CLIENTS,
          status: 201,
          requests: requests().map((request) => ({ ...request, path: '/append' })),
        }),
    });
    bench.compare(RATE, samples.service, samples.base, byRate);
    bench.compare(P99, samples.service, samples.base, byP99);
  },
};
