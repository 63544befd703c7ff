import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Matrix, random, shuffle, sideBySide, type Result } from './matrix.js';
import { readOptions } from './options.js';
import { describe, summarise, table } from './report.js';
import { startServers } from './servers.js';
import { Stage } from './stage.js';
import { Workers } from './workers.js';

/** A successor that dies as well has met at most so many points before. */
const SOON = 25;

const options = readOptions(process.argv.slice(2));
const began = Date.now();
const dir = await mkdtemp(join(tmpdir(), 'crash-matrix-'));
const { servers, stop } = await startServers(options.engines);
const workers = new Workers(fileURLToPath(new URL('./worker.js', import.meta.url)), options.jobs);
const stage = new Stage(dir, servers);
const matrix = new Matrix(stage, workers);
try {
  const rows = await matrix.rows(options, options.jobs);
  const bad = rows
    .map((row) => row.undisturbed)
    .filter((result) => result.end === 'wrong' || (result.end === 'new') !== (result.direction === 'forward'));
  const asked = options.point === null ? null : [{ id: options.point, note: 'as asked' }];
  const all = rows.flatMap((row) => (asked ?? row.points).map((point) => ({ row, point })));
  console.log(
    `${rows.length} changes without a kill in ${seconds()} s; ${all.length} points, seed ` +
      `${options.seed}, ${options.jobs} at a time`,
  );
  bad.forEach((result) => {
    console.log(`WRONG ${describe(result)}`);
  });
  const results: Result[] = [];
  const next = random(options.seed);
  const cases = shuffle(all, next).map((one) => ({
    ...one,
    successors:
      options.after.length > 0
        ? options.after
        : Array.from({ length: options.kills - 1 }, () => 1 + Math.floor(next() * SOON)),
  }));
  await sideBySide(cases, options.jobs, async ({ row, point, successors }) => {
    const result = await matrix.run(row, point, successors);
    results.push(result);
    if (result.end === 'wrong') console.log(`WRONG ${describe(result)}`);
    if (results.length % 250 === 0) console.log(`${results.length} of ${all.length} in ${seconds()} s`);
  });
  const order = (result: Result): number =>
    rows.findIndex(
      (r) => r.engine === result.engine && r.operation === result.operation && r.direction === result.direction,
    );
  console.log(table(summarise(results.sort((a, b) => order(a) - order(b)))));
  const wrong = bad.length + results.filter((r) => r.end === 'wrong').length;
  console.log(
    `${results.length} kills in ${seconds()} s: ` +
      `${wrong === 0 ? 'old, new or stuck with a way on, and never anything else' : `${wrong} wrong`}`,
  );
  process.exitCode = wrong === 0 && results.length > 0 ? 0 : 1;
} finally {
  await workers.stop();
  await stage.close();
  await stop();
  await rm(dir, { recursive: true, force: true });
}

function seconds(): string {
  return ((Date.now() - began) / 1000).toFixed(0);
}
