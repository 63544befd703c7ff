/**
 * The three tiers of specs. `e2e` run the service, or a program around it. Of the others, `integration` reach a helper
 * that connects to a server; `unit` need none.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const FOLDERS = ['apps', 'libs', 'testing', 'chaos', 'crash-matrix', 'bench'];

const END_TO_END = [
  'apps/api/testing/',
  'testing/',
  'chaos/chaos.spec.ts',
  'bench/counts.spec.ts',
  'crash-matrix/crash-matrix.spec.ts',
];
/** Where the servers' addresses are read. */
const NEEDS_A_SERVER = /TEST_(POSTGRES|MYSQL|REDIS)_URL|startPostgres|startMariadb|startRedis/;
const RELATIVE_IMPORT = /(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g;

/** By tier, the specs' paths from the root. */
export function specsByTier() {
  const tiers = { unit: [], integration: [], e2e: [] };
  for (const spec of FOLDERS.flatMap(specsIn).sort()) tiers[tierOf(spec)].push(spec);
  return tiers;
}

function specsIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spec.ts'))
    .map((name) => join(folder, name));
}

function tierOf(spec) {
  if (END_TO_END.some((start) => spec.startsWith(start))) return 'e2e';
  return reachesAServer(join(ROOT, spec), new Set()) ? 'integration' : 'unit';
}

function reachesAServer(file, seen) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (NEEDS_A_SERVER.test(text)) return true;
  return [...text.matchAll(RELATIVE_IMPORT)].some(([, path]) => {
    const target = resolve(dirname(file), path);
    // What a spec takes of the source itself connects to nothing by being loaded.
    const isHelper = relative(ROOT, target).split('/').includes('testing');
    return isHelper && [target, target.replace(/\.js$/, '.ts')].some((one) => reachesAServer(one, seen));
  });
}
