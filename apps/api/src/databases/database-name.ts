import { z } from 'zod';

export const databaseName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'must hold only letters, digits, _, . and -');
