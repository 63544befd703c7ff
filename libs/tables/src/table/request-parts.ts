import { z } from 'zod';

/** What the bodies of calls are made of. */

export const tableId = z.string().min(1).max(64);
export const sagaId = z.string().min(1).max(64);
export const reason = z.string().min(1, 'must not be empty').max(1000);

export const databaseName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, 'must hold only letters, digits, _, . and -');

/** Of one change: all of them change, or none. */
export const MAX_DATABASES = 500;
export const databaseNames = z.array(databaseName).max(MAX_DATABASES);

/** A point of a table's history, in one database if one is named. */
export const moment = {
  version: z.int().min(0).optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  database: z.string().min(1).max(63).optional(),
};

export function areDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
