import Database from 'better-sqlite3';
import {
  createEventStore,
  migrate,
  openCoreDatabase,
  type EventStore,
  type NewEvent,
  type StoredEvent,
} from '#event-store';
import { foldSaga, sagaStreams } from '#sagas';
import { playForward, readTable, tableStreams, upcasters } from '#tables';
import { randomUUID } from 'node:crypto';
import type { Sample } from '../measure.js';

const PAGE = 1000;
const METADATA = { correlation_id: randomUUID(), causation_id: null, actor: 'bench' };

export interface SeedJob {
  /** A core in a file that a service has filled, and that it has let go of. */
  from: string;
  /** A file that is not there yet. */
  to: string;
  events: number;
}

/** A long log of what a service really recorded: its streams again and again, under other ids. */
export async function seedLog({ from, to, events }: SeedJob): Promise<Sample> {
  const streams = new Map<string, NewEvent[]>();
  for (const event of await allEvents(from))
    streams.set(event.stream, [...(streams.get(event.stream) ?? []), bare(event)]);
  const store = await newStore(to);
  for (let made = 0; made < events;)
    for (const [stream, recorded] of streams) {
      const kind = stream.slice(0, stream.indexOf('-'));
      await store.append([{ stream: `${kind}-${randomUUID()}`, expectedVersion: 0, events: recorded }], METADATA);
      made += recorded.length;
    }
  return done();
}

/** One table with so many events: what it was made by, and then two renames and back, again and again. */
export async function seedLongTable({ from, to, events }: SeedJob): Promise<Sample> {
  const [first] = (await allEvents(from)).filter((event) => tableStreams.idOf(event.stream) !== null);
  const recorded = (await allEvents(from)).filter((event) => event.stream === first!.stream).map(bare);
  const beginning = recorded.slice(0, MADE);
  const again = recorded.slice(MADE);
  const store = await newStore(to);
  await store.append([{ stream: LONG, expectedVersion: 0, events: beginning }], METADATA);
  for (let version = MADE; version < events; version += again.length)
    await store.append([{ stream: LONG, expectedVersion: version, events: again }], METADATA);
  return done();
}

/** Requested and completed. */
const MADE = 2;
const LONG_ID = 'long';
const LONG = tableStreams.name(LONG_ID);

/** Decoded, upcast and folded, each stream by what it is. */
export async function replayByStore({ file }: { file: string }): Promise<Sample> {
  const core = await openCoreDatabase(file);
  try {
    const store = createEventStore(core, { upcasters });
    return await timed(async () => {
      const kept = new Map<string, StoredEvent[]>();
      let count = 0;
      for (
        let after = 0, page = await store.readAll(after, PAGE);
        page.length > 0;
        page = await store.readAll(after, PAGE)
      ) {
        for (const event of page) {
          const of = kept.get(event.stream);
          if (of === undefined) kept.set(event.stream, [event]);
          else of.push(event);
        }
        count += page.length;
        after = page.at(-1)!.position;
      }
      for (const [stream, events] of kept)
        if (sagaStreams.idOf(stream) !== null) foldSaga(null, events);
        else if (tableStreams.idOf(stream) !== null) playForward(stream, events);
      return count;
    });
  } finally {
    await core.close();
  }
}

/** Pages by position, each event's data parsed. */
export async function replayByDriver({ file }: { file: string }): Promise<Sample> {
  const database = open(file);
  try {
    const page = database.prepare<[number, number], { position: number; data: string }>(
      'select * from events where position > ? order by position limit ?',
    );
    return await timed(async () => {
      let count = 0;
      for (let after = 0, rows = page.all(after, PAGE); rows.length > 0; rows = page.all(after, PAGE)) {
        for (const row of rows) JSON.parse(row.data);
        count += rows.length;
        after = rows.at(-1)!.position;
      }
      return count;
    });
  } finally {
    database.close();
  }
}

export async function foldByStore({ file }: { file: string }): Promise<Sample> {
  const core = await openCoreDatabase(file);
  try {
    const store = createEventStore(core, { upcasters });
    return await timed(async () => (await readTable(store, LONG_ID))!.version);
  } finally {
    await core.close();
  }
}

/** The stream's rows, parsed, and folded to the last name that was given. */
export async function foldByDriver({ file }: { file: string }): Promise<Sample> {
  const database = open(file);
  try {
    const stream = database.prepare<[string], { data: string }>(
      'select * from events where stream = ? order by version',
    );
    return await timed(async () => {
      const rows = stream.all(LONG);
      rows.reduce((name, { data }) => (JSON.parse(data) as { name?: string }).name ?? name, '');
      return rows.length;
    });
  } finally {
    database.close();
  }
}

async function timed(work: () => Promise<number>): Promise<Sample> {
  const began = performance.now();
  const count = await work();
  const ms = performance.now() - began;
  return { ms: [ms], seconds: ms / 1000, errors: count > 0 ? [] : ['nothing was read'] };
}

function done(): Sample {
  return { ms: [], seconds: 0, errors: [] };
}

function open(file: string): Database.Database {
  return new Database(file.slice('sqlite:'.length));
}

async function newStore(file: string): Promise<EventStore> {
  const core = await openCoreDatabase(file);
  await migrate(core);
  return createEventStore(core);
}

async function allEvents(file: string): Promise<StoredEvent[]> {
  const core = await openCoreDatabase(file);
  try {
    return await createEventStore(core).readAll(0, 1_000_000);
  } finally {
    await core.close();
  }
}

function bare({ type, schema_version, data }: StoredEvent): NewEvent {
  return { type, schema_version, data };
}
