import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOptions, type Options } from './options.js';
import { Run } from './run.js';
import { percentile, readSagas, recoveries, settle, takeovers, verify, type SagaRecord } from './verify.js';
import { World } from './world.js';
import type { Found } from './compare.js';

async function main(options: Options): Promise<number> {
  console.log(
    `chaos: seed ${options.seed}, ${options.mode}, core ` +
      `${options.core}${options.storm ? ', storm' : ''}${options.clocks ? ', clocks' : ''}`,
  );
  const world = await World.start(options);
  let keep = true;
  try {
    const run = new Run(world, options);
    await run.go();
    await world.calm();
    await settle(world, run);
    const sagas = await readSagas(world);
    const found = await verify(world, run, sagas, options.storm);
    printTable(world, run, sagas, found);
    keep = found.length > 0;
    if (keep) await printFound(world, run, sagas, found);
    return keep ? 1 : 0;
  } finally {
    await world.end(keep);
  }
}

function printTable(
  { counts, orphans, revivals }: World,
  run: Run,
  sagas: Map<string, SagaRecord>,
  found: Found[],
): void {
  const ended = (status: string): number => [...sagas.values()].filter(({ saga }) => saga.status === status).length;
  const [taken, recovered] = [takeovers(orphans, revivals), recoveries(orphans, revivals, sagas.values())];
  const refused = run.asked.filter(({ fate }) => fate.fate === 'refused').length;
  const ms = (times: number[], part: number): string => {
    const time = percentile(times, part);
    return time === null ? '-' : `${time} ms`;
  };
  const of = (kind: Found['kind']): number => found.filter((f) => f.kind === kind).length;
  const rows: [string, number | string][] = [
    ['changes', sagas.size],
    ['completed', ended('completed')],
    ['compensated', ended('compensated')],
    ['rejected', ended('rejected')],
    ['refused at once', refused],
    ['rows written', run.rows.written.length],
    ['kills', counts.kills],
    ['cuts', counts.cuts],
    ['restarts', counts.restarts],
    ['wipes', counts.wipes],
    ['locks', counts.locks],
    ['taken up p50', ms(taken, 0.5)],
    ['taken up p95', ms(taken, 0.95)],
    ['recovery p50', ms(recovered, 0.5)],
    ['recovery p95', ms(recovered, 0.95)],
    ['inconsistencies', of('inconsistency')],
    ['lost rows', of('lost row')],
    ['stuck', of('stuck')],
  ];
  for (const [name, value] of rows) console.log(`| ${name.padEnd(16)} | ${String(value).padStart(8)} |`);
  console.log(
    `taken up: from the SIGKILL of a process that held a table's lease, or from when there was a living ` +
      `worker again, until one had the lease (${taken.length} measured); recovery: until the next event of ` +
      `that table's sagas, from when a delayed step was due (${recovered.length} measured)`,
  );
}

async function printFound(world: World, run: Run, sagas: Map<string, SagaRecord>, found: Found[]): Promise<void> {
  for (const { kind, table, database, message } of found)
    console.log(
      `${kind}: ${table === null ? '' : `table ${table} `}${database === null ? '' : `in ${database} `}${message}`,
    );
  const tables = [...new Set(found.flatMap((f) => (f.table === null ? [] : [f.table])))];
  for (const table of tables) {
    console.log(`\ntable ${table}:`);
    for (const { item, fate } of run.asked.filter((a) => a.item.table === table)) {
      const saga = fate.fate === 'accepted' ? sagas.get(fate.sagaId)?.saga : undefined;
      const how =
        saga === undefined
          ? fate.fate === 'refused'
            ? `refused ${fate.code}`
            : fate.fate
          : `${saga.saga_id} ` +
            `${saga.status}${saga.error === null ? '' : ` ${saga.error.code} (${saga.error.database ?? '-'})`}`;
      const aborted = item.abortAfterMs === null ? '' : ` aborted after ${item.abortAfterMs} ms`;
      console.log(`  ${item.seq} ${JSON.stringify(item.change)}${aborted}: ${how}`);
    }
  }
  const file = join(world.folder, 'sagas.json');
  const ids = new Set(
    run.asked.flatMap(({ item, fate }) =>
      fate.fate === 'accepted' && tables.includes(item.table) ? [fate.sagaId] : [],
    ),
  );
  for (const { sagaId } of found) if (sagaId !== undefined) ids.add(sagaId);
  await writeFile(
    file,
    JSON.stringify(
      [...ids].map((id) => sagas.get(id)),
      null,
      1,
    ),
  );
  console.log(`\nthe sagas of these tables with their events: ${file}; the processes' logs beside it`);
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(`chaos: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 2;
}
