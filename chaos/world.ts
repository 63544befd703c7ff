import { Redis } from 'ioredis';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { query, tcpProxy, type Proxy } from '../testing/fixtures.js';
import { startMariadb, startPostgres, startRedis, type Server } from '../testing/servers.js';
import { Client } from './client.js';
import type { LiveTable } from './compare.js';
import { isAside, readTables } from './live.js';
import type { Options } from './options.js';
import { refusePoison, withPath } from './place.js';
import type { Fault } from './plan-items.js';
import { faketime, Process } from './processes.js';
import { keyOf } from './rows.js';
import { holdFile, patiently, quote, sql, type Place } from './sql.js';

export interface Lease {
  subject: string;
  owner: string;
  token: number;
  expires: number;
}

/**
 * A lease whose holder was killed at `at`; `taken`: when it was seen that a living worker had taken it, null while none
 * has.
 */
export interface Orphan {
  subject: string;
  at: number;
  taken: number | null;
}

/** Off by so much, one after the other; days are what a wrong machine or a failed battery is off by. */
const CLOCKS = [null, '+1h', null, '-1h', '+8d', null, '-8d', '+3s'];

/**
 * How long after a kill, and once more, the leases are looked at again: a living holder has renewed or released one of
 * its own by then.
 */
const BEATS_MS = 400;
const LEAST_LIFE_MS = 1500;

/** So long an orphan's lease is watched, and so often it is looked at. */
const WATCH_MS = 15_000;
const WATCH_EVERY_MS = 50;

/** All that runs: servers, proxies, the program's processes; and all that can be done to them. */
export class World {
  readonly places: Place[] = [];
  readonly counts = { kills: 0, cuts: 0, restarts: 0, wipes: 0, locks: 0 };
  readonly orphans: Orphan[] = [];
  private readonly watches = new Set<Promise<void>>();
  /** When there was a living worker again after there had been none. */
  readonly revivals: number[] = [];
  readonly client = new Client(() => this.processes.filter((p) => p.role !== 'worker').map((p) => p.url));
  private readonly processes: Process[] = [];
  private readonly servers = new Map<'postgres' | 'mysql' | 'redis' | 'core', Server>();
  private readonly proxies = new Map<'postgres' | 'mysql', Proxy>();
  private readonly busy = new Map<string, Promise<void>>();
  private core: Pick<Place, 'engine' | 'url'> = { engine: 'sqlite', url: '' };

  private constructor(
    private readonly options: Options,
    readonly folder: string,
  ) {}

  static async start(options: Options): Promise<World> {
    const world = new World(options, await mkdtemp(join(tmpdir(), 'schemasaga-chaos-')));
    if (options.clocks && faketime() === null)
      throw new Error('--clocks needs libfaketime: apt-get install libfaketime');
    try {
      await world.build();
      return world;
    } catch (error) {
      await world.end(false);
      throw error;
    }
  }

  private async build(): Promise<void> {
    const { options, folder, servers } = this;
    const make = async (name: 'postgres' | 'mysql' | 'redis' | 'core', start: () => Promise<Server>): Promise<void> => {
      servers.set(name, await start());
    };
    await Promise.all([
      make('postgres', startPostgres),
      make('mysql', startMariadb),
      ...(options.core === 'postgres' ? [make('core', startPostgres)] : []),
      ...(options.mode === 'bullmq' ? [make('redis', startRedis)] : []),
    ]);
    for (const engine of ['postgres', 'mysql'] as const)
      this.proxies.set(engine, await tcpProxy(servers.get(engine)!.port));
    this.places.push(
      { name: 'default', engine: 'sqlite', url: `sqlite:${join(folder, 'default.db')}` },
      { name: 'file', engine: 'sqlite', url: `sqlite:${join(folder, 'file.db')}` },
    );
    for (const [name, engine] of [
      ['pg_a', 'postgres'],
      ['pg_b', 'postgres'],
      ['my_a', 'mysql'],
      ['my_b', 'mysql'],
    ] as const) {
      const url = servers.get(engine)!.url;
      await query(url, `create database ${name}`);
      const place: Place = { name, engine, url: withPath(url, name) };
      this.places.push(place);
      if (engine === 'postgres') await refusePoison(place);
    }
    if (options.core === 'postgres') {
      await query(servers.get('core')!.url, 'create database core');
      this.core = { engine: 'postgres', url: withPath(servers.get('core')!.url, 'core') };
    } else this.core = { engine: 'sqlite', url: `sqlite:${join(folder, 'core.db')}` };
    const environment = {
      DATA_DIR: folder,
      CORE_DATABASE_URL: this.core.url,
      BYODB_URL: this.places[0]!.url,
      CREDENTIALS_KEY: 'c4'.repeat(32),
      LOCK_TIMEOUT_MS: '300',
      CHANGE_DEADLINE_SECONDS: '240',
      ...(options.mode === 'bullmq' ? { REDIS_URL: servers.get('redis')!.url } : {}),
    };
    const add = async (name: string, role: Process['role']): Promise<void> => {
      this.processes.push(await Process.start(name, role, environment, folder));
    };
    // The first one alone: it makes the core database's schema.
    if (options.mode === 'embedded') await add('all', 'all');
    else await add('api-1', 'api');
    if (options.mode === 'bullmq') {
      await Promise.all([
        ...Array.from({ length: options.api - 1 }, (_, i) => add(`api-${i + 2}`, 'api')),
        ...Array.from({ length: options.workers }, (_, i) => add(`worker-${i + 1}`, 'worker')),
      ]);
      this.processes.sort((a, b) => a.name.localeCompare(b.name));
    }
    for (const { name, engine, url } of this.places.slice(1)) {
      const address = engine === 'sqlite' ? url : this.proxies.get(engine)!.url(url);
      const { status, body } = await this.client.ask('POST', '/databases', { name, url: address });
      if (status !== 201) throw new Error(`database ${name} cannot be registered: ${JSON.stringify(body)}`);
    }
  }

