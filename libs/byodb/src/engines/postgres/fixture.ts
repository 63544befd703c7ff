import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { parseUrl, type ServerAddress } from '../../address.js';
import type { Connection, Rendered, Session } from '../../engine.js';
import { completeColumn, type Column, type ColumnInput } from '../../schema.js';
import type { LiveTable } from '../../live.js';
import { postgres } from './index.js';

/** A database of its own for one spec file. */
export interface Fresh { address: ServerAddress; connection: Connection; admin: pg.Client; remove(): Promise<void> }

export async function freshDatabase(url = process.env['TEST_POSTGRES_URL']!): Promise<Fresh> {
  const name = `engine_${randomBytes(6).toString('hex')}`;
  const root = await connect(url);
  await root.query(`create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  const address = parseUrl(own.href) as ServerAddress;
  const connection = postgres.open(address);
  await connection.claim('database-1');
  const admin = await connect(own.href);
  return {
    address, connection, admin,
    async remove() {
      await connection.close();
      await admin.end();
      await root.query(`drop database ${name} with (force)`);
      await root.end();
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
  return fresh.connection.exclusively({ tableId: `id-${tokens += 1}`, token: 1, lockTimeoutMs: 2000 }, work);
}

/** What a predicted and a real table must have in common. */
export function managed(live: LiveTable | null): unknown {
  return live === null ? null : {
    name: live.name, primaryKey: live.primaryKey, uniques: live.uniques,
    columns: live.columns.map(({ definition: _definition, ...rest }) => rest),
  };
}
