import { z } from 'zod';
import { KINDS } from '../sagas/kinds.js';
import { ERROR_CODES, id, at, engine, list } from '../core/answer-parts.js';

export const Database = z.object({
  database_id: id,
  name: z.string(),
  engine,
  server_version: z.string().nullable(),
  reachable: z.boolean(),
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
  tables: z.array(z.string()).describe('Names of the tables that are there now, whoever made them.'),
  checked_at: at
    .nullable()
    .describe('When it was asked for this; longer ago where it does not answer. Null: it has not answered yet.'),
  let_go: z
    .array(z.object({ table_id: id, name: z.string() }))
    .optional()
    .describe('Tables that were given up here while the database was lost: what stands there is theirs no more.'),
  drift_detected_at: at.nullable().describe('When the last check found that it is not what history says; null: it is.'),
  created_at: at,
  updated_at: at,
});

export const Forgotten = z.object({
  status: z.literal('ok'),
  database: z.object({ database_id: id, name: z.string(), engine }),
  sagas: z.array(
    z.object({
      saga_id: id,
      status: z.string(),
      href: z.string(),
      table: z.object({ table_id: id, name: z.string(), version: z.int() }),
    }),
  ),
});
export const DatabaseAnswer = z.object({ database: Database });
export const DatabaseHistory = list(
  'events',
  z.object({
    table_id: id,
    table_name: z.string(),
    saga_id: id,
    kind: z.enum(KINDS),
    step_id: id,
    operation: z.string(),
    direction: z.enum(['apply', 'compensate']),
    applied_at: at,
    duration_ms: z.number().min(0),
    statements: z.array(z.string()),
    fingerprint_before: z.string().nullable(),
    fingerprint_after: z
      .string()
      .nullable()
      .describe('Null: an operator resolved the step while the database could not be looked at.'),
  }),
);
export const DatabaseDrift = z.object({
  database: z.string(),
  in_sync: z.boolean(),
  drift: z.array(
    z.object({
      kind: z.enum(['missing', 'added', 'changed']),
      table: z.string(),
      table_id: id.nullable(),
      differences: z.array(z.object({ column: z.string().nullable(), expected: z.string(), found: z.string() })),
    }),
  ),
});
export const DatabaseList = list('databases', Database);
