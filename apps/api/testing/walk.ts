import { expect } from '@jest/globals';
import fc from 'fast-check';
import {
  COLUMN_TYPES,
  compare,
  completeColumn,
  convertible,
  engineOf,
  fingerprint,
  isAside,
  parseUrl,
  type Column,
  type Json,
  type LiveTable,
  type PortableType,
} from '#byodb';
import { query } from '../../../testing/fixtures.js';
import type { ColumnBody } from './arbitraries.js';
import type { Reply, service } from './service.js';

export const ON = ['crm', 'erp', 'shop'];
const ENGINE = { crm: 'postgres', erp: 'mysql', shop: 'sqlite' } as const;
type Url = Record<string, string>;
type Shown = Record<string, unknown> & {
  name: string;
  version: number;
  exists: boolean;
  columns: Record<string, ColumnBody>;
};
interface Held {
  live: LiveTable | null;
  rows: string[] | null;
}

/** Times that each end was seen. */
export interface Tally {
  completed: number;
  compensated: number;
  rejected: number;
  refused: number;
  reverted: number;
  notReverted: number;
}

/** `pick`: one of the columns that are there then, so that most moves make sense whatever came before. */
type ColumnMove =
  | { do: 'add'; name: string; body: Omit<ColumnBody, 'name'> }
  | {
      do: 'alter';
      pick: number;
      to: { type?: number; value?: number; nullable?: boolean; unique?: boolean; length?: number };
    }
  | { do: 'rename'; pick: number; to: string }
  | { do: 'drop'; pick: number };
type Move = { refusing: boolean } & (
  | { do: 'columns'; changes: ColumnMove[] }
  | { do: 'rename'; to: string }
  | { do: 'drop_restore'; as: string | null }
  | { do: 'revert'; pick: number }
  | { do: 'row'; n: number; whole: boolean }
);

/** Defaults of each type, by number; the first is none. */
const DEFAULTS: Record<PortableType, Json[]> = {
  smallint: [null, 1, -32768],
  integer: [null, 0, 7],
  bigint: [null, '9007199254740993'],
  decimal: [null, '1.50', '0'],
  float: [null, 1.5],
  double: [null, 0.1],
  boolean: [null, true, false],
  string: [null, `it's`, ''],
  text: [null, 'x\\y', ''],
  uuid: [null, { function: 'uuid' }, '6f1c1a52-9d6e-4b7c-8d53-0c2f6f0a7b11'],
  date: [null, '2030-01-31', { function: 'now' }],
  time: [null, '12:30:00', { function: 'now' }],
  timestamp: [null, '2030-01-31T12:30:00Z', { function: 'now' }],
  json: [null, { a: [1, 'x'] }, []],
  binary: [null],
};
const valueOf = (type: PortableType, n: number): Json => DEFAULTS[type][n % DEFAULTS[type].length]!;

// Few names, so that they meet.
const name = fc.constantFrom('a', 'b', 'B', 'c', 'order', 'Select', '_x', 'l'.repeat(48));
const small = fc.nat({ max: 9 });
const body = fc
  .record({
    type: fc.constantFrom(...COLUMN_TYPES),
    value: small,
    nullable: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    unique: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  })
  .map(({ type, value, nullable, unique }): Omit<ColumnBody, 'name'> => ({
    type,
    nullable,
    unique,
    ...(type === 'string' ? { length: 60 } : {}),
    ...(valueOf(type, value) === null ? {} : { default: valueOf(type, value) }),
  }));
const columnMove: fc.Arbitrary<ColumnMove> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), name, body }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('alter' as const),
      pick: small,
      to: fc.record(
        {
          type: small,
          value: small,
          nullable: fc.boolean(),
          unique: fc.boolean(),
          length: fc.integer({ min: 1, max: 80 }),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), pick: small, to: name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), pick: small }) },
);
const refusing = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('columns' as const),
      changes: fc.array(columnMove, { minLength: 1, maxLength: 3 }),
      refusing,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('rename' as const), to: fc.constantFrom('one', 'two'), refusing }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('drop_restore' as const), as: fc.constantFrom(null, 'three'), refusing }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('revert' as const), pick: fc.nat({ max: 40 }), refusing }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('row' as const),
      n: fc.nat({ max: 3 }),
      whole: fc.boolean(),
      refusing: fc.constant(false),
    }),
  },
);

export const moves = fc.record({
  columns: fc
    .tuple(
      fc.boolean(),
      fc.uniqueArray(fc.record({ name, body }), { minLength: 1, maxLength: 5, selector: (c) => c.name.toLowerCase() }),
    )
    .map(([keyed, all]): ColumnBody[] => [
      ...(keyed ? [{ name: 'id', type: 'integer' as const, primary_key: true, generated: true }] : []),
      ...all.map((c) => ({ name: c.name, ...c.body })),
    ]),
  moves: fc.array(move, { minLength: 3, maxLength: 12 }),
});

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

/** What one database holds, told so that it can be compared; with `said`, what a shown table says of it. */
export function liveOf(database: string, { live }: Held, said?: Record<string, unknown>): object {
  const engine = engineOf(ENGINE[database as keyof typeof ENGINE]);
  // Without their order: what was taken out of its table comes back last, where the engine knows no other place.
  if (said === undefined)
    return {
      table: live?.name ?? null,
      columns:
        live?.columns
          .map((c) => c.name)
          .filter((c) => !isAside(c))
          .sort() ?? null,
      differs: [],
    };
  const { exists, name: table, columns } = said as Shown;
  if (!exists) return { table: null, columns: null, differs: [] };
  return {
    table,
    columns: Object.keys(columns).sort(),
    differs: compare(engine, { table, columns: Object.values(columns).map(complete) }, live),
  };
}

function literalOf(type: PortableType, n: number, database: string): string {
  switch (type) {
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'decimal':
    case 'float':
    case 'double':
      return String(n * 100);
    case 'boolean':
      return database === 'crm' ? String(n % 2 === 0) : String(n % 2);
    case 'string':
    case 'text':
      return `'${n === 3 ? 'x'.repeat(50) : n}'`;
    case 'uuid':
      return `'6f1c1a52-9d6e-4b7c-8d53-0c2f6f0a7b1${n}'`;
    case 'date':
      return `'2031-02-0${n + 1}'`;
    case 'time':
      return `'01:02:0${n}'`;
    case 'timestamp':
      return `'2031-02-03 04:05:0${n}'`;
    case 'json':
      return `'{"n":${n}}'`;
    case 'binary':
      return database === 'crm' ? `'\\x0${n}'` : `x'0${n}'`;
  }
}

function complete(shown: ColumnBody): Column {
  const { column, problems } = completeColumn(shown);
  expect(problems).toEqual([]);
  return column;
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

function told(live: Record<string, Held>): object {
  return Object.fromEntries(
    Object.entries(live).map(([database, held]) => [
      database,
      { fingerprint: fingerprint(held.live), rows: held.rows },
    ]),
  );
}
