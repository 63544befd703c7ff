/**
 * Where a database server is, taken apart: drivers get fields, never a URL, since theirs know parameters that read
 * files.
 */
export interface Server {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /**
   * off: plain. require: encrypted, the certificate not checked. verify: encrypted, and the certificate fits the host.
   */
  tls: 'off' | 'require' | 'verify';
}

const tlsModes: Record<string, Server['tls']> = { disable: 'off', require: 'require', 'verify-full': 'verify' };

/** Errors: Error naming what is wrong with the address; it never holds the password. */
export function parseServer(url: URL, defaultPort: number): Server {
  let tls: Server['tls'] = 'off';
  for (const [name, value] of url.searchParams) {
    const mode = name === 'sslmode' ? tlsModes[value] : undefined;
    if (mode === undefined) {
      throw new Error(`core database address: unknown parameter ${name}; known: sslmode=disable|require|verify-full`);
    }
    tls = mode;
  }
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === '' || database.includes('/'))
    throw new Error('core database address: it must name one database, …/name');
  if (url.hostname === '') throw new Error('core database address: it must name a host');
  return {
    // Brackets are how a URL writes an IPv6 address; a socket wants it without.
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    tls,
  };
}
