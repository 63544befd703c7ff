import { z } from 'zod';

export const ENGINE_NAMES = ['postgres', 'mysql', 'sqlite'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/**
 * Where a database is and how to get in: a secret as a whole. Kept encrypted; drivers get these fields and never a url.
 */
export type Address = ServerAddress | FileAddress;
export interface ServerAddress {
  engine: 'postgres' | 'mysql';
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /**
   * `false`: plain; `true`: verified against the system's authorities; `'insecure'`: encrypted, certificate not
   * checked.
   */
  tls: boolean | 'insecure';
  /** PostgreSQL: the schema in which the tables live. Others: null. */
  schema: string | null;
}
export interface FileAddress {
  engine: 'sqlite';
  file: string;
}

export class AddressProblem extends Error {
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

const DEFAULT_PORT = { postgres: 5432, mysql: 3306 } as const;
const SCHEMES: Record<string, EngineName> = {
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
  'sqlite:': 'sqlite',
};

/**
 * Takes a url apart into the structured fields. Every part or parameter beyond these is refused: drivers that get a
 * whole
 * url read files (sslcert, sslkey) and open sockets (host=/path) that it names. Errors: AddressProblem.
 */
export function parseUrl(url: string): Address {
  if (url.startsWith('sqlite:')) return parseFile(url.slice('sqlite:'.length));
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    throw new AddressProblem('url', 'is not a url');
  }
  const engine = SCHEMES[parts.protocol];
  if (engine === undefined || engine === 'sqlite')
    throw new AddressProblem('url', 'must start with postgres://, mysql://, mariadb:// or sqlite:');
  if (parts.hash !== '') throw new AddressProblem('url', 'must not have a fragment');
  for (const key of parts.searchParams.keys())
    throw new AddressProblem('url', `parameter ${JSON.stringify(key)} is not supported: use the structured fields`);
  const database = decode(parts.pathname.replace(/^\//, ''));
  return checkServer({
    engine,
    host: decode(parts.hostname).replace(/^\[|\]$/g, ''),
    port: parts.port === '' ? DEFAULT_PORT[engine] : Number(parts.port),
    user: decode(parts.username),
    password: decode(parts.password),
    database,
    tls: false,
    schema: null,
  });
}

/** The structured form of `POST /databases`. */
export const connectionSchema = z.strictObject({
  host: z.string().min(1).max(255).optional(),
  port: z.int().min(1).max(65535).optional(),
  user: z.string().max(128).optional(),
  password: z.string().max(1024).optional(),
  database: z.string().min(1).max(128).optional(),
  tls: z.union([z.boolean(), z.literal('insecure')]).optional(),
  file: z.string().min(1).max(4096).optional(),
});

export function fromFields(
  engine: EngineName,
  fields: z.infer<typeof connectionSchema>,
  schema: string | undefined,
): Address {
  if (engine === 'sqlite') {
    for (const key of ['host', 'port', 'user', 'password', 'database', 'tls'] as const) {
      if (fields[key] !== undefined) throw new AddressProblem(`connection.${key}`, 'does not belong to a SQLite file');
    }
    if (schema !== undefined) throw new AddressProblem('schema', 'does not belong to a SQLite file');
    if (fields.file === undefined) throw new AddressProblem('connection.file', 'is required');
    return parseFile(fields.file);
  }
  if (fields.file !== undefined) throw new AddressProblem('connection.file', 'belongs to SQLite alone');
  return checkServer({
    engine,
    host: fields.host ?? '',
    port: fields.port ?? DEFAULT_PORT[engine],
    user: fields.user ?? '',
    password: fields.password ?? '',
    database: fields.database ?? '',
    tls: fields.tls ?? false,
    schema: schema ?? null,
  });
}

function parseFile(file: string): FileAddress {
  const path = file.startsWith('//') ? file.slice(2) : file;
  if (path === '' || path.includes('\0')) throw new AddressProblem('url', 'must name a file');
  if (path === ':memory:' || path.startsWith('file:') || /[?#]/.test(path))
    throw new AddressProblem('url', 'must name a plain file, without parameters');
  return { engine: 'sqlite', file: path };
}

function checkServer(address: ServerAddress): ServerAddress {
  if (address.host === '') throw new AddressProblem('host', 'is required');
  // A driver takes a host that starts with a slash for a socket's path.
  if (!/^[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$|^::1$/.test(address.host))
    throw new AddressProblem('host', 'is not a host name or address');
  if (address.database === '') throw new AddressProblem('database', 'is required');
  if (/[\0/]/.test(address.database)) throw new AddressProblem('database', 'is not a database name');
  if (address.schema !== null && address.engine !== 'postgres')
    throw new AddressProblem('schema', 'belongs to PostgreSQL alone');
  if (address.schema !== null && !/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/.test(address.schema))
    throw new AddressProblem('schema', 'is not a schema name');
  return address;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AddressProblem('url', 'has a broken percent escape');
  }
}

/** What must not stand in any message. */
export function secretsOf(address: Address): string[] {
  return address.engine === 'sqlite'
    ? []
    : [address.password, encodeURIComponent(address.password)].filter((s) => s !== '');
}
