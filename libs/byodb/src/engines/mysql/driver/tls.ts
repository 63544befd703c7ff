import { connect, isIP, type Socket } from 'node:net';

/** How soon a connection that says nothing is looked after: a firewall forgets it under a long ALTER. */
export const KEEP_ALIVE_MS = 10_000;

/** For the driver, which checks whose certificate it is only when told so. */
export function tlsOptions(
  tls: boolean | 'insecure',
  host: string,
  port: number,
): { ssl?: { rejectUnauthorized: boolean; verifyIdentity: boolean }; stream?: () => Socket } {
  if (tls === false) return {};
  const ssl = { rejectUnauthorized: tls === true, verifyIdentity: tls === true };
  return tls === true && isIP(host) !== 0 ? { ssl, stream: () => addressed(host, port) } : { ssl };
}

/**
 * The driver gives an address that is no name to nobody, and its certificate would have to be localhost's: the check
 * asks the socket next.
 */
function addressed(host: string, port: number): Socket {
  return Object.assign(connect(port, host).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS), { _host: host });
}
