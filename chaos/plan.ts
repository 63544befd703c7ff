import { ChangeMaker } from './change-maker.js';
import type { Item, PlanOptions } from './plan-items.js';
import { Random } from './random.js';

/** The whole run from its seed, without an end: who runs it stops after enough changes or time. */
export function* plan(options: PlanOptions): Generator<Item> {
  const maker = new ChangeMaker(options);
  const random = new Random(options.seed ^ 0x5eed);
  let kills = 0;
  for (let seq = 0; ; seq++) {
    yield maker.change(seq);
    for (; kills < Math.min(options.kills, Math.floor((seq + 1) * options.killsPerChange)); kills++) {
      yield {
        item: 'fault',
        fault: 'kill',
        dice: random.between(0, 1000),
        downMs: random.between(0, 600),
        pauseMs: random.between(0, 250),
      };
    }
    const fault = random.weighted({ none: 58, cut: 14, wipe: 5, restart: 5, lock: 18 });
    const pauseMs = random.between(0, 150);
    if (fault === 'cut')
      yield {
        item: 'fault',
        fault,
        engine: random.pick(['postgres', 'mysql'] as const),
        how: random.weighted({ cut: 6, refuse: 2, hold: 2 }),
        ms: random.between(50, 800),
        pauseMs,
      };
    if (fault === 'wipe') yield { item: 'fault', fault, pauseMs };
    if (fault === 'restart')
      yield {
        item: 'fault',
        fault,
        server: random.weighted({ postgres: 4, mysql: 4, redis: 3, core: 3 }),
        hard: random.chance(0.7),
        pauseMs,
      };
    if (fault === 'lock')
      yield {
        item: 'fault',
        fault,
        table: maker.anyTable(random),
        dice: random.between(0, 1000),
        ms: random.between(300, 2000),
        write: random.chance(0.3),
        pauseMs,
      };
  }
}