  place(name: string): Place {
    return this.places.find((p) => p.name === name)!;
  }

  /** Returns as soon as it has begun; what takes time goes on beside the run. */
  async inject(fault: Fault): Promise<void> {
    switch (fault.fault) {
      case 'kill':
        return this.kill(fault.dice, fault.downMs);
      case 'cut': {
        this.counts.cuts += 1;
        const proxy = this.proxies.get(fault.engine)!;
        if (fault.how === 'cut') proxy.cut();
        else
          this.alone(`proxy ${fault.engine}`, async () => {
            if (fault.how === 'refuse') {
              proxy.refuse();
              proxy.cut();
            } else proxy.hold();
            await sleep(fault.ms);
            await proxy.resume();
          });
        return;
      }
      case 'wipe':
        return this.wipe();
      case 'restart': {
        const server = this.servers.get(fault.server);
        if (server === undefined) return;
        this.alone(`server ${fault.server}`, async () => {
          this.counts.restarts += 1;
          if (fault.hard) await server.kill();
          await server.restart();
        });
        return;
      }
      case 'lock':
        this.alone(`lock ${fault.table}`, () => this.lock(fault));
    }
  }

  /** One at a time of a kind; a second one while the first goes on is left out. */
  private alone(what: string, work: () => Promise<void>): void {
    if (this.busy.has(what)) return;
    this.busy.set(
      what,
      work()
        .catch((error: unknown) => {
          this.client.failures.push(`${what}: ${String(error)}`);
        })
        .finally(() => {
          this.busy.delete(what);
        }),
    );
  }

  private async kill(dice: number, downMs: number): Promise<void> {
    const order = this.processes.map((_, i) => this.processes[(dice + i) % this.processes.length]!);
    const victim = order.find((p) => p.isUp) ?? order[0]!;
    if (!victim.isUp) await victim.up();
    // Killed again and again before it comes to work, a single process would show nothing.
    await sleep(Math.max(0, victim.upSince + LEAST_LIFE_MS - Date.now()));
    const held =
      victim.role === 'api' ? [] : (await this.leases().catch(() => [])).filter((lease) => lease.expires > Date.now());
    const at = Date.now();
    if (this.options.clocks) victim.clock = this.clockFor(victim, dice);
    await victim.kill('SIGKILL');
    this.counts.kills += 1;
    if (held.length > 0) {
      const watch = this.findOrphans(held, at, victim.role === 'all').finally(() => this.watches.delete(watch));
      this.watches.add(watch);
    }
    this.alone(`process ${victim.name}`, async () => {
      await sleep(downMs);
      await victim.up();
      const workers = this.processes.filter((p) => p.role !== 'api' && p.isUp);
      if (workers.length === 1 && workers[0] === victim) this.revivals.push(Date.now());
    });
  }

  /**
   * Who is off from a server's clock takes no work: somebody has to. In a file there is no other clock to be off from.
   */
  private clockFor(victim: Process, dice: number): string | null {
    const works = (p: Process): boolean => p !== victim && p.role !== 'api' && p.clock === null;
    return this.options.core === 'sqlite' || this.processes.some(works) ? CLOCKS[dice % CLOCKS.length]! : null;
  }

