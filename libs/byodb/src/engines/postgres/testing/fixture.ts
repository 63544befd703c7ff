import pg from 'pg';
import { freshPostgres, type Fresh as FreshUrl } from '../../../../../../testing/fixtures.js';
import { parseUrl, type ServerAddress } from '../../../address.js';
import type { Rendered } from '../../../ddl.js';
import type { Connection } from '../../../engine.js';
import type { LiveTable } from '../../../live.js';
import { completeColumn, type ColumnInput } from '../../../schema/column-input.js';
import type { Column } from '../../../schema/column.js';
import type { Session } from '../../../session.js';
import { postgres } from '../index.js';

/** A database of its own for one spec file, claimed, with a superuser beside. */
export interface Fresh {
  address: ServerAddress;
  connection: Connection;
  admin: pg.Client;
  remove(): Promise<void>;
}

export async function freshDatabase(given?: FreshUrl): Promise<Fresh> {
  const { url, drop } = given ?? (await freshPostgres());
  const address = parseUrl(url) as ServerAddress;
  const connection = postgres.open(address);
  await connection.claim('database-1');
  const admin = await connect(url);
  return {
    address,
    connection,
    admin,
    async remove() {
      await connection.close();
      await admin.end();
      await drop();
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // servers are stopped under our feet here
  await client.connect();
  return client;
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

let tokens = 0;

/** In an exclusive transaction on a table of its own id. */
export function alone<T>(fresh: Fresh, work: (session: Session) => Promise<T>): Promise<T> {
  return fresh.connection.exclusively({ tableId: `id-${(tokens += 1)}`, token: 1, lockTimeoutMs: 2000 }, work);
}

/** What a predicted and a real table must have in common. */
export function managed(live: LiveTable | null): unknown {
  return live === null
    ? null
    : {
        name: live.name,
        primaryKey: live.primaryKey,
        uniques: live.uniques,
        columns: live.columns.map(({ definition: _definition, ...rest }) => rest),
      };
}
