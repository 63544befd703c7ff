import { createHash } from 'node:crypto';
import { sql } from './core-database.js';
import type { CoreDatabase, Queryable, Row } from './core-database.js';
import { breathe } from './core/handle.js';
import { CoreUnavailable, UniqueViolation } from './errors.js';
import type { EventStore, StoredEvent } from './event-store.js';

/**
 * A stretch of the log, sealed: what is changed, removed, added or put elsewhere in it afterwards no longer fits its
 * hash. The manifest has a line per event, so that not only the block but the event can be named.
 */
export interface Block {
  /** From 1, without gaps. */
  number: number;
  from_position: number;
  to_position: number;
  events: number;
  manifest: string;
  hash: string;
}

/** The end of what is sealed. Kept elsewhere, it shows later whether the log was cut or written anew. */
export interface SealedHead {
  position: number;
  hash: string;
}

/** About 150 bytes each: the longest statement stays far below what the servers take. */
const eventsPerBlock = 1000;

/** Streams, ids and hashes are visible ASCII without spaces (check-append.ts), so a line has one reading. */
export function manifestLine({
  position,
  event_id,
  stream,
  version,
  hash,
}: Pick<StoredEvent, 'position' | 'event_id' | 'stream' | 'version' | 'hash'>): string {
  return `${position} ${event_id} ${stream} ${version} ${hash}`;
}

export function blockHash(number: number, manifest: string, previousHash: string): string {
  return createHash('sha256').update(`${number}\n${previousHash}\n${manifest}`).digest('hex');
}

export async function lastBlock(core: Queryable): Promise<Pick<Block, 'number' | 'to_position' | 'hash'> | null> {
  const [row] = await core.query(sql`select number, to_position, hash from blocks order by number desc limit 1`);
  return row === undefined
    ? null
    : { number: Number(row['number']), to_position: Number(row['to_position']), hash: String(row['hash']) };
}

/** Blocks after this number, in order. */
export async function readBlocks(core: Queryable, after: number, limit: number): Promise<Block[]> {
  const rows = await core.query(
    sql`select number, from_position, to_position, events, manifest, hash
      from blocks
      where number > ${after}
      order by number
      limit ${limit}`,
  );
  return rows.map((row: Row) => ({
    number: Number(row['number']),
    from_position: Number(row['from_position']),
    to_position: Number(row['to_position']),
    events: Number(row['events']),
    manifest: String(row['manifest']),
    hash: String(row['hash']),
  }));
}

/**
 * Seals all that is settled and not sealed yet, and returns how many events that were. Any number of processes may do
 * so at once: the block's number decides who sealed it. Appends never wait for it. Errors: CoreUnavailable.
 */
export async function seal(core: CoreDatabase, store: EventStore, now: () => Date = () => new Date()): Promise<number> {
  for (let sealed = 0; ;) {
    await breathe();
    const last = await lastBlock(core);
    const events = await store.asStored.readAll(last?.to_position ?? 0, eventsPerBlock);
    const [first] = events;
    const end = events.at(-1);
    if (first === undefined || end === undefined) return sealed;
    const number = (last?.number ?? 0) + 1;
    const manifest = events.map(manifestLine).join('\n');
    const hash = blockHash(number, manifest, last?.hash ?? '');
    try {
      await core.execute(
        sql`insert into blocks (number, from_position, to_position, events, manifest, hash, sealed_at)
          values (
            ${number}, ${first.position}, ${end.position}, ${events.length}, ${manifest}, ${hash},
            ${now().toISOString()})`,
      );
      sealed += events.length;
    } catch (error) {
      // Another process was quicker.
      if (!(error instanceof UniqueViolation)) throw error;
    }
    if (events.length < eventsPerBlock) return sealed;
  }
}

/** Seals every `everyMs` until stopped. What fails is tried again the next time. */
export function startSealer(
  core: CoreDatabase,
  store: EventStore,
  options: { everyMs?: number; onError?(error: unknown): void } = {},
): { stop(): Promise<void> } {
  const { everyMs = 1000, onError } = options;
  let stopped = false;
  let wake = (): void => undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      // Jittered: processes that started together would otherwise all read for the same block.
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs * (0.75 + Math.random() / 2));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (stopped) return;
      await seal(core, store).catch((error: unknown) => {
        if (!(error instanceof CoreUnavailable)) onError?.(error);
      });
    }
  };
  const running = run();
  return {
    stop() {
      stopped = true;
      wake();
      return running;
    },
  };
}
