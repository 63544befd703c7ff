import type { Bench } from './bench.js';
import type { Running } from './processes.js';

/** The service as it is run, and where it is asked. */
export interface Setup {
  url: string;
  processes: Running[];
  /** Before the case ends: the next setup would share the machine with whatever this one still does. */
  stop(): Promise<void>;
}

/** Where a setup keeps its core and what it calls `default`. */
export interface Places {
  /** The database `default`; a SQLite file when absent. */
  byodb?: string;
  core?: string;
  /** Further variables. */
  more?: Record<string, string>;
}

const CREDENTIALS_KEY = 'be'.repeat(32);

/** One process, its sagas in itself; on a core in a SQLite file unless `core` is given. */
export async function embedded(bench: Bench, places: Places = {}): Promise<Setup> {
  const one = await bench.start('service', await environment(bench, places));
  return setupOf([one]);
}

export async function onPostgresCore(bench: Bench, places: Places = {}): Promise<Setup> {
  return embedded(bench, { core: await bench.database('postgres'), ...places });
}

export interface BullmqSetup extends Setup {
  /** One more, which whoever asks for it stops. */
  addWorker(): Promise<Running>;
}

/** One API and so many workers, woken by BullMQ, on a PostgreSQL core. */
export async function onBullmq(bench: Bench, places: Places = {}, workers = 1): Promise<BullmqSetup> {
  const core = places.core ?? (await bench.database('postgres'));
  const redis = await bench.servers.redisDatabase();
  const all = { ...(await environment(bench, { ...places, core })), REDIS_URL: redis };
  const api = await bench.start('service', { ...all, ROLE: 'api' });
  const addWorker = (): Promise<Running> => bench.start('service', { ...all, ROLE: 'worker' });
  const others: Running[] = [];
  for (let i = 0; i < workers; i++) others.push(await addWorker());
  return { ...setupOf([api, ...others]), addWorker };
}

function setupOf(processes: [Running, ...Running[]]): Setup {
  return {
    url: processes[0].url,
    processes,
    stop: async () => {
      for (const one of processes) await one.stop();
    },
  };
}

async function environment(bench: Bench, { byodb, core, more = {} }: Places): Promise<Record<string, string>> {
  return {
    DATA_DIR: await bench.newFolder(),
    CREDENTIALS_KEY,
    ...(byodb === undefined ? {} : { BYODB_URL: byodb }),
    ...(core === undefined ? {} : { CORE_DATABASE_URL: core }),
    ...more,
  };
}
