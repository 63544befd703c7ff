import { z } from 'zod';

export const Live = z.object({ status: z.literal('ok') });
export const Ready = z.object({
  status: z.literal('ok'),
  core_database: z.literal('ok'),
  clock: z.literal('ok'),
  queue: z.literal('ok'),
});
