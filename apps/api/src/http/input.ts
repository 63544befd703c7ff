import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { canonicalJson, type Metadata } from '../../../../libs/event-store/src/index.js';
import type { Problem } from '../../../../libs/byodb/src/index.js';
import { ApiError } from './api-error.js';

/** What a command carries beside its body. */
export interface CommandContext {
  metadata: Metadata;
  waitMs: number;
  dryRun: boolean;
  ifMatch: number | null;
  idempotency: { key: string; hash: string } | null;
}

/** `also`: problems that no schema of one field sees; told together with the schema's own. Errors: ApiError validation_failed. */
export function parse<T>(schema: z.ZodType<T>, input: unknown, also: (input: unknown) => Problem[] = () => []): T {
  const nul = holdsNul(input, []);
  if (nul !== null) throw new ApiError('validation_failed', `${nul} must not hold the character U+0000`, { errors: [{ path: nul, message: 'must not hold the character U+0000' }] });
  const read = schema.safeParse(input);
  const more = also(input);
  if (read.success && more.length === 0) return read.data;
  const errors = [...(read.error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a known field' })) : [{ path: issue.path.join('.'), message: issue.message }]), ...more];
  throw new ApiError('validation_failed', errors.map((e) => `${e.path} ${e.message}`.trim()).join('; '), { errors });
}

const DEEPEST = 64;

/** Deeper than any body here has a use for, and than what walks through bodies could follow. */
export function isTooDeep(body: unknown): boolean {
  let level = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return false;
}

/** PostgreSQL takes no U+0000 in a text, so it may stand in no field anywhere. The path of the first one. */
function holdsNul(value: unknown, path: string[]): string | null {
  if (typeof value === 'string') return value.includes('\0') ? path.join('.') : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const found = key.includes('\0') ? path.join('.') : holdsNul(inner, [...path, key]);
    if (found !== null) return found;
  }
  return null;
}

export function commandContext(request: FastifyRequest): CommandContext {
  const query = parse(z.strictObject({ dry_run: z.enum(['true', 'false']).optional() }), request.query);
  return {
    metadata: metadataOf(request), waitMs: waitOf(one(request, 'prefer')), dryRun: query.dry_run === 'true',
    ifMatch: ifMatchOf(one(request, 'if-match')), idempotency: idempotencyOf(request),
  };
}

export function metadataOf(request: FastifyRequest): Metadata {
  return { correlation_id: request.id, causation_id: null, actor: 'anonymous' };
}

/** The query of what takes none: one that was meant for something else is told, not left unread. */
export const nothingAsked = z.strictObject({});

/** `limit` and `cursor` of a list. */
export const pageShape = {
  limit: z.string().regex(/^\d{1,3}$/, 'must be a whole number from 1 to 500').transform(Number).pipe(z.number().min(1).max(500)).default(50),
  cursor: z.string().regex(/^\d{1,15}$/, 'is not a cursor of this list').transform(Number).optional(),
};

function one(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function waitOf(prefer: string | undefined): number {
  const found = /(?:^|[,;\s])wait\s*=\s*"?(\d+)"?(?:$|[,;\s])/i.exec(prefer ?? '');
  return found === null ? 0 : Math.min(60, Number(found[1])) * 1000;
}

function ifMatchOf(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const found = /^\s*(?:W\/)?"?(\d{1,15})"?\s*$/.exec(header);
  if (found === null) throw new ApiError('version_conflict', 'If-Match must be a table version in quotes');
  return Number(found[1]);
}

function idempotencyOf(request: FastifyRequest): { key: string; hash: string } | null {
  const key = one(request, 'idempotency-key');
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/.test(key)) throw new ApiError('validation_failed', 'Idempotency-Key must be 1 to 200 printable ASCII characters', { errors: [{ path: 'Idempotency-Key', message: 'must be 1 to 200 printable ASCII characters' }] });
  const hash = createHash('sha256').update(`${request.method} ${request.url}\n${canonicalJson(request.body ?? null)}`).digest('hex');
  return { key, hash };
}
