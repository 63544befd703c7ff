import type { Case, Target } from '../case.js';
import { fleet } from '../fleet.js';
import type { Place } from '../load/ddl.js';

const BOUNDS = { asked: { atMost: 8 }, moonshot: { atMost: 4 } };
const SIZES = [10, 100];
const TARGETS = SIZES.map((size): Target => ({ label: `${size} SQLite databases`, ...BOUNDS }));
const CPU: Target = {
  label: 'processor time per database, at 100 / at 10',
  asked: { atMost: 1.2 },
  moonshot: { atMost: 1.05 },
};
/** A file is written in this thread, whatever is asked at once. */
const RAW_AT_ONCE = 8;

/** 1,000 databases are more than one change may concern: 500 is the most that the contract allows. */
export const manyFiles: Case = {
  number: '14',
  name: 'many-files',
  what: 'one added column on N SQLite databases as one change / the same ALTERs by a raw loop (1,000: not allowed yet)',
  targets: [...TARGETS, CPU],
  async run(bench) {
    const cpu: (number | null)[] = [];
    for (const [i, size] of SIZES.entries()) {
      const places = async (): Promise<Place[]> => {
        const all: Place[] = [];
        for (let n = 0; n < size; n++) all.push({ url: await bench.database('sqlite') });
        return all;
      };
      cpu.push(await fleet(bench, TARGETS[i]!, { ours: await places(), raw: await places(), rawAtOnce: RAW_AT_ONCE }));
    }
    const [few, many] = cpu;
    if (few == null || many == null) return bench.note('this system does not tell the processor time of a process');
    bench.note(`${(few * 1000).toFixed(1)} ms per database at 10, ${(many * 1000).toFixed(1)} ms at 100`);
    bench.add(CPU, [many / few]);
  },
};
