import { addressFacts as mysql } from './mysql/address.js';
import type { FileEngine, ServerEngine } from './names.js';
import { addressFacts as postgres } from './postgres/address.js';
import { addressFacts as sqlite } from './sqlite/address.js';

export interface FileFacts {
  /** As people call the engine. */
  title: string;
  /** What its urls begin with. */
  schemes: readonly string[];
}

export interface ServerFacts extends FileFacts {
  defaultPort: number;
  /** A database has several schemas, and an address may name the one that holds the tables. */
  hasSchemas: boolean;
}

export const SERVERS: Record<ServerEngine, ServerFacts> = { postgres, mysql };
export const FILES: Record<FileEngine, FileFacts> = { sqlite };
/** The urls that are offered; others of the schemes are taken as well. */
export const URL_FORMS = 'postgres://, mysql://, mariadb:// or sqlite:';
