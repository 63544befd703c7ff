import { z } from 'zod';
import { id, at, count, list } from '../core/answer-parts.js';

export const Event = z.object({
  event_id: id,
  position: z.int().min(1),
  stream: z.string(),
  version: z.int().min(1),
  type: z.string(),
  schema_version: z.int().min(1),
  data: z.record(z.string(), z.unknown()),
  metadata: z.object({ correlation_id: id, causation_id: id.nullable(), actor: z.string() }),
  recorded_at: at,
  hash: z.string(),
});

const head = z.object({ position: z.int().min(0), hash: z.string() });
export const EventList = list('events', Event);
export const Verdict = z.object({
  valid: z.boolean(),
  events: count,
  head: head.nullable(),
  problems: z
    .array(z.looseObject({ what: z.string() }))
    .optional()
    .describe('What was changed where; with `valid: false`.'),
  more: z.boolean().optional().describe('There are more problems than are listed.'),
});
export const Caused: z.ZodType = Event.extend({
  get caused() {
    return z.array(Caused);
  },
});
export const Correlation = z.object({ correlation_id: z.string(), events: z.array(Caused) });
export const CommandList = list(
  'commands',
  z.object({
    request_id: id,
    received_at: at,
    actor: z.string(),
    method: z.string(),
    path: z.string(),
    body: z.unknown(),
    outcome: z.enum(['accepted', 'refused', 'failed']),
    status: z.int(),
    code: z.string().nullable(),
    saga_id: id.nullable(),
    duration_ms: count,
  }),
);
const Projection = z.object({
  name: z.string(),
  kept: z.enum(['inline', 'behind']),
  position: count,
  head: count,
  lag: count,
  processed: count,
  status: z.enum(['live', 'rebuilding', 'parked']),
  error: z.string().nullable(),
  rebuild: z.record(z.string(), z.unknown()).nullable(),
});
export const ProjectionList = list('projections', Projection, z.null());
export const ProjectionAnswer = z.object({ projection: Projection });
