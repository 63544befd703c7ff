import type { Place } from './load/ddl.js';
import type { Request } from './load/http.js';

/** As load/ddl.ts makes them without the service. */
const columns = [
  { name: 'id', type: 'integer', nullable: false, primary_key: true },
  { name: 'code', type: 'string', length: 120, nullable: false },
  { name: 'note', type: 'string', length: 200 },
  { name: 'amount', type: 'decimal', precision: 12, scale: 2 },
  { name: 'seen', type: 'timestamp' },
];

/** The answer is held until the change has ended: 200 says that it has been completed. */
const WAIT = { Prefer: 'wait=60' };

export function creates(names: readonly string[], databases?: readonly string[]): Request[] {
  return names.map((name) => ({
    method: 'POST',
    path: '/table/create',
    headers: WAIT,
    body: { name, columns, ...(databases === undefined ? {} : { databases }) },
  }));
}

export function adds(tables: readonly string[], column: string): Request[] {
  return tables.map((table) => ({
    method: 'POST',
    path: '/table/column',
    headers: WAIT,
    body: { table_id: table, column: { name: column, type: 'string', length: 120 } },
  }));
}

/** Without waiting for the saga: 202. */
export function unawaited(requests: readonly Request[]): Request[] {
  return requests.map((request) => ({ ...request, headers: {} }));
}

/** Asks once, outside of what is measured. Errors: Error with the answer, unless the status is below 400. */
export async function ask<T>(url: string, { method, path, body, headers = {} }: Request): Promise<T> {
  const response = await fetch(url + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}

/** Makes tables that a case needs: their ids. */
export async function makeTables(
  url: string,
  names: readonly string[],
  databases?: readonly string[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const request of creates(names, databases))
    ids.push((await ask<{ table: { table_id: string } }>(url, request)).table.table_id);
  return ids;
}

export async function register(url: string, name: string, { url: address, schema }: Place): Promise<void> {
  const body = { name, url: address, ...(schema === undefined ? {} : { schema }) };
  await ask(url, { method: 'POST', path: '/databases', body });
}
