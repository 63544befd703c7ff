/**
 * Real servers for the tests: PostgreSQL, MariaDB (or MySQL), Redis.
 * Plain JavaScript, because jest loads its global setup without a transform; the types are in servers.d.ts.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';

const run = promisify(execFile);
const START_MS = 30_000;

/**
 * What differs from server to server. Nothing is synced to disk, which costs nothing here: what was committed is with
 * the operating system, so it survives a killed server, and a killed machine ends the tests anyway.
 */
const kinds = {
  postgres: {
    title: 'PostgreSQL',
    variable: 'TEST_POSTGRES_URL',
    apt: 'postgresql',
    account: 'postgres',
    softSignal: 'SIGINT',
    url: (port, password) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    find() {
      const postgres = findProgram('postgres');
      const initdb = postgres && join(dirname(realpathSync(postgres)), 'initdb');
      return initdb && existsSync(initdb) ? { server: postgres, initdb } : null;
    },
    async prepare({ initdb }, dir, password, runAs) {
      writeFor(runAs, `${dir}/password`, password);
      await run(
        initdb,
        [
          '-D',
          `${dir}/data`,
          '-U',
          'postgres',
          '--pwfile',
          `${dir}/password`,
          '-A',
          'scram-sha-256',
          '-E',
          'UTF8',
          '--locale=C',
          '--no-sync',
        ],
        inside(dir, runAs),
      );
    },
    args: (dir, port) => [
      '-D',
      `${dir}/data`,
      '-p',
      String(port),
      ...settings('-c', {
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        ...postgresSettings,
      }),
    ],
    docker: (password) => ({
      image: 'postgres:16-alpine',
      port: 5432,
      env: [`POSTGRES_PASSWORD=${password}`],
      args: settings('-c', postgresSettings),
    }),
    async ping(url) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
      // A server that ends while we look would otherwise end the tests: `connect` rejects as well.
      client.on('error', () => {});
      try {
        await client.connect();
      } finally {
        await client.end();
      }
    },
  },

  mariadb: {
    title: 'MariaDB',
    variable: 'TEST_MYSQL_URL',
    apt: 'mariadb-server',
    account: 'mysql',
    softSignal: 'SIGTERM',
    url: (port, password) => `mysql://root:${password}@127.0.0.1:${port}`,
    find() {
      const server = findProgram('mariadbd') ?? findProgram('mysqld');
      return server && { server, initdb: findProgram('mariadb-install-db') ?? findProgram('mysql_install_db') };
    },
    async prepare({ server, initdb }, dir, password, runAs) {
      const root = `'root'@'127.0.0.1'`; // names are not resolved, so root@localhost would be nobody
      writeFor(
        runAs,
        `${dir}/init.sql`,
        [
          `CREATE USER IF NOT EXISTS ${root};`,
          `ALTER USER ${root} IDENTIFIED BY '${password}';`,
          `GRANT ALL PRIVILEGES ON *.* TO ${root} WITH GRANT OPTION;`,
        ].join('\n'),
      );
      if (initdb)
        await run(
          initdb,
          [
            '--no-defaults',
            `--datadir=${dir}/data`,
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
            '--skip-name-resolve',
          ],
          inside(dir, runAs),
        );
      else await run(server, ['--no-defaults', `--datadir=${dir}/data`, '--initialize-insecure'], inside(dir, runAs));
    },
    args: (dir, port) => [
      '--no-defaults',
      `--datadir=${dir}/data`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${dir}/s`,
      `--pid-file=${dir}/s.pid`,
      `--tmpdir=${dir}`,
      `--init-file=${dir}/init.sql`,
      '--loose-mysqlx=0',
      ...mariadbSettings,
    ],
    docker: (password) => ({
      image: 'mariadb:11',
      port: 3306,
      env: [`MARIADB_ROOT_PASSWORD=${password}`],
      args: mariadbSettings,
    }),
    async ping(url) {
      await (await mysql.createConnection({ uri: url, connectTimeout: 2000 })).end();
    },
  },

  redis: {
    title: 'Redis',
    variable: 'TEST_REDIS_URL',
    apt: 'redis-server',
    account: null,
    softSignal: 'SIGTERM',
    url: (port, password) => `redis://:${password}@127.0.0.1:${port}`,
    find() {
      const server = findProgram('redis-server') ?? findProgram('valkey-server');
      return server && { server };
    },
    async prepare(_, dir, password, runAs) {
      writeFor(runAs, `${dir}/redis.conf`, `requirepass ${password}\n`);
    },
    args: (dir, port) => [
      `${dir}/redis.conf`,
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
      '--dir',
      dir,
      ...redisSettings,
    ],
    docker: (password) => ({
      image: 'redis:7-alpine',
      port: 6379,
      env: [],
      args: ['--requirepass', password, ...redisSettings],
    }),
    async ping(url) {
      const redis = new Redis(url, {
        lazyConnect: true,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
        connectTimeout: 2000,
      });
      redis.on('error', () => {}); // `connect` rejects as well
      try {
        await redis.connect();
        await redis.ping();
      } finally {
        // on one that has ended, it would keep the process alive for two seconds
        if (redis.status !== 'end') redis.disconnect();
      }
    },
  },
};

