import type { FastifyRequest } from 'fastify';
import { isIP } from 'node:net';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** What a browser says of a request that no other site's page made. */
const OWN = new Set(['same-origin', 'none']);

/**
 * Keeps other sites' pages away from a service that asks nobody for a key. A browser on this machine may be sent here
 * by any
 * page: directly, which it tells of (`Sec-Fetch-Site`, `Origin`), or under a name that its owner points to 127.0.0.1
 * (`Host`).
 */
export class Guard {
  private readonly names: ReadonlySet<string>;
  private readonly checksHost: boolean;
  private readonly onLoopback: boolean;

  constructor(host: string, allowed: readonly string[]) {
    this.onLoopback = isLoopback(bare(host));
    this.checksHost = this.onLoopback || allowed.length > 0;
    this.names = new Set([host, ...allowed].map(bare));
  }

  /** Why a request is not taken; null: it is. */
  refuses(request: Pick<FastifyRequest, 'headers' | 'method' | 'url'>): string | null {
    const { host, origin } = request.headers;
    if (
      this.checksHost &&
      host !== undefined &&
      !this.isOurs(nameOf(host)) &&
      !(this.isProbe(request.url) && !this.onLoopback)
    ) {
      return `this service is not called ${shown(host)}: name the hosts that it is reached by in ALLOWED_HOSTS`;
    }
    if (READS.has(request.method)) return null;
    const site = request.headers['sec-fetch-site'];
    if (typeof site === 'string')
      return OWN.has(site) || this.isAllowed(origin) ? null : 'a page of another site may change nothing here';
    if (origin === undefined || this.isAllowed(origin)) return null;
    return originHost(origin) === host?.toLowerCase() ? null : 'a page of another site may change nothing here';
  }

  /** One whose host was named in ALLOWED_HOSTS: a proxy may hand on another `Host` than the browser sees. */
  private isAllowed(origin: string | undefined): boolean {
    const host = origin === undefined ? null : originHost(origin);
    return host !== null && this.checksHost && !this.onLoopback && this.names.has(nameOf(host));
  }

  private isOurs(name: string): boolean {
    return isLoopback(name) || this.names.has(name);
  }

  /** A probe asks for an address, whatever the service is called. */
  private isProbe(url: string): boolean {
    return url.startsWith('/health/') || url === '/metrics';
  }
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** Without brackets, in small letters. */
function bare(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/** Of a `Host` header: without the port. */
function nameOf(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  return bare(end <= 0 ? host : host.slice(0, end));
}

function originHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host.toLowerCase() : null;
}

function shown(host: string): string {
  return JSON.stringify(host.slice(0, 100));
}
