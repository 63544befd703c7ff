import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, Target } from '../case.js';
import { makeTables } from '../changes.js';
import { onBullmq } from '../setups.js';
import { countingProxy, countsOf } from '../wire/counting-proxy.js';

const STATEMENTS: Target = {
  label: 'statements on the core, api and 2 workers',
  unit: '/s',
  asked: { atMost: 2 },
  moonshot: { atMost: 0.2 },
};
const CPU: Target = {
  label: 'processor time, api and 2 workers',
  unit: 's a minute',
  asked: { atMost: 0.6 },
  moonshot: { atMost: 0.2 },
};
const SETTLE_MS = 5000;

export const idle: Case = {
  number: '12',
  name: 'idle',
  what: 'what three processes do while nothing is asked of them (BullMQ, PostgreSQL core)',
  targets: [STATEMENTS, CPU],
  async run(bench) {
    const core = await bench.database('postgres');
    const proxy = await countingProxy(core);
    try {
      const { url, processes } = await onBullmq(bench, { core: proxy.url(core) }, 2);
      await makeTables(url, bench.fresh('t', 3));
      await sleep(SETTLE_MS);
      const statements: number[] = [];
      const minutes: number[] = [];
      const cpu = async (): Promise<number> => {
        const each = await Promise.all(processes.map((one) => one.cpuSeconds()));
        if (each.includes(null))
          throw new Error('this system does not tell the processor time of a process (no /proc)');
        return each.reduce<number>((sum, one) => sum + (one ?? 0), 0);
      };
      const watchMs = bench.quick ? 10_000 : 20_000;
      for (let i = 0; i < (bench.quick ? 1 : 3); i++) {
        proxy.take();
        const before = await cpu();
        await sleep(watchMs);
        statements.push(countsOf(proxy.take()).statements / (watchMs / 1000));
        minutes.push(((await cpu()) - before) * (60_000 / watchMs));
      }
      bench.add(STATEMENTS, statements);
      bench.add(CPU, minutes);
    } finally {
      await bench.end();
      await proxy.close();
    }
  },
};
