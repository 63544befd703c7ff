import { expect } from '@jest/globals';
import { COLUMN_TYPES, convertible, engineOf, isAside, parseUrl, type LiveTable, type PortableType } from '#byodb';
import { query } from '../../../../testing/fixtures.js';
import type { ColumnBody } from '../arbitraries.js';
import type { Reply, service } from '../service.js';
import { literalOf, told, type Held, type Shown, type Url } from './databases.js';
import { valueOf, type ColumnMove, type Move } from './moves.js';

export const ON = ['crm', 'erp', 'shop'] as const;

/** Times that each end was seen. */
export interface Tally {
  completed: number;
  compensated: number;
  rejected: number;
  refused: number;
  reverted: number;
  notReverted: number;
}

/**
 * On PostgreSQL, DDL that prepare cannot foresee the failing of: once told to, the database refuses every statement of
 * DDL.
 */
export async function plant(url: string): Promise<void> {
  await query(
    url,
    `create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'not today'; end $$`,
  );
  await query(
    url,
    `create event trigger refuse on ddl_command_start when tag in ('ALTER TABLE', 'CREATE TABLE', ` +
      `'CREATE INDEX') execute function refuse()`,
  );
  await query(url, 'alter event trigger refuse disable');
}

/** One table through its moves; after each of them everything is looked at, and what must hold then is held. */
export class Walk {
  tableId = '';
  /** Names that it has had. */
  private readonly names: Set<string>;
  readonly recorded: { version: number; shown: Shown; live: Record<string, Held> }[] = [];

  constructor(
    private readonly s: Awaited<ReturnType<typeof service>>,
    private readonly urls: Url,
    private readonly base: string,
    private readonly seen: Tally,
  ) {
    this.names = new Set([base]);
  }

  /** False: no engine can make such a table. */
  async begin(columns: ColumnBody[]): Promise<boolean> {
    const made = await this.s.call(
      'POST',
      '/table/create',
      { name: this.base, databases: ON, columns },
      { Prefer: 'wait=30' },
    );
    if (made.status === 422 && made.body['code'] === 'unsupported_change') return false;
    expect([made.status, made.body['detail']]).toEqual([200, undefined]);
    this.tableId = made.body['table'].table_id as string;
    await this.look();
    return true;
  }

  async go(next: Move): Promise<void> {
    if (next.do === 'row') return this.row(next.n, next.whole);
    if (next.do === 'drop_restore') {
      if (!(await this.ask('/table/delete', {}, next.refusing))) return;
      // Back at once or not at all: nothing else can be done to it.
      if (!(await this.ask('/table/restore', next.as === null ? {} : { as: this.named(next.as) }, next.refusing)))
        expect(await this.ask('/table/restore', {}, false)).toBe(true);
    } else if (next.do === 'rename') await this.ask('/table/rename', { name: this.named(next.to) }, next.refusing);
    else if (next.do === 'columns')
      await this.ask('/table/column', { columns: next.changes.map((change) => this.bodyOf(change)) }, next.refusing);
    else await this.revert(1 + (next.pick % this.now.shown.version), next.refusing);
  }

  /** Out of the way of the next one. */
  async end(): Promise<void> {
    await this.ask('/table/delete', {}, false);
  }

  private get now(): { version: number; shown: Shown; live: Record<string, Held> } {
    return this.recorded.at(-1)!;
  }

  private named(suffix: string): string {
    this.names.add(`${this.base}_${suffix}`);
    return `${this.base}_${suffix}`;
  }

  private bodyOf(change: ColumnMove): object {
    if (change.do === 'add') return { name: change.name, ...change.body };
    const columns = Object.values(this.now.shown.columns);
    const column = columns[change.pick % columns.length]!;
    if (change.do === 'drop') return { name: column.name };
    if (change.do === 'rename') return { name: column.name, rename_to: change.to };
    const fits = COLUMN_TYPES.filter((type) => convertible(column.type, type));
    const { type, value, nullable, unique, length } = change.to;
    const to = type === undefined ? column.type : fits[type % fits.length]!;
    return {
      name: column.name,
      nullable: column.nullable,
      ...(type === undefined ? {} : { type: to }),
      ...(value === undefined ? {} : { default: valueOf(to as PortableType, value) }),
      ...(nullable === undefined ? {} : { nullable }),
      ...(unique === undefined ? {} : { unique }),
      ...(length !== undefined && to === 'string' ? { length } : {}),
    };
  }

