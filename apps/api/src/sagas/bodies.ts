import { z } from 'zod';
import { reason } from '#tables';

export const because = z.strictObject({ reason });
export const resolution = z.strictObject({
  step_id: z.string().min(1).max(64),
  as: z.enum(['applied', 'restored', 'skipped']),
  reason,
});

export type Because = z.output<typeof because>;
export type Resolution = z.output<typeof resolution>;
