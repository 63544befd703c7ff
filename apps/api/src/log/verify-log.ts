import {
  holdsHead,
  verifyLog,
  type CoreDatabase,
  type EventStore,
  type SealedHead,
  type Verification,
} from '#event-store';

/** `<position>:<hash>`, as `npm run verify` prints it. Null: not that. */
export function readHead(text: string): SealedHead | null {
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (found !== null) return { position: Number(found[1]), hash: found[2]! };
  return text === '0:' ? { position: 0, hash: '' } : null;
}

/** Whether the log is as it was written; with a head that was kept elsewhere, also whether its end is still there. */
export async function verify(core: CoreDatabase, store: EventStore, kept: SealedHead | null): Promise<Verification> {
  const found = await verifyLog(core, store);
  if (kept === null || (await holdsHead(core, kept))) return found;
  const what = 'the head that was kept is not in this log: it was cut off, or the log was written anew';
  return {
    ...found,
    valid: false,
    problems: [{ position: kept.position, event_id: null, stream: null, version: null, what }, ...found.problems],
  };
}
