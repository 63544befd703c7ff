import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { creates, register } from '../changes.js';
import { byRate, type Sample } from '../measure.js';
import type { Running } from '../processes.js';
import { onBullmq } from '../setups.js';
import { delayProxy } from '../wire/delay-proxy.js';

const NEAR: Record<2 | 4, Target> = {
  2: { label: '2 workers / 1', asked: { atLeast: 0.95 }, moonshot: { atLeast: 1 } },
  4: { label: '4 workers / 1', asked: { atLeast: 0.95 }, moonshot: { atLeast: 1 } },
};
const FAR: Record<2 | 4, Target> = {
  2: { label: '2 workers / 1, databases 20 ms away', asked: { atLeast: 1.7 }, moonshot: { atLeast: 1.9 } },
  4: { label: '4 workers / 1, databases 20 ms away', asked: { atLeast: 3 }, moonshot: { atLeast: 3.6 } },
};
const AWAY_MS = 20;
const DATABASES = 8;
const CLIENTS = 48;
const BLOCK = 96;

export const workers: Case = {
  number: '13b',
  name: 'workers',
  what: 'creates per second on 8 PostgreSQL databases, 48 clients, BullMQ, PostgreSQL core',
  targets: [NEAR[2], NEAR[4], FAR[2], FAR[4]],
  async run(bench) {
    await measure(bench, NEAR, (url) => url);
    const proxy = await delayProxy(await bench.servers.url('postgres'), AWAY_MS);
    try {
      await measure(bench, FAR, (url) => proxy.url(url));
    } finally {
      await bench.end();
      await proxy.close();
    }
  },
};

async function measure(bench: Bench, targets: Record<2 | 4, Target>, through: (url: string) => string): Promise<void> {
  const { url, addWorker, stop } = await onBullmq(bench, {}, 0);
  const names = bench.fresh('d', DATABASES);
  for (const name of names) await register(url, name, { url: through(await bench.database('postgres')) });
  const load = await bench.load();
  const running: Running[] = [];
  const block = async (count: number): Promise<Sample> => {
    while (running.length > count) await running.pop()!.stop();
    while (running.length < count) running.push(await addWorker());
    const requests = bench
      .fresh('t', bench.count(BLOCK))
      .flatMap((table, i) => creates([table], [names[i % DATABASES]!]));
    return load.run('requests', { url, clients: CLIENTS, status: 200, requests });
  };
  const samples = await bench.rounds({ one: () => block(1), two: () => block(2), four: () => block(4) });
  bench.compare(targets[2], samples.two, samples.one, byRate);
  bench.compare(targets[4], samples.four, samples.one, byRate);
  for (const one of running) await one.stop();
  await stop();
}
