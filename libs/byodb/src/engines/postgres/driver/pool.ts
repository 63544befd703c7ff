import knex, { type Knex } from 'knex';
import type pg from 'pg';
import type { ServerAddress } from '../../../address.js';
import { getTypeParser } from './type-parser.js';

const CONNECT_MS = 5_000;
const ACQUIRE_MS = 10_000;
const POOL_SIZE = 5;

/** What we use of Knex's client; its own type leaves it open. */
export interface Pool {
  acquireConnection(): Promise<pg.Client>;
  releaseConnection(client: pg.Client & { __knex__disposed?: unknown }): Promise<void>;
  acquireRawConnection(): Promise<pg.Client>;
  destroy(): Promise<void>;
}

/** Connects to nothing before the first connection is asked for. */
export function openPool(address: ServerAddress): Pool {
  const opened = knex({
    client: 'pg',
    version: '12', // given, or Knex would ask for it on every new connection
    connection: {
      host: address.host,
      port: address.port,
      user: address.user,
      database: address.database,
      // As a function: for an empty one the driver would take PGPASSWORD or ~/.pgpass of our own and send it there.
      // PostgreSQL has no empty
      // passwords; the driver's own error about one leaves the socket open until the server's authentication_timeout.
      password: async () => address.password || ' ',
      ssl: address.tls === false ? false : { rejectUnauthorized: address.tls === true },
      application_name: 'schemasaga',
      client_encoding: 'UTF8',
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: { getTypeParser },
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: POOL_SIZE, acquireTimeoutMillis: ACQUIRE_MS, createTimeoutMillis: ACQUIRE_MS },
    acquireConnectionTimeout: ACQUIRE_MS,
    // Knex prints every lost connection, with the driver's message; whoever uses the connection gets the error
    // anyway.
    log: { warn: () => undefined, error: () => undefined, debug: () => undefined, deprecate: () => undefined },
  });
  return opened.client as Pool;
}
