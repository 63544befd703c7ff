import { expect } from '@jest/globals';
import { freshMysql, freshPostgres, freshSqlite, type Fresh } from '../../../testing/fixtures.js';
import { customer, type Customer } from './customer.js';
import { ENGINES, namesOf, type EngineName, type Names } from './odd/odd.js';
import { tell, type Scenario } from './odd/scenario.js';
import { neighbours, rowOf, scriptOf } from './odd/script.js';
import { service, type Reply, type Service } from './service.js';

const WAIT = { Prefer: 'wait=30' };
const make = { postgres: freshPostgres, mysql: freshMysql, sqlite: freshSqlite };

/**
 * One database as its owner's program sees it, with a second one of the same engine that the service knows nothing of.
 */
export interface Theirs {
  url: string;
  real: Customer;
  twin: Customer;
}

/** The service with a database of each engine under the engine's own name. */
export async function places(): Promise<{ s: Service; of: Record<EngineName, Theirs>; end(): Promise<void> }> {
  const s = await service();
  const fresh: Fresh[] = [];
  const entries: [EngineName, Theirs][] = [];
  for (const engine of ENGINES) {
    const [one, two] = [await make[engine](), await make[engine]()];
    fresh.push(one, two);
    entries.push([
      engine,
      { url: one.url, real: await customer(engine, one.url), twin: await customer(engine, two.url) },
    ]);
    expect((await s.call('POST', '/databases', { name: engine, url: one.url })).status).toBe(201);
  }
  return {
    s,
    of: Object.fromEntries(entries) as Record<EngineName, Theirs>,
    async end() {
      for (const [, { real, twin }] of entries) {
        await real.close();
        await twin.close();
      }
      await s.stop();
      await Promise.all(fresh.map((f) => f.drop()));
    },
  };
}

/** Rows that are there from the start. */
export const PARENTS = [1, 2, 3, 4];
export const ROWS = [1, 2, 3, 4, 5];

/**
 * Makes the scenario's tables, with rows, and gives the script's statements that its engine refuses by itself: then it
 * is no scenario.
 */
export async function build(
  scenario: Scenario,
  n: Names,
  customer: Customer,
  less: readonly string[] = [],
): Promise<void> {
  const script = scriptOf(scenario, n, less);
  for (const sql of [...neighbours(scenario, n), ...script.before, ...script.table, ...script.after]) {
    await customer.run(sql).catch((error: unknown) => {
      throw new Unmakeable(`${tell(scenario)}: ${sql}: ${String(error)}`);
    });
  }
}

/** The engine itself takes no such table. */
export class Unmakeable extends Error {}

export async function fill(scenario: Scenario, n: Names, customer: Customer): Promise<void> {
  for (const id of PARENTS) await customer.run(`insert into ${n.p} (id, name) values (${id}, 'p${id}')`);
  for (const id of ROWS)
    await customer.run(insert(n.t, rowOf(scenario, id, id % 2 === 0 ? null : PARENTS[id % PARENTS.length]!)));
  for (const id of [1, 2]) await customer.run(`insert into ${n.ch} (id, t_id) values (${id}, ${id})`);
}

export function insert(table: string, row: Record<string, string>): string {
  return `insert into ${table} (${Object.keys(row).join(', ')}) values (${Object.values(row).join(', ')})`;
}

/** One adopted table and what is asked of it. */
export class Managed {
  private constructor(
    private readonly s: Service,
    readonly engine: EngineName,
    readonly id: string,
    readonly version: number,
  ) {}

  static async adopt(s: Service, engine: EngineName, names: readonly string[]): Promise<Managed> {
    const { status, body } = await s.call('POST', `/databases/${engine}/adopt`, { tables: names }, WAIT);
    if (status !== 200) throw new NotAdopted(`${names.join()}: ${status} ${JSON.stringify(body)}`);
    const shown = (
      names.length === 1 ? body['table'] : (body['tables'] as { name: string }[]).find((t) => t.name === names[0])
    ) as { table_id: string; version: number };
    return new Managed(s, engine, shown.table_id, shown.version);
  }

  /** The dry run, then the change itself; on a quiet database both must say the same, and nothing may come late. */
  async ask(path: string, change: object): Promise<Outcome> {
    const body = { table_id: this.id, ...change };
    const dry = await this.s.call('POST', `${path}?dry_run=true`, body);
    const done = await this.s.call('POST', path, body, WAIT);
    return outcomeOf(dry, done);
  }

  /** Without a dry run before it. */
  async does(path: string, change: object): Promise<Outcome> {
    return outcomeOf(null, await this.s.call('POST', path, { table_id: this.id, ...change }, WAIT));
  }

  async shown(): Promise<{
    name: string;
    version: number;
    exists: boolean;
    columns: Record<string, { name: string; type: string; nullable: boolean }>;
  }> {
    return (await this.s.call('GET', `/tables/${this.id}`)).body['table'] as Awaited<ReturnType<Managed['shown']>>;
  }
}

export class NotAdopted extends Error {}

/**
 * `end`: how it went; `refused`: a 4xx at once. `foreseen`: the code that the dry run gave, null: none; undefined: not
 * asked.
 */
export interface Outcome {
  end: 'completed' | 'compensated' | 'rejected' | 'refused' | 'open';
  code: string | null;
  message: string;
  foreseen: string | null | undefined;
  foresaid: string;
}

function outcomeOf(dry: Reply | null, { status, body }: Reply): Outcome {
  const saga = body['saga'] as { status: string; error: { code: string; message: string } | null } | undefined;
  const blocked =
    dry === null
      ? undefined
      : dry.status === 200
        ? (dry.body['plan'].blocked_by as { code: string; message: string } | null)
        : { code: String(dry.body['code']), message: String(dry.body['detail']) };
  const said = {
    foreseen: blocked === undefined ? undefined : (blocked?.code ?? null),
    foresaid: blocked?.message ?? '',
  };
  if (status === 200) return { end: 'completed', code: null, message: '', ...said };
  if (status === 202) return { end: 'open', code: null, message: JSON.stringify(saga), ...said };
  if (saga !== undefined && (saga.status === 'compensated' || saga.status === 'rejected'))
    return { end: saga.status, code: saga.error?.code ?? null, message: saga.error?.message ?? '', ...said };
  return { end: 'refused', code: String(body['code']), message: String(body['detail']), ...said };
}

export { namesOf };
