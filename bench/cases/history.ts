import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { adds, ask, makeTables } from '../changes.js';
import { byTime } from '../measure.js';
import { embedded } from '../setups.js';

const REPLAY: Target = {
  label: 'replay of 100,000 events: raw time / ours',
  asked: { atLeast: 0.5 },
  moonshot: { atLeast: 0.8 },
};
const FOLD: Target = { label: 'fold of 10,000 events of one table', asked: { atMost: 1.3 }, moonshot: { atMost: 1.1 } };

export const replay: Case = {
  number: '7',
  name: 'replay',
  what: 'the log decoded, upcast and folded / a paged read with JSON.parse, on SQLite (rebuilds: not yet)',
  targets: [REPLAY],
  async run(bench) {
    const { core, stop, url } = await lived(bench);
    const tables = await makeTables(url, bench.fresh('t', 5));
    for (const request of [...adds(tables, 'a'), ...adds(tables, 'b')]) await ask(url, request);
    await stop();
    const file = `sqlite:${await bench.newFolder()}/long.db`;
    const load = await bench.load();
    await load.run('seedLog', { from: core, to: file, events: bench.count(100_000) });
    await bench.pairs(REPLAY, {
      service: () => load.run('replayByStore', { file }),
      base: () => load.run('replayByDriver', { file }),
      compare: (ours, raw) => raw.seconds / ours.seconds,
    });
  },
};

export const fold: Case = {
  number: '8',
  name: 'fold',
  what: 'a table folded from all of its events / the same rows read and parsed, on SQLite (a streamed replay: not yet)',
  targets: [FOLD],
  async run(bench) {
    const { core, stop, url } = await lived(bench);
    const [id] = await makeTables(url, ['long']);
    for (const name of ['longer', 'long'])
      await ask(url, {
        method: 'POST',
        path: '/table/rename',
        headers: { Prefer: 'wait=60' },
        body: { table_id: id, name },
      });
    await stop();
    const file = `sqlite:${await bench.newFolder()}/long.db`;
    const load = await bench.load();
    await load.run('seedLongTable', { from: core, to: file, events: 10_000 });
    await bench.pairs(FOLD, {
      service: () => load.run('foldByStore', { file }),
      base: () => load.run('foldByDriver', { file }),
      compare: byTime,
    });
  },
};

/** A service whose core is a file that can be read when it has stopped. */
async function lived(bench: Bench): Promise<{ core: string; url: string; stop(): Promise<void> }> {
  const core = `sqlite:${await bench.newFolder()}/core.db`;
  const { url, stop } = await embedded(bench, { core });
  return { core, url, stop };
}
