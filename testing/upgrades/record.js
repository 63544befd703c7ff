/**
 * Writes what upgrade.spec.ts starts the service on: the data folder of a service that was killed in the middle of its
 * work.
 *
 *   node testing/upgrades/record.js <folder of a built service> <name> [url of an empty core database]
 *
 * Without a url the core is a SQLite file. The customers' databases are SQLite files, so that all of it fits in one
 * archive:
 * `data/` as it lay there, `core.sql` (a dump, for a core on a server), and `answers.json`, what the service said
 * before.
 */
import Database from 'better-sqlite3';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const [built, name, coreUrl] = process.argv.slice(2);
if (built === undefined || name === undefined)
  throw new Error(
    'usage: node testing/upgrades/record.js <folder of a built service> <name> [url of an empty core database]',
  );

const folder = mkdtempSync(join(tmpdir(), 'upgrade-'));
const data = join(folder, 'data');
mkdirSync(data);
const shop = join(data, 'shop.db');

/** What is set aside, and what is under way, must still be so when the archive is opened years later. */
const FOR_EVER = { RETENTION_SECONDS: String(10 ** 10), CHANGE_DEADLINE_SECONDS: String(10 ** 9) };
const environment = {
  ...process.env,
  ...FOR_EVER,
  PORT: '0',
  DATA_DIR: data,
  LOCK_TIMEOUT_MS: '100',
  LOG_LEVEL: 'fatal',
  DRIFT_CHECK_SECONDS: '0',
  ...(coreUrl === undefined ? {} : { CORE_DATABASE_URL: coreUrl }),
};
const service = spawn(process.execPath, [join(resolve(built), 'dist/apps/api/src/main.js')], {
  env: environment,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((told, failed) => {
  service.stdout.on('data', (text) => {
    const found = /listens on (http:\S+)/.exec(String(text));
    if (found !== null) told(found[1]);
  });
  service.once('exit', (code) => {
    failed(new Error(`the service ended with ${code}`));
  });
});

async function call(method, path, body) {
  const response = await fetch(url + path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json', Prefer: 'wait=20' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

async function done(path, body) {
  const answer = await call('POST', path, body);
  if (answer.status !== 200 && answer.status !== 201)
    throw new Error(`${path} ${JSON.stringify(body)}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const make = async (table) =>
  (await done('/table/create', { databases: ['default', 'shop'], ...table })).table.table_id;

function inShop(...statements) {
  const database = new Database(shop, { timeout: 5000 });
  for (const statement of statements) database.exec(statement);
  database.close();
}

/** Tables at rest, each with a past of another kind. */
async function past() {
  const customers = await make({
    name: 'customers',
    columns: [
      { name: 'id', type: 'bigint', primary_key: true, generated: true },
      { name: 'code', type: 'string', length: 20, unique: true },
      { name: 'points', type: 'integer' },
      { name: 'note', type: 'text' },
    ],
  });
  inShop(`insert into customers (code, points, note) values ('a', 1, 'first'), ('b', 2, null)`);
  await done('/table/column', {
    table_id: customers,
    columns: [
      { name: 'paid', type: 'boolean', nullable: false, default: false },
      { name: 'code', rename_to: 'number', length: 40 },
      { name: 'points', type: 'bigint' },
    ],
  });
  await done('/table/column', { table_id: customers, column: { name: 'note' } });
  await done('/table/rename', { table_id: customers, name: 'clients' });
  const orders = await make({
    name: 'orders',
    columns: [
      { name: 'id', type: 'bigint', primary_key: true, generated: true },
      { name: 'placed', type: 'timestamp' },
    ],
  });
  await done('/table/column', { table_id: orders, column: { name: 'placed' } });
  await done('/table/revert', { table_id: orders, version: 2 });
  const bills = await make({ name: 'bills' });
  inShop('alter table bills add column theirs text');
  // An earlier version knows no answer to drift.
  await call('POST', '/databases/shop/drift/resolve', { table_id: bills, as: 'ignore' });
  const back = await make({ name: 'back' });
  await done('/table/delete', { table_id: back });
  await done('/table/restore', { table_id: back });
  const dropped = await make({ name: 'dropped' });
  await done('/table/delete', { table_id: dropped });
  const alone = await make({ name: 'alone', databases: ['shop'] });
  await done('/table/databases', { table_id: alone, add: ['default'] });
  inShop('create table taken (id integer)');
  await call('POST', '/table/create', { name: 'taken', databases: ['default', 'shop'] });
  return [customers, orders, bills, back, dropped, alone];
}

async function answer(method, path, body) {
  const { status, body: told } = await call(method, path, body);
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(told)}`);
  return told;
}

async function answersOf(ids) {
  const tables = {};
  for (const table_id of ids) {
    tables[table_id] = {
      show: await answer('GET', `/tables/${table_id}`),
      history: await answer('GET', `/tables/${table_id}/history?limit=100`),
      replay: await answer('POST', '/table/replay', { table_id }),
    };
  }
  const drift = {};
  for (const database of ['default', 'shop']) drift[database] = await answer('GET', `/databases/${database}/drift`);
  return {
    list: await answer('GET', '/tables?limit=100'),
    dropped: await answer('GET', '/tables?limit=100&status=dropped'),
    tables,
    drift,
  };
}

/** Halfway through: done in one database, held up in the other; and others wait behind it. */
async function midway(moving) {
  const holder = new Database(shop);
  holder.exec('begin immediate');
  const { saga } = await ask('/table/column', {
    table_id: moving,
    columns: [
      { name: 'extra', type: 'integer' },
      { name: 'label', type: 'text', rename_to: 'title' },
    ],
  });
  await ask('/table/column', { table_id: moving, column: { name: 'last', type: 'string', length: 10 } });
  const born = (await ask('/table/create', { name: 'born', databases: ['default', 'shop'] })).table.table_id;
  for (let tries = 0; ; tries++) {
    const { steps } = (await call('GET', `/sagas/${saga.saga_id}`)).body.saga;
    const applied = (database) =>
      steps.filter((step) => step.phase === 'apply' && step.database === database).map((step) => step.status);
    if (applied('default').includes('succeeded') && applied('shop').length > 0) break;
    if (tries === 100) throw new Error(`it is not halfway: ${JSON.stringify(steps)}`);
    await sleep(100);
  }
  const gone = new Promise((ended) => {
    service.once('exit', ended);
  });
  service.kill('SIGKILL');
  await gone;
  holder.exec('rollback');
  holder.close();
  return born;
}

async function ask(path, body) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 202) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/**
 * What SQLite would do at the next start anyway; with what it keeps beside its files they would be ten times as long.
 */
function fold() {
  for (const file of readdirSync(data).filter((one) => one.endsWith('.db'))) {
    const database = new Database(join(data, file));
    database.exec('vacuum');
    database.pragma('wal_checkpoint(truncate)');
    database.close();
  }
}

function dump() {
  const { protocol, hostname, port, username, password, pathname } = new URL(coreUrl);
  const postgres = protocol.startsWith('postgres');
  const secrets = { ...process.env, PGPASSWORD: decodeURIComponent(password), MYSQL_PWD: decodeURIComponent(password) };
  const at = ['-h', hostname, postgres ? '-p' : '-P', port, postgres ? '-U' : '-u', decodeURIComponent(username)];
  const [program, options] = postgres
    ? ['pg_dump', ['--no-owner', '--no-privileges', ...at, '-d', pathname.slice(1)]]
    : ['mariadb-dump', ['--protocol=tcp', '--skip-ssl', '--skip-dump-date', ...at, pathname.slice(1)]];
  const text = execFileSync(program, options, { env: secrets, encoding: 'utf8' });
  // Words of a newer client that an older one does not know.
  writeFileSync(
    join(folder, 'core.sql'),
    text
      .split('\n')
      .filter(
        (line) => !/^\\(un)?restrict |^-- (Host|Server version|Dump completed)|enable the sandbox mode/.test(line),
      )
      .join('\n'),
  );
}

try {
  await done('/databases', { name: 'shop', url: `sqlite:${shop}` });
  const resting = await past();
  const moving = await make({
    name: 'moving',
    columns: [
      { name: 'id', type: 'bigint', primary_key: true, generated: true },
      { name: 'label', type: 'text' },
    ],
  });
  const answers = await answersOf(resting);
  const born = await midway(moving);
  fold();
  if (coreUrl !== undefined) dump();
  writeFileSync(join(folder, 'answers.json'), JSON.stringify({ ...answers, moving, born }));
  const archive = join(dirname(fileURLToPath(import.meta.url)), `${name}.tar.gz`);
  execFileSync('bash', ['-c', 'tar -c --owner=0 --group=0 -C "$0" . | gzip -9 > "$1"', folder, archive]);
  process.stdout.write(`${archive}\n`);
} finally {
  service.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
