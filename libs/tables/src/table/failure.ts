import { z } from 'zod';
import { ChangeError, defineEvent, id, name, type EventOfDefinition } from './event-parts.js';

/** How a change ends that was not done, whatever its kind. */

const rejected = defineEvent('ChangeRejected', {
  version: 1,
  tells: 'A change ended without having touched anything.',
  data: z.strictObject({ saga_id: id, kind: name, error: ChangeError }),
});
const compensated = defineEvent('ChangeCompensated', {
  version: 1,
  tells: 'A change failed in one database and was undone in all of them.',
  data: z.strictObject({ saga_id: id, kind: name, error: ChangeError }),
});

export const failures = [rejected, compensated] as const;
export type Failure = EventOfDefinition<typeof rejected> | EventOfDefinition<typeof compensated>;

export function isFailure(event: { type: string }): event is Failure {
  return failures.some(({ type }) => type === event.type);
}

export function sayFailure({ type, kind, error }: Failure): string {
  if (type === 'ChangeRejected') return `The change (${kind}) was rejected, and nothing was touched: ${error.message}`;
  const where = error.database === null ? '' : ` on ${error.database}`;
  return `The change (${kind}) failed${where} and was undone everywhere: ${error.message}`;
}
