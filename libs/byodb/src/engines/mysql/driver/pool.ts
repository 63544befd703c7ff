import knex, { type Knex } from 'knex';
import type { ServerAddress } from '../../../address.js';
import { settle, type RawDriver } from './raw-driver.js';
import { KEEP_ALIVE_MS, tlsOptions } from './tls.js';

const CONNECT_MS = 5000;

/** What we use of Knex's client; its own type leaves it open. */
export interface Pool {
  acquireConnection(): Promise<RawDriver>;
  releaseConnection(raw: RawDriver): Promise<void>;
  acquireRawConnection(): Promise<RawDriver>;
  destroy(): Promise<void>;
}

/** Connects to nothing before the first connection is asked for. */
export function openPool(address: ServerAddress): Pool {
  const opened = knex({
    client: 'mysql2',
    connection: {
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      charset: 'utf8mb4',
      timezone: 'Z',
      connectTimeout: CONNECT_MS,
      multipleStatements: false,
      // The system's own default would notice after two hours that it is gone.
      enableKeepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      flags: '-LOCAL_FILES',
      ...tlsOptions(address.tls, address.host, address.port),
    } as Knex.MySql2ConnectionConfig,
    pool: {
      min: 0,
      max: 5,
      acquireTimeoutMillis: 2 * CONNECT_MS,
      afterCreate: (raw: RawDriver, done: (error: Error | null, raw: RawDriver) => void) => {
        // Knex takes its listener away when it says goodbye to an idle connection; an error after that would end the
        // process.
        Object.assign(raw, { removeAllListeners: () => raw });
        settle(raw).then(
          () => {
            done(null, raw);
          },
          (error: Error) => {
            done(error, raw);
          },
        );
      },
    },
    // Knex prints every lost connection, with the driver's message; whoever uses the connection gets the error
    // anyway.
    log: { warn: () => undefined, error: () => undefined, debug: () => undefined, deprecate: () => undefined },
  });
  return opened.client as Pool;
}