  private async revert(version: number, refusing: boolean): Promise<void> {
    const then = (await this.s.call('GET', `/tables/${this.tableId}?version=${version}`)).body['table'] as Shown;
    if (!(await this.ask('/table/revert', { version }, refusing))) {
      this.seen.notReverted++;
      return;
    }
    this.seen.reverted++;
    const { name: table, columns } = this.now.shown;
    // What was taken out of its table comes back last, where the engine knows no other place.
    const sorted = (all: Record<string, object>): object[] =>
      Object.entries(all)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, column]) => column);
    expect([table, sorted(columns)]).toEqual([then.name, sorted(then.columns)]);
  }

  /**
   * A customer's row, in each database that takes it; not `whole`: nothing in the columns that need nothing. Few
   * values, so that they are there twice.
   */
  private async row(n: number, whole: boolean): Promise<void> {
    const { name: table, columns } = this.now.shown;
    const filled = Object.values(columns).filter(
      (c) => c.generated !== true && (whole || (c.nullable === false && c.default === null)),
    );
    for (const [database, url] of Object.entries(this.urls)) {
      const quote = (one: string): string => (database === 'erp' ? `\`${one}\`` : `"${one}"`);
      const values = filled.map((c) => [quote(c.name), literalOf(c.type as PortableType, n, database)] as const);
      const statement =
        values.length > 0
          ? `insert into ${quote(table)} (${values.map(([at]) => at).join(', ')}) values ` +
            `(${values.map(([, value]) => value).join(', ')})`
          : `insert into ${quote(table)} ${database === 'erp' ? '() values ()' : 'default values'}`;
      await query(url, statement).catch(() => undefined);
    }
    await this.look();
  }

  /** True: it completed. Else nothing was touched, whichever way it ended. */
  private async ask(path: string, change: object, refusing: boolean): Promise<boolean> {
    const before = this.now;
    if (refusing) await query(this.urls['crm']!, 'alter event trigger refuse enable');
    let answer: Reply;
    try {
      answer = await this.s.call('POST', path, { table_id: this.tableId, ...change }, { Prefer: 'wait=30' });
    } finally {
      if (refusing) await query(this.urls['crm']!, 'alter event trigger refuse disable');
    }
    const { status, body: said } = answer;
    await this.look();
    if (status === 200) {
      this.seen.completed++;
      return true;
    }
    // A 202 would be a saga that has not come to its end, a 5xx nobody's intention.
    expect({ path, change, status, refused: status >= 400 && status < 500, said }).toEqual({
      path,
      change,
      status,
      refused: true,
      said,
    });
    if (said['code'] === 'saga_compensated') this.seen.compensated++;
    else if (said['code'] === 'saga_rejected') this.seen.rejected++;
    else this.seen.refused++;
    expect({
      path,
      change,
      said,
      table: this.now.shown.name,
      columns: this.now.shown.columns,
      live: told(this.now.live),
    }).toEqual({
      path,
      change,
      said,
      table: before.shown.name,
      columns: before.shown.columns,
      live: told(before.live),
    });
    return false;
  }

  /** Records what is shown and what stands in the databases, which must be in sync with it. */
  private async look(): Promise<void> {
    const shown = (await this.s.call('GET', `/tables/${this.tableId}`)).body['table'] as Shown;
    const live: Record<string, Held> = {};
    for (const [database, url] of Object.entries(this.urls)) {
      // Its own alone: a walk that failed before leaves its table behind.
      const { drift } = (await this.s.call('GET', `/databases/${database}/drift`)).body as {
        drift: { table: string; table_id: string | null }[];
      };
      expect({
        database,
        drift: drift.filter((one) => one.table_id === this.tableId || this.names.has(one.table)),
      }).toEqual({ database, drift: [] });
      const address = parseUrl(url);
      const connection = engineOf(address.engine).open(address);
      try {
        const there: LiveTable[] = [];
        await connection.look(async (session) => {
          for (const one of this.names) {
            const found = await session.introspect(one);
            if (found !== null) there.push(found);
          }
        });
        // Never under two names, nor under one that it has no more.
        expect(there.map((one) => one.name)).toEqual(shown.exists ? [shown.name] : []);
        live[database] = {
          live: there[0] ?? null,
          rows:
            there.length === 0
              ? null
              : (await query(url, `select * from ${database === 'erp' ? `\`${shown.name}\`` : `"${shown.name}"`}`))
                  .map((row) =>
                    JSON.stringify(Object.fromEntries(Object.entries(row).filter(([column]) => !isAside(column)))),
                  )
                  .sort(),
        };
      } finally {
        await connection.close();
      }
    }
    this.recorded.push({ version: shown.version, shown, live });
  }
}
