import type { Case, Target } from '../case.js';
import { byP50 } from '../measure.js';
import { embedded } from '../setups.js';

const TARGET: Target = { label: 'registering a PostgreSQL database', asked: { atMost: 3 }, moonshot: { atMost: 1.5 } };
const BLOCK = 8;

export const registering: Case = {
  number: '17',
  name: 'register',
  what: 'registering an empty database / connecting and creating the three tables of the ledger',
  targets: [TARGET],
  async run(bench) {
    const { url } = await embedded(bench);
    const load = await bench.load();
    const empty = async (): Promise<string[]> => {
      const urls: string[] = [];
      for (let i = 0; i < BLOCK; i++) urls.push(await bench.database('postgres'));
      return urls;
    };
    await bench.pairs(TARGET, {
      service: async () => {
        const databases = await empty();
        const names = bench.fresh('d', databases.length);
        return load.run('requests', {
          url,
          clients: 1,
          status: 201,
          requests: databases.map((address, i) => ({
            method: 'POST',
            path: '/databases',
            body: { name: names[i], url: address },
          })),
        });
      },
      base: async () => load.run('ledger', { urls: await empty() }),
      compare: byP50,
    });
  },
};
