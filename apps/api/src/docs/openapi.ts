import { z } from 'zod';
import { STATUS } from '../http/api-error.js';
import { registration, relocation } from '../databases/databases.controller.js';
import { bodies } from '../tables/tables.js';

interface Call { method: 'get' | 'post' | 'put' | 'delete'; path: string; summary: string; body?: z.ZodType; command?: boolean; query?: string[] }

const reason = z.strictObject({ reason: z.string().min(1).max(1000) });
const page = ['limit', 'cursor'];
const eventFilters = ['stream', 'type', 'correlation_id'];

export const calls: Call[] = [
  { method: 'post', path: '/table/create', summary: 'Create a table on every database named', body: bodies.create, command: true },
  { method: 'post', path: '/table/column', summary: 'Add, alter, rename or drop columns', body: bodies.column, command: true },
  { method: 'post', path: '/table/rename', summary: 'Rename a table everywhere', body: bodies.rename, command: true },
  { method: 'post', path: '/table/delete', summary: 'Drop a table everywhere; it is set aside for the retention time', body: bodies.table, command: true },
  { method: 'post', path: '/table/show', summary: 'The table as it is', body: bodies.table },
  { method: 'get', path: '/tables', summary: 'List tables, newest first', query: [...page, 'status', 'database', 'name'] },
  { method: 'get', path: '/tables/{id}', summary: 'The table as it is' },
  { method: 'get', path: '/sagas', summary: 'List sagas, newest first', query: [...page, 'status', 'table_id', 'database', 'kind'] },
  { method: 'get', path: '/sagas/{id}', summary: 'One saga with its steps' },
  { method: 'get', path: '/sagas/{id}/events', summary: 'The events of one saga; with Accept: text/event-stream, live until it ends' },
  { method: 'post', path: '/sagas/{id}/retry', summary: 'Let a stuck saga go on', body: reason },
  { method: 'post', path: '/sagas/{id}/abort', summary: 'Stop a saga and undo what it did', body: reason },
  { method: 'post', path: '/databases', summary: 'Register a database', body: registration },
  { method: 'get', path: '/databases', summary: 'List databases, newest first', query: page },
  { method: 'get', path: '/databases/{name}', summary: 'One database: engine, server version, reachable, tables' },
  { method: 'post', path: '/databases/{name}/test', summary: 'Connect for real' },
  { method: 'put', path: '/databases/{name}', summary: 'New address or credentials of the same database', body: relocation },
  { method: 'delete', path: '/databases/{name}', summary: 'Forget a database where no table lives' },
  { method: 'get', path: '/events', summary: 'Every event in global order', query: ['after', 'limit', 'cursor', ...eventFilters] },
  { method: 'get', path: '/events/stream', summary: 'Every event, live (server-sent events; Last-Event-ID resumes)', query: ['after', ...eventFilters] },
  { method: 'get', path: '/events/verify', summary: 'Whether any event was changed, removed or reordered, and which; head: <position>:<hash> as it was kept elsewhere', query: ['head'] },
  { method: 'get', path: '/events/{event_id}/correlation', summary: 'The tree of what caused what' },
  { method: 'get', path: '/commands', summary: 'Every command received, refused ones included, newest first', query: [...page, 'saga_id'] },
  { method: 'get', path: '/projections', summary: 'What is kept from the log, and how far each has come' },
  { method: 'post', path: '/projections/{name}/rebuild', summary: 'Build a read model anew from the first event; reads go on meanwhile' },
  { method: 'get', path: '/health/live', summary: 'The process runs' },
  { method: 'get', path: '/health/ready', summary: 'Core database and queue answer' },
  { method: 'get', path: '/metrics', summary: 'Prometheus metrics' },
];

/** Made from the very schemas that check the requests. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method] = operation(call);
  return {
    openapi: '3.1.0', info: { title: 'schemasaga', version: '0.1.0', description: 'Changes the schemas of many databases as one: every one of them, or none.' }, paths,
    components: { schemas: { Problem: { type: 'object', properties: { type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' }, code: { enum: Object.keys(STATUS) }, request_id: { type: 'string' }, errors: { type: 'array', items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } } } } } } },
  };
}

function operation(call: Call): object {
  const parameters: object[] = [...call.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  for (const name of call.query ?? []) parameters.push({ name, in: 'query', schema: { type: 'string' } });
  if (call.command === true) {
    parameters.push({ name: 'dry_run', in: 'query', schema: { type: 'boolean' } });
    for (const name of ['Prefer', 'Idempotency-Key', 'If-Match']) parameters.push({ name, in: 'header', schema: { type: 'string' } });
  }
  const problem = { description: 'A problem (RFC 9457)', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
  return {
    summary: call.summary, parameters,
    ...(call.body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: z.toJSONSchema(call.body, { io: 'input', unrepresentable: 'any' }) } } } }),
    responses: { ...(call.command === true ? { 202: { description: 'Accepted; the saga is at Location' } } : {}), 200: { description: 'OK' }, default: problem },
  };
}
