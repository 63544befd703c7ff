import type { Bench } from '../bench.js';
import type { Case, Target } from '../case.js';
import { ask } from '../changes.js';
import { byP50, type Sample } from '../measure.js';
import type { PROGRAMS } from '../processes.js';

const START: Target = { label: 'start to first answer', asked: { atMost: 1.6 }, moonshot: { atMost: 1.3 } };
const BLOCK = 3;

export const start: Case = {
  number: '9',
  name: 'start',
  what: 'start to first answer, on a core that is there / bare Nest + Fastify',
  targets: [START],
  async run(bench) {
    const [ours, theirs] = [await bench.newFolder(), await bench.newFolder()];
    await bench.pairs(START, {
      service: () => starts(bench, 'service', ours),
      base: () => starts(bench, 'bare', theirs),
      compare: byP50,
    });
  },
};

async function starts(bench: Bench, program: keyof typeof PROGRAMS, folder: string): Promise<Sample> {
  const sample: Sample = { ms: [], seconds: 0, errors: [] };
  for (let i = 0; i < BLOCK; i++) {
    const began = performance.now();
    const one = await bench.start(program, { DATA_DIR: folder });
    await ask(one.url, { method: 'GET', path: '/health/live' });
    sample.ms.push(performance.now() - began);
    await one.stop();
  }
  sample.seconds = sample.ms.reduce((sum, ms) => sum + ms, 0) / 1000;
  return sample;
}
