import { z } from 'zod';

export const MAX_NAME = 48;

/** A table's or column's name. 48 characters leave room for what the project puts aside under every engine's limit. */
export const nameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_NAME, `must have at most ${MAX_NAME} characters`)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must start with a letter or _ and hold only letters, digits and _')
  .refine((name) => !/^(__|sqlite_|pg_|_saga_)/i.test(name), 'must not start with __, sqlite_, pg_ or _saga_');
/** A name that was derived from others, under a limit in bytes. `end` is kept whole. */
export function fitBytes(start: string, end: string, most: number): string {
  let kept = start;
  while (Buffer.byteLength(kept + end) > most) kept = [...kept].slice(0, -1).join('');
  return kept + end;
}

/** The longest name that any engine takes, in characters. */
const LONGEST_NAME = 128;

/** A name that is there already: whatever its owner called it. */
export const knownNameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(LONGEST_NAME, `must have at most ${LONGEST_NAME} characters`)
  .refine((name) => !name.includes('\0'), 'must not hold the character U+0000');
