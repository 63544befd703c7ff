import type { Bench } from './bench.js';
import type { Target } from './case.js';
import { adds, makeTables, register } from './changes.js';
import { byClients } from './load/clients.js';
import type { Place } from './load/ddl.js';
import { byTime } from './measure.js';
import { embedded } from './setups.js';

/** So many databases are registered at once, to be quick. */
const REGISTERING = 4;

/**
 * One column, added to one table on all the places as one change / the same ALTERs by Knex, so many at once, on
 * databases of their own and over connections that are there. Gives the processor seconds of the service for each
 * database and change.
 */
export async function fleet(
  bench: Bench,
  target: Target,
  { ours, raw, rawAtOnce }: { ours: Place[]; raw: Place[]; rawAtOnce: number },
): Promise<number | null> {
  const {
    url,
    processes: [service],
    stop,
  } = await embedded(bench);
  const names = bench.fresh('d', ours.length);
  const registered = await byClients(REGISTERING, ours, (place) => register(url, names[ours.indexOf(place)]!, place));
  if (registered.errors.length > 0) throw new Error(`registering: ${registered.errors[0]}`);
  const load = await bench.load();
  const [table] = bench.fresh('t', 1);
  const tables = await makeTables(url, [table!], names);
  await load.run('ddlOnMany', { places: raw, clients: rawAtOnce, statement: { do: 'create', table: table! } });
  let cpu = 0;
  let changes = 0;
  await bench.pairs(target, {
    async service() {
      const [column] = bench.fresh('c', 1);
      const before = (await service!.cpuSeconds()) ?? NaN;
      const sample = await load.run('requests', { url, clients: 1, status: 200, requests: adds(tables, column!) });
      cpu += ((await service!.cpuSeconds()) ?? NaN) - before;
      changes += 1;
      return sample;
    },
    base() {
      const [column] = bench.fresh('c', 1);
      const statement = { do: 'add' as const, table: table!, column: column! };
      return load.run('ddlOnMany', { places: raw, clients: rawAtOnce, statement });
    },
    compare: byTime,
  });
  await stop();
  return Number.isNaN(cpu) ? null : cpu / changes / ours.length;
}
