import type { z } from 'zod';
import type { Problem } from '#byodb';
import type { ApiCode } from './api-error.js';

/** One call of the API, said once: its route, its checks, the document and the page at /docs are made from this. */
export interface Call {
  method: 'get' | 'post' | 'put' | 'delete';
  path: string;
  summary: string;
  body?: z.ZodType;
  /** Problems of the body that no schema of one field sees. */
  also?: (input: unknown) => Problem[];
  /** A body that is accepted as it stands, but for the ids. */
  example?: object;
  /** Left out: a query is refused, but for what every command takes. `unread`: any query is let pass. */
  query?: z.ZodObject | 'unread';
  /** Answered 202 (and by `Prefer: wait`, by a dry run, by a repeated key); what it answers follows from that. */
  command?: true | 'of_database';
  answer?: { status: 200 | 201 | 202 | 204; description: string; schema?: z.ZodType; type?: string; etag?: true };
  problems: ApiCode[];
}
/** Of one feature, by their ids. Their order is that of the document. */
export type Calls = Record<string, Call>;

export const id = '01a6c1d2-5f1e-7b7c-9d53-0c2f6f0a7b11';
export const input: ApiCode[] = ['invalid_json', 'validation_failed', 'payload_too_large', 'unsupported_media_type'];
export const core: ApiCode[] = ['core_database_unavailable'];
export const command: ApiCode[] = [
  ...input,
  'rate_limited',
  'version_conflict',
  'saga_compensated',
  'saga_rejected',
  'idempotency_key_reused',
  'unsupported_change',
  ...core,
];
export const ofDatabase: ApiCode[] = [
  ...input,
  'rate_limited',
  'saga_compensated',
  'saga_rejected',
  'idempotency_key_reused',
  'unsupported_change',
  ...core,
];
export const alive: ApiCode[] = ['table_not_found', 'table_dropped', 'table_failed'];
export const reachable: ApiCode[] = ['database_unreachable', 'database_mismatch', 'core_database', 'managed_elsewhere'];
