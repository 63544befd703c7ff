import { z } from 'zod';
import type { ApiCode } from '../../http/api-error.js';

export type Tag = 'tables' | 'sagas' | 'databases' | 'log' | 'operating';

/** One call of the API as the document and the page at /docs tell it. */
export interface Call {
  id: string;
  tag: Tag;
  method: 'get' | 'post' | 'put' | 'delete';
  path: string;
  summary: string;
  body?: z.ZodType;
  /** A body that is accepted as it stands, but for the ids. */
  example?: object;
  query?: Record<string, z.ZodType>;
  /** Answered 202 (and by `Prefer: wait`, by a dry run, by a repeated key); what it answers follows from that. */
  command?: true | 'of_database';
  answer?: { status: 200 | 201 | 202 | 204; description: string; schema?: z.ZodType; type?: string; etag?: true };
  problems: ApiCode[];
}

export const id = '01a6c1d2-5f1e-7b7c-9d53-0c2f6f0a7b11';
export const page = {
  limit: z.int().min(1).max(500).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/)
    .describe('`next_cursor` of the page before.'),
};
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
