import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Bench } from './bench.js';
import { cases } from './cases/index.js';
import { profile } from './profile.js';
import { readOptions, type Options } from './options.js';
import { endWithThisProcess, PROGRAMS } from './processes.js';
import { listCases, table, tellLine } from './report.js';
import { Servers } from './servers.js';

/** What Linux says of a file system that lives in memory. */
const TMPFS = 0x01021994;

async function main(options: Options): Promise<number> {
  if (options.list) {
    console.log(listCases(options.cases));
    return 0;
  }
  if (!existsSync(PROGRAMS.service)) throw new Error('the service is not built: npm run build');
  endWithThisProcess();
  const folder = await mkdtemp(join(tmpdir(), 'schemasaga-bench-'));
  if ((await statfs(folder)).type === TMPFS)
    throw new Error(`${tmpdir()} is memory, where nothing is durable: set TMPDIR to a folder on a disk`);
  const servers = new Servers(folder);
  // Whatever else runs is in every figure.
  console.log(`load of the machine before the run: ${loadavg()[0]!.toFixed(1)}`);
  const bench = new Bench(options.quick, folder, servers);
  let failed = 0;
  try {
    const began = performance.now();
    if (options.profile) {
      await profile(bench);
      return 0;
    }
    for (const one of options.cases) failed += (await runCase(one, bench)) ? 0 : 1;
    console.log(`\n${table(bench.lines)}\n\n${await machine(servers)}; ${seconds(began)} s in all`);
    if (options.json !== null)
      await writeFile(options.json, JSON.stringify({ machine: await machine(servers), lines: bench.lines }, null, 1));
    return failed === 0 ? 0 : 1;
  } finally {
    await servers.end();
    await rm(folder, { recursive: true, force: true });
  }
}

/** False: it could not be measured. */
async function runCase(one: (typeof cases)[number], bench: Bench): Promise<boolean> {
  console.log(`${one.number} ${one.name}: ${one.what}`);
  if ('notYet' in one) {
    console.log(`  not yet: ${one.notYet}`);
    return true;
  }
  const began = performance.now();
  const from = bench.lines.length;
  bench.begin(one.number);
  try {
    await one.run(bench);
    return true;
  } catch (error) {
    console.log(`  FAILED: ${error instanceof Error ? error.stack : String(error)}`);
    return false;
  } finally {
    await bench.end();
    for (const line of bench.lines.slice(from)) {
      console.log(tellLine(line));
      if (line.errors.length > 0) console.log(`    ${line.errors.length} errors, the first: ${line.errors[0]}`);
    }
    console.log(`  ${seconds(began)} s`);
  }
}

async function machine(servers: Servers): Promise<string> {
  const [first] = cpus();
  return [
    `${cpus().length} × ${first?.model ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    ...(await servers.versions()),
  ].join(', ');
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2), cases));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 2;
}
