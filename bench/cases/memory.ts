import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, Target } from '../case.js';
import { makeTables } from '../changes.js';
import { median } from '../measure.js';
import type { Running } from '../processes.js';
import { embedded } from '../setups.js';

const IDLE: Target = { label: 'memory, idle', asked: { atMost: 1.4 }, moonshot: { atMost: 1.2 } };
const GROWTH: Target = {
  label: 'growth from change 2,000 to 10,000',
  unit: '%',
  asked: { atMost: 5 },
  moonshot: { atMost: 0 },
};
const TABLES = 50;
const CLIENTS = 8;
const [FROM, TO] = [2000, 10_000];
/** A slow machine does fewer changes, which is then said. */
const MOST_MS = 240_000;
const BLOCK = 200;
const SETTLE_MS = 5000;

export const memory: Case = {
  number: '10',
  name: 'memory',
  what: 'resident memory, embedded / bare Nest + Fastify; growth while tables are renamed and renamed back',
  targets: [IDLE, GROWTH],
  async run(bench) {
    const {
      url,
      processes: [service],
    } = await embedded(bench);
    const bare = await bench.start('bare', { DATA_DIR: await bench.newFolder() });
    await sleep(SETTLE_MS);
    const rounds = Array.from({ length: bench.pairCount });
    const idle: number[] = [];
    for (const _ of rounds) idle.push((await settled(service!)) / (await settled(bare)));
    bench.add(IDLE, idle);
    await bare.stop();

    const names = bench.fresh('t', TABLES);
    const ids = await makeTables(url, names);
    const load = await bench.load();
    const errors: string[] = [];
    const [from, to] = bench.quick ? [FROM / 10, TO / 25] : [FROM, TO];
    let done = 0;
    let before = NaN;
    for (const until = performance.now() + MOST_MS; done < to && performance.now() < until; done += BLOCK) {
      if (done === from) before = await settled(service!);
      const requests = Array.from({ length: BLOCK }, (_, i) => ({
        method: 'POST' as const,
        path: '/table/rename',
        headers: { Prefer: 'wait=60' },
        body: { table_id: ids[(done + i) % TABLES]!, name: `${names[(done + i) % TABLES]}${nameEnd(done + i)}` },
      }));
      errors.push(...(await load.run('requests', { url, clients: CLIENTS, status: 200, requests })).errors);
    }
    const after = await settled(service!);
    bench.note(`${before.toFixed(0)} MB after ${from} changes, ${after.toFixed(0)} MB after ${done}`);
    // What a few changes leave is no leak, and no sign that there is none: the line says what was measured.
    const label = `growth from change ${from} to ${done}`;
    bench.add(done === TO ? GROWTH : { ...GROWTH, label }, [((after - before) / before) * 100], { errors });
  },
};

/** Each table has another name at each turn. */
function nameEnd(change: number): string {
  return Math.floor(change / TABLES) % 2 === 0 ? '_renamed' : '';
}

/** Megabytes: the median of three looks, a while after whatever was done. */
async function settled(one: Running): Promise<number> {
  const looks: number[] = [];
  for (let i = 0; i < 3; i++) {
    await sleep(500);
    const memory = await one.memory();
    if (memory === null) throw new Error('this system does not tell the memory of a process (no /proc)');
    looks.push(memory);
  }
  return median(looks);
}
