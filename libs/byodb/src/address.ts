import { resolve } from 'node:path';
import { z } from 'zod';
import { FILES, SERVERS, URL_FORMS, type FileFacts } from './engines/address-facts.js';
import {
  FILE_ENGINES,
  isFileEngine,
  SERVER_ENGINES,
  type EngineName,
  type FileEngine,
  type ServerEngine,
} from './engines/names.js';

/**
 * Where a database is and how to get in: a secret as a whole. Kept encrypted; drivers get these fields and never a url.
 */
export type Address = ServerAddress | FileAddress;
export interface ServerAddress {
  engine: ServerEngine;
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
  /** The schema in which the tables live; null where the engine has none, or for the user's own. */
  schema: string | null;
}
export interface FileAddress {
  engine: FileEngine;
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

/**
 * Takes a url apart into the structured fields. Every part or parameter beyond these is refused: drivers that get a
 * whole
 * url read files (sslcert, sslkey) and open sockets (host=/path) that it names. Errors: AddressProblem.
 */
export function parseUrl(url: string): Address {
  for (const engine of FILE_ENGINES)
    for (const scheme of FILES[engine].schemes)
      if (url.startsWith(scheme)) return parseFile(engine, url.slice(scheme.length));
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    throw new AddressProblem('url', 'is not a url');
  }
  const engine = SERVER_ENGINES.find((name) => SERVERS[name].schemes.includes(parts.protocol));
  if (engine === undefined) throw new AddressProblem('url', `must start with ${URL_FORMS}`);
  if (parts.hash !== '') throw new AddressProblem('url', 'must not have a fragment');
  for (const key of parts.searchParams.keys())
    throw new AddressProblem('url', `parameter ${JSON.stringify(key)} is not supported: use the structured fields`);
  const database = decode(parts.pathname.replace(/^\//, ''));
  return checkServer({
    engine,
    host: decode(parts.hostname).replace(/^\[|\]$/g, ''),
    port: parts.port === '' ? SERVERS[engine].defaultPort : Number(parts.port),
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
  if (isFileEngine(engine)) {
    const stranger = `does not belong to a ${FILES[engine].title} file`;
    for (const key of ['host', 'port', 'user', 'password', 'database', 'tls'] as const) {
      if (fields[key] !== undefined) throw new AddressProblem(`connection.${key}`, stranger);
    }
    if (schema !== undefined) throw new AddressProblem('schema', stranger);
    if (fields.file === undefined) throw new AddressProblem('connection.file', 'is required');
    return parseFile(engine, fields.file);
  }
  if (fields.file !== undefined)
    throw new AddressProblem('connection.file', `belongs to ${titles(Object.values(FILES))} alone`);
  return checkServer({
    engine,
    host: fields.host ?? '',
    port: fields.port ?? SERVERS[engine].defaultPort,
    user: fields.user ?? '',
    password: fields.password ?? '',
    database: fields.database ?? '',
    tls: fields.tls ?? false,
    schema: schema ?? null,
  });
}

/** The same database, with the tables of another schema. Errors: AddressProblem (its engine knows no schemas). */
export function inSchema(address: Address, schema: string): Address {
  if ('file' in address || !SERVERS[address.engine].hasSchemas) {
    const having = SERVER_ENGINES.filter((name) => SERVERS[name].hasSchemas);
    throw new AddressProblem('schema', `is for ${having.join(' and ')} alone`);
  }
  return checkServer({ ...address, schema });
}

/** The file of a database that is one; null: it is on a server. */
export function fileOf(address: Address): string | null {
  return 'file' in address ? address.file : null;
}

/** The same address; a file by its whole path, wherever this process was started. */
export function withWholePath(address: Address): Address {
  return 'file' in address ? { ...address, file: resolve(address.file) } : address;
}

function parseFile(engine: FileEngine, file: string): FileAddress {
  const path = file.startsWith('//') ? file.slice(2) : file;
  if (path === '' || path.includes('\0')) throw new AddressProblem('url', 'must name a file');
  if (path === ':memory:' || path.startsWith('file:') || /[?#]/.test(path))
    throw new AddressProblem('url', 'must name a plain file, without parameters');
  return { engine, file: path };
}

function checkServer(address: ServerAddress): ServerAddress {
  if (address.host === '') throw new AddressProblem('host', 'is required');
  // A driver takes a host that starts with a slash for a socket's path.
  if (!/^[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$|^::1$/.test(address.host))
    throw new AddressProblem('host', 'is not a host name or address');
  if (address.database === '') throw new AddressProblem('database', 'is required');
  if (/[\0/]/.test(address.database)) throw new AddressProblem('database', 'is not a database name');
  if (address.schema !== null && !SERVERS[address.engine].hasSchemas) {
    const having = Object.values(SERVERS).filter((facts) => facts.hasSchemas);
    throw new AddressProblem('schema', `belongs to ${titles(having)} alone`);
  }
  if (address.schema !== null && !/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/.test(address.schema))
    throw new AddressProblem('schema', 'is not a schema name');
  return address;
}

function titles(facts: readonly FileFacts[]): string {
  return facts.map(({ title }) => title).join(' and ');
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
  return 'file' in address ? [] : [address.password, encodeURIComponent(address.password)].filter((s) => s !== '');
}