const postgresSettings = { max_connections: 200, fsync: 'off', full_page_writes: 'off', timezone: 'UTC' };
const mariadbSettings = [
  '--max-connections=300',
  '--skip-log-bin',
  '--skip-name-resolve',
  '--character-set-server=utf8mb4',
  '--default-time-zone=+00:00',
  '--innodb-flush-log-at-trx-commit=2',
];
const redisSettings = [
  '--databases',
  '1024',
  '--save',
  '',
  '--appendonly',
  'yes',
  '--appendfsync',
  'no',
  '--maxmemory-policy',
  'noeviction',
];

export const startPostgres = (more) => start(withMore(kinds.postgres, more));
export const startMariadb = (more) => start(withMore(kinds.mariadb, more));
export const startRedis = (more) => start(withMore(kinds.redis, more));

/**
 * `args`: further ones of the server's own, which win over those before them; `files`: what they name, at the same
 * place in a container.
 */
function withMore(kind, { args = [], files = [] } = {}) {
  const docker = (password) => {
    const how = kind.docker(password);
    return { ...how, args: [...how.args, ...args], files };
  };
  return { ...kind, args: (dir, port) => [...kind.args(dir, port), ...args], docker };
}

/**
 * Servers for a whole run: those that the environment names, and new ones for the rest, whose urls it puts there for
 * the jest workers.
 */
