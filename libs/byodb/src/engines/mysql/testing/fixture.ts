import { freshMysql, query, type Row } from '../../../../../../testing/fixtures.js';
import { parseUrl, type ServerAddress } from '../../../address.js';
import type { Rendered } from '../../../ddl.js';
import type { Connection } from '../../../engine.js';
import { DatabaseError } from '../../../errors.js';
import type { LiveTable } from '../../../live.js';
import { completeColumn, type ColumnInput } from '../../../schema/column-input.js';
import type { Column } from '../../../schema/column.js';
import type { Session } from '../../../session.js';
import { mysql } from '../index.js';

/** A database of its own for one spec file, claimed, with the administrator beside. */
export interface Fresh {
  url: string;
  address: ServerAddress;
  connection: Connection;
  admin(sql: string, values?: unknown[]): Promise<Row[]>;
  open(change?: Partial<ServerAddress>): Connection;
  remove(): Promise<void>;
}

export async function freshDatabase(): Promise<Fresh> {
  const { url, drop } = await freshMysql();
  const address = parseUrl(url) as ServerAddress;
  const opened: Connection[] = [];
  const open = (change: Partial<ServerAddress> = {}): Connection => {
    const connection = mysql.open({ ...address, ...change });
    opened.push(connection);
    return connection;
  };
  const connection = open();
  await connection.claim('database-1');
  return {
    url,
    address,
    connection,
    open,
    admin: (sql, values) => query(url, sql, values),
    async remove() {
      for (const each of opened) await each.close();
      await drop();
    },
  };
}

export function column(input: ColumnInput): Column {
  const { column: complete, problems } = completeColumn(input);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return complete;
}

export async function run(session: Session, rendered: Rendered): Promise<LiveTable | null> {
  for (const statement of rendered.statements) await session.run(statement);
  return rendered.live;
}

let tables = 0;

/** With the lock of a table of its own id. */
export function alone<T>(fresh: Fresh, work: (session: Session) => Promise<T>): Promise<T> {
  return fresh.connection.exclusively({ tableId: `id-${(tables += 1)}`, token: 1, lockTimeoutMs: 2000 }, work);
}

export async function failure(promise: Promise<unknown>): Promise<DatabaseError> {
  const error = await promise.then(
    (value) => new Error(`no failure but ${JSON.stringify(value)}`),
    (e: unknown) => e,
  );
  if (!(error instanceof DatabaseError)) throw error;
  return error;
}

const gates: (() => void)[] = [];

export function gate(): { opened: Promise<void>; open(): void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  gates.push(open);
  return { opened: promise, open };
}

/** After each test: one that failed would leave its workers waiting, and the pools could not be closed. */
export function openGates(): void {
  for (const open of gates.splice(0)) open();
}

/** What a predicted and a real table must have in common. */
export function managed(live: LiveTable | null): unknown {
  return live === null
    ? null
    : {
        name: live.name,
        primaryKey: live.primaryKey,
        uniques: sorted(live.uniques),
        columns: live.columns.map(({ definition: _definition, native: _native, default: value, ...rest }) => ({
          ...rest,
          default:
            rest.type === 'decimal' && value !== null && 'value' in value
              ? String(value.value).replace(/\.?0+$/, '')
              : value,
        })),
      };
}

/** The server lists keys in an order of its own. */
export function sorted<T>(list: T[]): T[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
