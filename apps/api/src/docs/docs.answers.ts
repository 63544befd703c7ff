import { z } from 'zod';

/** Open: what stands in it is AsyncAPI's. */
export const AsyncApiDocument = z.looseObject({
  asyncapi: z.literal('3.0.0'),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  channels: z.record(z.string(), z.unknown()),
  operations: z.record(z.string(), z.unknown()),
  components: z.record(z.string(), z.unknown()),
});
