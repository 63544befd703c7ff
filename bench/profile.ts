import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { adds, creates, makeTables } from './changes.js';
import { percentile, type Sample } from './measure.js';
import { tell } from './report.js';
import type { Kind } from './servers.js';
import { embedded, type Setup } from './setups.js';
import { countingProxy, countsOf, type CountingProxy } from './wire/counting-proxy.js';
import { stageOf, STAGES } from './wire/stages.js';
import type { Said } from './wire/statements.js';

const KINDS: Record<Kind, string> = { postgres: 'PostgreSQL', mysql: 'MariaDB', sqlite: 'SQLite' };
const CHANGES = 30;
/** What goes on after an answer: a lease given back, followers. */
const AFTER_MS = 300;

/**
 * What one change consists of, by stage: on the customer's database (none is shown for a file, which has no wire) and
 * on a PostgreSQL core. One client; the means of all changes. What the service does by itself meanwhile is in the
 * core's figures.
 */
export async function profile(bench: Bench): Promise<void> {
  bench.begin('profile');
  for (const [kind, title] of Object.entries(KINDS) as [Kind, string][]) {
    const byodb = await bench.database(kind);
    const core = await bench.database('postgres');
    const proxies = {
      customer: kind === 'sqlite' ? null : await countingProxy(byodb),
      core: await countingProxy(core),
    };
    try {
      const setup = await embedded(bench, {
        byodb: proxies.customer?.url(byodb) ?? byodb,
        core: proxies.core.url(core),
      });
      const load = await bench.load();
      const count = bench.count(CHANGES);
      const tables = await makeTables(setup.url, bench.fresh('t', count));
      const send = (requests: ReturnType<typeof creates>): Promise<Sample> =>
        load.run('requests', { url: setup.url, clients: 1, status: 200, requests });
      await send(adds(tables, 'warm'));
      await show(`create → ${title}`, setup, proxies, () => send(creates(bench.fresh('t', count))));
      await show(`add column → ${title}`, setup, proxies, () => send(adds(tables, 'more')));
    } finally {
      await bench.end();
      await proxies.customer?.close();
      await proxies.core.close();
    }
  }
}

async function show(
  title: string,
  { processes: [service] }: Setup,
  proxies: { customer: CountingProxy | null; core: CountingProxy },
  work: () => Promise<Sample>,
): Promise<void> {
  await sleep(AFTER_MS);
  proxies.customer?.take();
  proxies.core.take();
  const before = await service!.cpuSeconds();
  const { ms, errors } = await work();
  const cpu = await service!.cpuSeconds();
  await sleep(AFTER_MS);
  if (errors.length > 0) throw new Error(`${title}: ${errors.length} errors, the first: ${errors[0]}`);
  const processor = cpu === null || before === null ? 'unknown' : `${tell(((cpu - before) * 1000) / ms.length)} ms`;
  console.log(`\n### ${title}\n\np50 ${tell(percentile(ms, 0.5))} ms; processor time of the service ${processor}\n`);
  console.log('| where | stage | statements | round trips | commits | ms waited |\n|---|---|---|---|---|---|');
  for (const [where, proxy] of Object.entries(proxies) as ['customer' | 'core', CountingProxy | null][])
    if (proxy !== null) for (const row of rows(where, proxy.take(), ms.length)) console.log(`| ${row.join(' | ')} |`);
}

function rows(where: 'customer' | 'core', said: readonly Said[], changes: number): string[][] {
  const stages = new Map<string, Said[]>();
  for (const one of said) {
    const stage = stageOf(one.text, STAGES[where]);
    stages.set(stage, [...(stages.get(stage) ?? []), one]);
  }
  const row = (name: string, of: readonly Said[]): string[] => {
    const { statements, roundTrips, commits } = countsOf(of);
    const waited = of.reduce((sum, { ms }) => sum + ms, 0);
    return [where, name, ...[statements, roundTrips, commits, waited].map((figure) => tell(figure / changes))];
  };
  const byTime = [...stages].map(([name, of]) => row(name, of)).sort((a, b) => Number(b[5]) - Number(a[5]));
  return [...byTime, row('**all**', said)];
}
