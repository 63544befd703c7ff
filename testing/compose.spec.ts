import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

/** The variables that the program reads. One that it doesn't would be set, and ignored without a word. */
const variables = [
  'PORT',
  'HOST',
  'DATA_DIR',
  'CORE_DATABASE_URL',
  'BYODB_URL',
  'REDIS_URL',
  'ROLE',
  'CREDENTIALS_KEY',
  'RETENTION_SECONDS',
  'CHANGE_DEADLINE_SECONDS',
  'COMMANDS_RETENTION_SECONDS',
  'MAX_REWRITE_ROWS',
  'LOCK_TIMEOUT_MS',
  'SAGA_CONCURRENCY',
  'DATABASE_CONCURRENCY',
  'DRIFT_CHECK_SECONDS',
  'DRAIN_SECONDS',
  'LOG_LEVEL',
];

/** The blocks one level below `section`, by name, as text: enough to look into without a YAML parser. */
function blocks(text: string, section: string): Map<string, string> {
  const body = new RegExp(`^${section}:\\n((?:(?: .*)?\\n)+)`, 'm').exec(text)?.[1] ?? '';
  return new Map(
    body
      .split(/^(?= {2}[a-z])/m)
      .map((block): [string, string] => [/^ {2}([\w-]+):/.exec(block)?.[1] ?? '', block])
      .filter(([name]) => name !== ''),
  );
}

describe('docker-compose.yml', () => {
  const compose = read('docker-compose.yml');
  const services = blocks(compose, 'services');
  const ours = ['api', 'worker-1', 'worker-2'];
  const expanded = (name: string): string =>
    /^ {2}[\w-]+: \*worker$/m.test(services.get(name)!) ? services.get('worker-1')! : services.get(name)!;

  it('has the core, the queue, the API, two workers and two customers', () => {
    expect([...services.keys()].sort()).toEqual([
      'api',
      'core-postgres',
      'customer-mariadb',
      'customer-postgres',
      'redis',
      'worker-1',
      'worker-2',
    ]);
    expect(services.get('api')).toContain('ROLE: api\n');
    for (const worker of ['worker-1', 'worker-2']) expect(expanded(worker)).toContain('ROLE: worker\n');
  });

  it('sets only variables that the program reads, the same for the API and the workers', () => {
    const shared = /^x-environment: &environment\n((?: .*\n)+)/m.exec(compose)![1]!;
    const set = [...shared.matchAll(/^ {2}([A-Z_]+):/gm)].map((match) => match[1]!);
    expect(set).toEqual(expect.arrayContaining(['CORE_DATABASE_URL', 'REDIS_URL', 'BYODB_URL', 'CREDENTIALS_KEY']));
    expect(set.filter((name) => !variables.includes(name))).toEqual([]);
    for (const name of ours) {
      const own = /environment:\n {6}<<: \*environment\n((?: {6}.*\n)*)/.exec(expanded(name));
      expect([...own![1]!.matchAll(/^ {6}([A-Z_]+):/gm)].map((match) => match[1])).toEqual(['ROLE']);
    }
  });

  it('refuses to start without a credentials key', () => {
    expect(compose).toMatch(/CREDENTIALS_KEY: \$\{CREDENTIALS_KEY:\?/);
  });

  it('connects to services that it has, with the accounts that it gives them', () => {
    const urls = [...compose.matchAll(/\b(postgres|mysql):\/\/(\w+):(\w+)@([\w-]+):\d+\/(\w+)/g)];
    expect(urls).toHaveLength(3);
    for (const [, engine, user, password, host, database] of urls) {
      const prefix = engine === 'postgres' ? 'POSTGRES' : 'MARIADB';
      expect(services.get(host!)).toContain(`${prefix}_USER: ${user}\n`);
      expect(services.get(host!)).toContain(`${prefix}_PASSWORD: ${password}\n`);
      if (engine === 'postgres')
        expect(database).toBe(user); // the image's default
      else expect(services.get(host!)).toContain(`${prefix}_DATABASE: ${database}\n`);
    }
  });

  it('waits for what is healthy, which every service can say', () => {
    for (const name of services.keys()) expect(expanded(name)).toContain('healthcheck:');
    const conditions = [...compose.matchAll(/^ {6}([\w-]+): \{ condition: (\w+) \}/gm)];
    expect(conditions.length).toBeGreaterThan(0);
    for (const [, dependency, condition] of conditions) {
      expect([...services.keys()]).toContain(dependency);
      expect(condition).toBe('service_healthy');
    }
  });

  it('publishes the API alone, on loopback', () => {
    expect([...compose.matchAll(/ports:\n((?: {6}- .*\n)+)/g)].map((match) => match[1]!.trim())).toEqual([
      '- "127.0.0.1:${PORT:-3000}:3000"',
    ]);
    expect(services.get('api')).toContain('ports:');
  });

  it('keeps all that is not a cache: volumes are declared, Redis appends and evicts nothing', () => {
    const declared = [...blocks(compose, 'volumes').keys()];
    const mounted = [...compose.matchAll(/^ +- ([\w-]+):\//gm)].map((match) => match[1]!);
    expect([...new Set(mounted)].sort()).toEqual(declared.sort());
    expect(services.get('redis')).toContain('"--appendonly", "yes", "--maxmemory-policy", "noeviction"');
  });
});

describe('.env.example', () => {
  it('has every variable once, and all but the key commented', () => {
    const lines = [...read('.env.example').matchAll(/^(# )?([A-Z_]+)=(.*)$/gm)];
    expect(lines.map((match) => match[2]!).sort()).toEqual([...variables].sort());
    expect(lines.filter((match) => match[1] === undefined).map((match) => match[0])).toEqual(['CREDENTIALS_KEY=']);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('runs as nobody in particular, without a shell, and says how it is', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^CMD \["node", "dist\/apps\/api\/src\/main.js"\]$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK [^]*\/health\/live/m);
    expect(dockerfile).toMatch(/^VOLUME \/data$/m);
  });

  it('copies what the build leaves, from paths that are not ignored', () => {
    const ignored = read('.dockerignore').split('\n');
    for (const [, path] of dockerfile.matchAll(/^COPY --from=build \/app\/(\S+)/gm)) {
      if (path !== 'node_modules' && path !== 'dist') expect(ignored).not.toContain(path);
    }
    expect(ignored).toEqual(expect.arrayContaining(['.env', '.git', 'node_modules']));
  });
});
