import { join } from 'node:path';
import { z } from 'zod';

const whole = (fallback: number, min: number, max: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(fallback);

const schema = z.object({
  PORT: whole(3000, 0, 65535),
  HOST: z.string().min(1).default('127.0.0.1'),
  /** Names that the service may be called by in a request's `Host`, beside its own. */
  ALLOWED_HOSTS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .default([]),
  REQUEST_TIMEOUT_SECONDS: whole(30, 1, 3600),
  DATA_DIR: z.string().min(1).default('./data'),
  CORE_DATABASE_URL: z.string().min(1).optional(),
  BYODB_URL: z.string().min(1).optional(),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .optional(),
  ROLE: z.enum(['all', 'api', 'worker']).default('all'),
  CREDENTIALS_KEY: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex digits')
    .optional(),
  RETENTION_SECONDS: whole(604_800, 0, 10 ** 10),
  CHANGE_DEADLINE_SECONDS: whole(3600, 1, 10 ** 9),
  COMMANDS_RETENTION_SECONDS: whole(2_592_000, 1, 10 ** 10),
  MAX_REWRITE_ROWS: whole(1_000_000, 0, 10 ** 12),
  LOCK_TIMEOUT_MS: whole(1000, 10, 60_000),
  SAGA_CONCURRENCY: whole(8, 1, 1000),
  DATABASE_CONCURRENCY: whole(4, 1, 100),
  DRIFT_CHECK_SECONDS: whole(300, 0, 10 ** 8),
  DRAIN_SECONDS: whole(20, 0, 3600),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
});

export type Config = z.output<typeof schema> & { CORE_DATABASE_URL: string; BYODB_URL: string };

/** The only reader of the environment. Throws one Error that lists every problem. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  // An empty variable means the same as none: compose files and shells make them easily.
  const read = schema.safeParse(Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '')));
  if (!read.success)
    throw new Error(
      `bad configuration: ${read.error.issues.map((i) => `${i.path.join('.')} ${i.message}`).join('; ')}`,
    );
  const { DATA_DIR } = read.data;
  return {
    ...read.data,
    CORE_DATABASE_URL: read.data.CORE_DATABASE_URL ?? `sqlite:${join(DATA_DIR, 'core.db')}`,
    BYODB_URL: read.data.BYODB_URL ?? `sqlite:${join(DATA_DIR, 'byodb.db')}`,
  };
}