  private async findOrphans(held: Lease[], at: number, all: boolean): Promise<void> {
    const alive = new Set<string>();
    for (let look = 0; look < 2 && !all; look++) {
      await sleep(BEATS_MS);
      for (const now of await this.leases().catch(() => [])) {
        const before = held.find((lease) => lease.subject === now.subject && lease.token === now.token);
        const newest = Math.max(0, ...held.filter((lease) => lease.owner === now.owner).map((lease) => lease.expires));
        if (now.expires > newest || (before !== undefined && now.expires === 0)) alive.add(now.owner);
      }
    }
    await this.watch(
      held.filter(({ owner }) => !alive.has(owner)),
      at,
    );
  }

  private async watch(held: Lease[], at: number): Promise<void> {
    const open = new Map(held.map((lease) => [lease, { subject: lease.subject, at, taken: null } as Orphan]));
    this.orphans.push(...open.values());
    for (const until = Date.now() + WATCH_MS; open.size > 0 && Date.now() < until; await sleep(WATCH_EVERY_MS)) {
      const [now, seen] = [await this.leases().catch(() => []), Date.now()];
      for (const [lease, orphan] of open) {
        const next = now.find((other) => other.subject === lease.subject && other.token !== lease.token);
        if (next === undefined) continue;
        open.delete(lease);
        // Taken before it was over: its holder had given it back, and was not the one that was killed.
        if (seen < lease.expires) this.orphans.splice(this.orphans.indexOf(orphan), 1);
        else orphan.taken = seen;
      }
    }
  }

  private async leases(): Promise<Lease[]> {
    const rows = await sql<{ subject: string; owner: string; token: number | string; expires_at: number | string }>(
      this.core,
      'select subject, owner, token, expires_at from leases',
    );
    return rows.map((r) => ({
      subject: r.subject,
      owner: r.owner,
      token: Number(r.token),
      expires: Number(r.expires_at),
    }));
  }

  private async wipe(): Promise<void> {
    const server = this.servers.get('redis');
    if (server === undefined) return;
    const redis = new Redis(server.url, { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => undefined); // `connect` rejects as well
    try {
      await redis.connect();
      await redis.flushall();
      this.counts.wipes += 1;
    } catch {
      /* it is being restarted just now */
    } finally {
      redis.disconnect();
    }
  }

  /** A customer's own transaction that reads or locks the table for a while. */
  private async lock({ table, dice, ms, write }: Extract<Fault, { fault: 'lock' }>): Promise<void> {
    let place = this.places[dice % this.places.length]!;
    let found: LiveTable | undefined;
    for (let i = 0; i < this.places.length && found === undefined; i++) {
      place = this.places[(dice + i) % this.places.length]!;
      found = (await readTables(place).catch(() => [])).find((t) => keyOf(t, table) !== undefined && !isAside(t.name));
    }
    if (found === undefined) return;
    const name = quote(place.engine, found.name);
    this.counts.locks += 1;
    try {
      if (place.engine === 'sqlite') await holdFile(place.url, ms);
      else if (place.engine === 'postgres')
        await sql(
          place,
          'do $$ begin ' +
            `${write ? `lock table ${name} in access exclusive mode` : `perform * from ${name} limit 1`}; ` +
            `perform pg_sleep(${ms / 1000}); end $$`,
        );
      else await sql(place, `select (select count(*) from ${name}), sleep(${ms / 1000})`);
    } catch {
      /* renamed, dropped or its server restarted meanwhile */
    }
  }

  /** Everything up again, nothing held, every clock right. */
  async calm(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy.values());
    await Promise.all(this.watches);
    for (const proxy of this.proxies.values()) await proxy.resume();
    for (const server of this.servers.values()) if (server.pid === 0) await server.restart();
    for (const wrong of this.processes.filter((p) => p.clock !== null)) {
      wrong.clock = null;
      await wrong.kill('SIGTERM');
    }
    await Promise.all(this.processes.map((p) => p.up()));
    await Promise.all(this.places.map((place) => patiently(() => sql(place, 'select 1'))));
  }

  /** `keep`: the logs and SQLite files stay, to be looked at. */
  async end(keep: boolean): Promise<void> {
    await Promise.all([...this.busy.values(), ...this.watches]);
    await Promise.all(this.processes.map((p) => p.kill('SIGTERM')));
    await Promise.all([...this.proxies.values()].map((p) => p.close()));
    await Promise.all([...this.servers.values()].map((s) => s.remove()));
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }
}
