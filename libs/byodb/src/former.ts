import type { Rendered } from './ddl.js';
import { DatabaseError } from './errors.js';
import type { LiveTable } from './live.js';
import type { Session } from './session.js';

/** A table as it was, told so that it can be made again today: see `Session.inTodaysNames`. */
export async function inTodaysNames(session: Session, was: LiveTable): Promise<LiveTable> {
  return (await session.inTodaysNames?.(was)) ?? was;
}

/** The same for several tables. */
export async function othersInTodaysNames(session: Session, others: readonly LiveTable[] = []): Promise<LiveTable[]> {
  const now: LiveTable[] = [];
  for (const other of others) now.push(await inTodaysNames(session, other));
  return now;
}

/** A table as it was, in today's names, under the name that it has or is to have by now. */
export async function formerAs(session: Session, former: LiveTable, name: string): Promise<LiveTable> {
  return { ...(await inTodaysNames(session, former)), name };
}

/**
 * What a renderer gives for the table as it stands; null: not yet, since a change before this one has still to rename
 * something back.
 */
export function renderedNow(render: () => Rendered): Rendered | null {
  try {
    return render();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'unsupported_change') return null;
    throw error;
  }
}