export async function startServers() {
  const results = await Promise.allSettled(
    Object.values(kinds).map(async (kind) => {
      if (!process.env[kind.variable]) process.env[kind.variable] = (await start(kind)).url;
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return;
  await stopServers(); // jest runs no teardown after a failed setup
  throw failed.reason;
}

const started = new Set();

export async function stopServers() {
  await Promise.all([...started].map((server) => server.remove()));
}

/**
 * A free port below the range from which the system takes ports for outgoing connections: one of those may not take it
 * while its server is down.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + (randomBytes(4).readUInt32LE() % 12_000);
    const probe = createServer().listen(port, '127.0.0.1');
    const free = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    probe.close();
    if (free) return port;
  }
}

async function start(kind) {
  if (await dockerAnswers()) {
    try {
      return await startOn(dockerHost, kind);
    } catch (error) {
      // an image that can't be pulled, ports that are another machine's
      console.warn(`${kind.title} does not start in Docker: ${error.message}`);
    }
  }
  return await startOn(processHost, kind);
}

async function startOn(newHost, kind) {
  const port = await freePort();
  const password = randomBytes(12).toString('hex');
  const url = kind.url(port, password);
  const host = await newHost(kind, port, password);

  /** @type {import('./servers.js').Server} */
  const server = {
    url,
    port,
    get pid() {
      return host.pid();
    },
    stop: () => host.end(false),
    kill: () => host.end(true),
    async restart() {
      await host.end(false);
      await host.launch();
      await answers(kind, url, host);
    },
    async remove() {
      started.delete(server);
      await host.remove();
    },
  };
  started.add(server);
  try {
    await host.prepare();
    await host.launch();
    await answers(kind, url, host);
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

async function answers(kind, url, host) {
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      return await kind.ping(url);
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`${kind.title} does not answer (${error.message}): ${host.log()}`, { cause: error });
      // PostgreSQL refuses to start while a backend of a killed predecessor still runs
      if (host.ended()) await host.launch();
      await sleep(50);
    }
  }
}

/** A process of our own, with its data in a temporary folder. */
async function processHost(kind, port, password) {
  const programs = await programsOf(kind);
  const dir = mkdtempSync(join(tmpdir(), 'schemasaga-'));
  const runAs = accountFor(kind);
  chownSync(dir, runAs.uid, runAs.gid);
  const reaper = reap(
    'kill -s QUIT $(cat "$1/pid"); i=0; ' +
      'while [ $i -lt 20 ] && kill -0 $(cat "$1/pid"); do sleep 0.1; i=$((i+1)); done;' +
      ' kill -s KILL $(cat "$1/pid"); rm -rf "$1" || { sleep 2; rm -rf "$1"; }',
    dir,
  );
  let child = null;

  return {
    pid: () => child?.pid ?? 0,
    ended: () => child === null,
    log: () =>
      existsSync(`${dir}/log`) ? readFileSync(`${dir}/log`, 'utf8').trim().split('\n').slice(-5).join(' | ') : 'no log',
    prepare: () => kind.prepare(programs, dir, password, runAs),
    async launch() {
      const log = openSync(`${dir}/log`, 'a');
      // in a process group of its own: Ctrl-C in the terminal ends the tests, and the reaper then ends the server
      const launched = spawn(programs.server, kind.args(dir, port), {
        ...inside(dir, runAs),
        detached: true,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      child = launched;
      if (launched.pid) writeFileSync(`${dir}/pid`, String(launched.pid));
      launched.once('exit', () => {
        child = null;
        rmSync(`${dir}/pid`, { force: true }); // or the reaper might later kill a stranger of that number
      });
      launched.unref();
      await once(launched, 'spawn');
    },
    async end(hard) {
      if (!child) return;
      const exited = once(child, 'exit');
      child.ref();
      child.kill(hard ? 'SIGKILL' : kind.softSignal);
      await exited;
    },
    remove: reaper,
  };
}

/** A container. Only the name is known before it runs, so that is what the reaper goes by. */
function dockerHost(kind, port, password) {
  const { image, port: inner, env, args, files = [] } = kind.docker(password);
  const name = `schemasaga-test-${randomBytes(6).toString('hex')}`;
  const reaper = reap('docker rm -f -v "$1"', name);
  let running = false;
  return {
    pid: () => 0,
    ended: () => false,
    log: () => `docker logs ${name}`,
    async prepare() {
      await run('docker', [
        'create',
        '--name',
        name,
        '-p',
        `127.0.0.1:${port}:${inner}`,
        ...env.flatMap((pair) => ['-e', pair]),
        ...files.flatMap((file) => ['-v', `${file}:${file}:ro`]),
        image,
        ...args,
      ]);
    },
    async launch() {
      await run('docker', ['start', name]);
      running = true;
    },
    async end(hard) {
      if (running) await run('docker', [hard ? 'kill' : 'stop', name]);
      running = false;
    },
    remove: reaper,
  };
}

/**
 * Runs `script` when asked, or when this process is gone, however it went: a shell in a session of its own waits for
 * the end of
 * its input, which comes even after SIGKILL. Signal handlers would leave servers behind then, and get in jest's way
 * before.
 */
function reap(script, argument) {
  const shell = spawn('sh', ['-c', `cat >/dev/null; exec 2>/dev/null; ${script}`, 'reaper', argument], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = once(shell, 'exit');
  shell.unref();
  shell.stdin.unref();
  return async () => {
    shell.ref();
    shell.stdin.end();
    await gone;
  };
}

let docker;
function dockerAnswers() {
  return (docker ??= run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 3000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  ));
}

async function programsOf(kind) {
  const programs = kind.find() ?? (await installMissing(), kind.find());
  if (programs) return programs;
  throw new Error(
    `No ${kind.title} for the tests: set ${kind.variable}, start Docker, or install it (Debian, Ubuntu: ` +
      `apt-get install ${kind.apt})`,
  );
}

let installed;
/** On Debian and Ubuntu, as root, and all at once: two runs of apt-get would fail on each other's lock. */
function installMissing() {
  return (installed ??= (async () => {
    if (process.getuid?.() !== 0 || !findProgram('apt-get')) return;
    const packages = Object.values(kinds)
      .filter((kind) => !process.env[kind.variable] && !kind.find())
      .map((kind) => kind.apt);
    console.log(`Installing ${packages.join(', ')} for the tests`);
    // without this the packages start their services, which fails where there is no init system, and the installation
    // with it
    const policy = '/usr/sbin/policy-rc.d';
    const ours = !existsSync(policy);
    if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    try {
      const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 1 << 26 };
      await run('apt-get', ['update'], options);
      await run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
    } catch (error) {
      console.error(`apt-get: ${error.stderr || error.message}`);
    } finally {
      if (ours) rmSync(policy, { force: true });
    }
  })());
}

function findProgram(name) {
  const postgres = '/usr/lib/postgresql';
  const versions = existsSync(postgres) ? readdirSync(postgres).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/sbin',
    '/usr/local/sbin',
    ...versions.map((version) => `${postgres}/${version}/bin`),
  ]
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(existsSync);
}

/** PostgreSQL and MariaDB refuse to run as root. */
function accountFor({ account }) {
  const self = { uid: process.getuid(), gid: process.getgid() };
  if (self.uid !== 0 || !account) return self;
  for (const name of [account, 'nobody']) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {
      continue;
    } // no such account
  }
  return self;
}

const idOf = (flag, name) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));

/**
 * The caller's folder may be closed to the server's account, and the caller's PG…, MYSQL… and TMPDIR variables are not
 * meant for these servers.
 */
function inside(dir, runAs) {
  return { cwd: dir, ...runAs, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', HOME: dir, TMPDIR: dir } };
}

function writeFor({ uid, gid }, file, text) {
  writeFileSync(file, text, { mode: 0o600 });
  chownSync(file, uid, gid);
}

function settings(flag, values) {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}
