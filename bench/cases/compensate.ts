import { query } from '../../testing/fixtures.js';
import type { Case, Target } from '../case.js';
import { adds, makeTables, register } from '../changes.js';
import { byP50, type Sample } from '../measure.js';
import { embedded } from '../setups.js';

const TARGET: Target = {
  label: 'compensated on three databases / completed',
  asked: { atMost: 1.3 },
  moonshot: { atMost: 1.1 },
};
const BLOCK = 20;

export const compensate: Case = {
  number: '11',
  name: 'compensate',
  what: 'an added column that PostgreSQL refuses, until SQLite and MariaDB are put back / one that completes',
  targets: [TARGET],
  async run(bench) {
    const { url } = await embedded(bench);
    const kinds = ['sqlite', 'mysql', 'postgres'] as const;
    for (const kind of kinds) {
      const address = await bench.database(kind);
      if (kind === 'postgres') await refusePoison(address);
      await register(url, kind, { url: address });
    }
    const load = await bench.load();
    const tables = await makeTables(url, bench.fresh('t', bench.count(BLOCK)), kinds);
    const add = (prefix: string, status: number): Promise<Sample> =>
      load.run('requests', { url, clients: 1, status, requests: adds(tables, bench.fresh(prefix, 1)[0]!) });
    await bench.pairs(TARGET, { service: () => add('poison', 422), base: () => add('c', 200), compare: byP50 });
  },
};

/** Such a column is refused when its statement comes: nobody can know before. */
async function refusePoison(url: string): Promise<void> {
  await query(
    url,
    `create function refuses() returns event_trigger language plpgsql as $$ begin
    if exists (select from pg_attribute where attname like 'poison%' and not attisdropped)
    then raise exception 'refused by the customer'; end if; end $$`,
  );
  await query(url, 'create event trigger refuses on ddl_command_end execute function refuses()');
}
