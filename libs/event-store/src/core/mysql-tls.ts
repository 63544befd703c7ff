import { connect, isIP, type Socket } from 'node:net';
import type { Server } from './server.js';

/** How soon a connection that says nothing is looked after. */
export const keepAliveMs = 10_000;

/** For the driver, which checks whose certificate it is only when told so. */
export function tlsOptions({ tls, host, port }: Server): {
  ssl?: { rejectUnauthorized: boolean; verifyIdentity: boolean };
  stream?: () => Socket;
} {
  if (tls === 'off') return {};
  const verify = tls === 'verify';
  const ssl = { rejectUnauthorized: verify, verifyIdentity: verify };
  return verify && isIP(host) !== 0 ? { ssl, stream: () => addressed(host, port) } : { ssl };
}

/**
 * The driver gives an address that is no name to nobody, and its certificate would have to be localhost's: the check
 * asks the socket next.
 */
function addressed(host: string, port: number): Socket {
  return Object.assign(connect(port, host).setNoDelay(true).setKeepAlive(true, keepAliveMs), { _host: host });
}
