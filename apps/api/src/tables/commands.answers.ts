import { z } from 'zod';
import { STATUS, type ApiCode } from '../http/api-error.js';
import { Saga } from '../sagas/sagas.answers.js';
import { SAGA_STATUSES, ERROR_CODES, id, at, count, engine } from '../core/answer-parts.js';
import { Table } from './tables.answers.js';

export const Accepted = z.object({
  status: z.literal('ok'),
  table: z.object({ table_id: id, name: z.string(), version: z.int().min(1) }),
  saga: z.object({ saga_id: id, status: z.enum(SAGA_STATUSES), href: z.string() }),
});
export const Completed = z.object({ status: z.literal('ok'), table: Table, saga: Saga });
const skipped = z
  .array(z.object({ name: z.string(), kind: z.string(), reason: z.string() }))
  .optional()
  .describe('Of an adoption of `all`: what was left out, and why.');
/** Of a command about a database: `table` stands there as well when it is one. */
const one = z.object({ table_id: id, name: z.string(), version: z.int().min(1) });
export const AcceptedTables = z.object({
  status: z.literal('ok'),
  table: one.optional(),
  tables: z.array(one),
  skipped,
  saga: z.object({ saga_id: id, status: z.enum(SAGA_STATUSES), href: z.string() }),
});
export const CompletedTables = z.object({
  status: z.literal('ok'),
  table: Table.optional(),
  tables: z.array(Table),
  skipped,
  saga: Saga,
});

export const PlannedStep = z.object({
  database: z.string(),
  engine,
  operation: z.string(),
  reason: z.string(),
  statements: z.array(z.string()),
  compensation: z.array(z.string()),
  notes: z
    .array(z.object({ column: z.string().nullable(), note: z.string() }))
    .describe('What to know: where the engine keeps a type as something else, what stays in its place.'),
});
export const Plan = z.object({
  plan: z.object({
    based_on: z.object({ version: count.nullable().describe('Null: of several tables.'), pending: count }),
    steps: z.array(PlannedStep),
    reversible: z.boolean().nullable().describe('Whether it can be undone without loss; null: it would not be done.'),
    reversible_until: at.nullable().describe('Until when, as things are now; null: for ever, or not at all.'),
    blocked_by: z
      .object({ code: z.enum(ERROR_CODES), message: z.string(), database: z.string() })
      .nullable()
      .describe('What prepare would refuse; null: nothing.'),
  }),
  skipped,
});

/** Open: a code may come with members of its own. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(STATUS) as [ApiCode, ...ApiCode[]]),
  request_id: id,
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .describe('Every problem of the input.'),
  saga: Saga.optional().describe('With `saga_compensated` and `saga_rejected`.'),
});
