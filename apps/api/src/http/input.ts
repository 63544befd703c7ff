import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { canonicalJson, type Metadata } from '#event-store';
import type { Problem } from '#byodb';
import { ApiError } from './api-error.js';

/** What a command carries beside its body. */
export interface CommandContext {
  metadata: Metadata;
  waitMs: number;
  dryRun: boolean;
  ifMatch: number | null;
  idempotency: { key: string; hash: string } | null;
}

/** Nobody mends more than these at a time, and a caller who sends rubbish must not be sent more of it. */
const MOST_PROBLEMS = 100;
/** Of a name that a caller made up: the place of a problem, in characters. */
const LONGEST_PATH = 200;

/**
 * `also`: problems that no schema of one field sees; told together with the schema's own. Errors: ApiError
 * validation_failed.
 */
export function parse<T>(schema: z.ZodType<T>, input: unknown, also: (input: unknown) => Problem[] = () => []): T {
  const place = holdsNul(input);
  const nul = place === null ? null : cut(place.join('.'));
  if (nul !== null)
    throw new ApiError('validation_failed', `${nul} must not hold the character U+0000`, {
      errors: [{ path: nul, message: 'must not hold the character U+0000' }],
    });
  const read = schema.safeParse(input);
  const more = also(input);
  if (read.success && more.length === 0) return read.data;
  const all = [...problemsOf(read.error?.issues ?? []), ...more];
  const errors = all.slice(0, MOST_PROBLEMS).map(({ path, message }) => ({ path: cut(path), message: cut(message) }));
  const rest = all.length > MOST_PROBLEMS ? '; and more' : '';
  throw new ApiError('validation_failed', errors.map((e) => `${e.path} ${e.message}`.trim()).join('; ') + rest, {
    errors,
  });
}

/** One more than are told, so that it can be said that there are more. */
function problemsOf(issues: readonly z.core.$ZodIssue[]): Problem[] {
  const problems: Problem[] = [];
  for (const issue of issues) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    for (const key of keys.slice(0, MOST_PROBLEMS))
      problems.push({ path: [...issue.path, key].join('.'), message: 'is not a known field' });
    if (issue.code !== 'unrecognized_keys') problems.push({ path: issue.path.join('.'), message: issue.message });
    if (problems.length > MOST_PROBLEMS) break;
  }
  return problems;
}

function cut(text: string): string {
  return text.length <= LONGEST_PATH ? text : `${text.slice(0, LONGEST_PATH)}…`;
}

/** PostgreSQL takes no U+0000 in a text, so it may stand in no field anywhere. The path of the first one. */
function holdsNul(value: unknown): string[] | null {
  if (typeof value === 'string') return value.includes('\0') ? [] : null;
  if (typeof value !== 'object' || value === null) return null;
  const within = (key: string, inner: unknown): string[] | null => {
    if (key.includes('\0')) return [];
    const found = holdsNul(inner);
    return found === null ? null : [key, ...found];
  };
  if (Array.isArray(value)) {
    for (const [i, inner] of value.entries()) {
      const found = typeof inner === 'string' || typeof inner === 'object' ? within(String(i), inner) : null;
      if (found !== null) return found;
    }
    return null;
  }
  for (const key in value) {
    const found = within(key, (value as Record<string, unknown>)[key]);
    if (found !== null) return found;
  }
  return null;
}

/** Made once: a schema is compiled at its first use. */
const commandQuery = z.strictObject({ dry_run: z.enum(['true', 'false']).optional() });

export function commandContext(request: FastifyRequest): CommandContext {
  const query = parse(commandQuery, request.query);
  return {
    metadata: metadataOf(request),
    waitMs: waitOf(one(request, 'prefer')),
    dryRun: query.dry_run === 'true',
    ifMatch: ifMatchOf(one(request, 'if-match')),
    idempotency: idempotencyOf(request),
  };
}

export function metadataOf(request: FastifyRequest): Metadata {
  return { correlation_id: request.id, causation_id: null, actor: 'anonymous' };
}

/** The query of a route that takes none. */
export const nothingAsked = z.strictObject({});

/** What the document says of a value in a query, where its check does not say it. */
const told = new WeakMap<z.ZodType, z.ZodType>();

/**
 * A value in a query arrives as text, and some are checked less strictly than they are told of: a name that nothing can
 * bear is not found.
 */
export function toldAs<T extends z.ZodType>(as: z.ZodType, check: T): T {
  told.set(check, as);
  return check;
}

export function toldOf(check: z.ZodType): z.ZodType {
  return told.get(check) ?? check;
}

/** `limit` and `cursor` of a list. */
export const pageShape = {
  limit: toldAs(
    z.int().min(1).max(500).default(50),
    z
      .string()
      .regex(/^\d{1,3}$/, 'must be a whole number from 1 to 500')
      .transform(Number)
      .pipe(z.number().min(1).max(500))
      .default(50),
  ),
  cursor: toldAs(
    z
      .string()
      .regex(/^\d{1,15}$/)
      .describe('`next_cursor` of the page before.'),
    z
      .string()
      .regex(/^\d{1,15}$/, 'is not a cursor of this list')
      .transform(Number)
      .optional(),
  ),
};

export const pageQuery = z.strictObject(pageShape);
export type PageQuery = z.output<typeof pageQuery>;

/** Where the next page begins: behind the last one that is shown. Null: there is no next page. */
export function cursorAfter<T>(
  shown: readonly T[],
  more: boolean,
  cursorOf: (last: T) => string | number,
): string | null {
  const last = shown.at(-1);
  return more && last !== undefined ? String(cursorOf(last)) : null;
}

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
  if (found === null) {
    const message = 'must be one version of the table in quotes, as its ETag has it, or *';
    throw new ApiError('validation_failed', `If-Match ${message}`, { errors: [{ path: 'If-Match', message }] });
  }
  return Number(found[1]);
}

function idempotencyOf(request: FastifyRequest): { key: string; hash: string } | null {
  const key = one(request, 'idempotency-key');
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/.test(key))
    throw new ApiError('validation_failed', 'Idempotency-Key must be 1 to 200 printable ASCII characters', {
      errors: [{ path: 'Idempotency-Key', message: 'must be 1 to 200 printable ASCII characters' }],
    });
  const hash = createHash('sha256')
    .update(`${request.method} ${request.url}\n${canonicalJson(request.body ?? null)}`)
    .digest('hex');
  return { key, hash };
}
