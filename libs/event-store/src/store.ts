import { v7 as uuidv7 } from 'uuid';
import { checkAppend } from './check-append.js';
import { onlyRow, sql, sqlList } from './core-database.js';
import type { CoreDatabase, Row, Sql, Tx } from './core-database.js';
import { UniqueViolation, VersionConflict } from './errors.js';
import { eventOf } from './event-row.js';
import type {
  Append,
  EventReader,
  EventStore,
  InlineProjection,
  Metadata,
  NewEvent,
  ReadAllFilter,
  StoredEvent,
} from './event-store.js';
import { hashEvent } from './hash.js';
import { globalOrder } from './order/global-order.js';
import { readPage } from './page.js';
import { Upcasts, type Upcaster } from './upcast.js';

/** An event as it is given, with its id and with its data as the text that is stored. */
interface Draft {
  event: NewEvent;
  event_id: string;
  text: string;
}
/** An event ready to be inserted. */
interface Prepared {
  event: StoredEvent;
  text: string;
}
interface Head {
  version: number;
  hash: string;
  recordedAt: string;
}

const columns = sql`
  stream, version, event_id, type, schema_version, data, correlation_id, causation_id, actor, recorded_at, hash`;
/** 500 × 11 values: below SQLite's limit of 32,766 in one statement. */
const rowsPerInsert = 500;
const emptyHead: Head = { version: 0, hash: '', recordedAt: '' };

/** `now` is the clock for `recorded_at`. The projections run in every append's transaction, in the order given. */
export function createEventStore(
  core: CoreDatabase,
  options: { projections?: readonly InlineProjection[]; upcasters?: readonly Upcaster[]; now?: () => Date } = {},
): EventStore {
  const { projections = [], upcasters, now = () => new Date() } = options;
  const upcasts = new Upcasts(upcasters);
  const today = (row: Row): StoredEvent => upcasts.apply(toEvent(row));
  const order = globalOrder(core, now);
  const listeners = new Set<(events: StoredEvent[]) => void>();
  /** The highest horizon seen. What is at or below it is settled for good and may be read without asking again. */
  let settled = 0;

  /** `read` makes of a row what is given; `ofType` finds what is given as that type. */
  const reader = (read: (row: Row) => StoredEvent, ofType: (type: string) => Sql): EventReader => ({
    async readStream(stream, { after = 0, upTo } = {}) {
      const end = upTo === undefined ? sql`` : sql` and version <= ${upTo}`;
      return (
        await core.query(
          sql`select position, ${columns}
            from events
            where stream = ${stream} and version > ${after}${end}
            order by version`,
        )
      ).map(read);
    },

    async pageOfStream(stream, after, limit) {
      const { rows, more } = await readPage(core, {
        from: sql`from events where stream = ${stream} and version > ${after}`,
        key: 'version',
        order: 'asc',
        heavy: 'data',
        columns: sql`position, ${columns}`,
        limit,
      });
      return { events: rows.map(read), more };
    },

    async pageOfAll(after, limit, filter = {}) {
      const where = matching(filter, ofType);
      const page = async (upTo: number): ReturnType<typeof readPage> =>
        upTo <= after
          ? { rows: [], more: false }
          : readPage(core, {
              from: sql`from events where position > ${after} and position <= ${upTo}${where}`,
              key: 'position',
              order: 'asc',
              heavy: 'data',
              columns: sql`position, ${columns}`,
              limit,
            });
      let { rows, more } = await page(settled);
      if (!more && settled < Number.MAX_SAFE_INTEGER) {
        settled = Math.max(settled, await order.horizon());
        ({ rows, more } = await page(settled));
      }
      return { events: rows.map(read), more };
    },

    async readAll(after, limit, filter = {}) {
      const where = matching(filter, ofType);
      const page = async (upTo: number): Promise<Row[]> =>
        core.query(
          sql`select position, ${columns}
            from events
            where position > ${after} and position <= ${upTo}${where}
            order by position
            limit ${limit}`,
        );
      // A full page of settled events: the common case of catching up, in one query.
      let rows = settled > after ? await page(settled) : [];
      if (rows.length < limit && settled < Number.MAX_SAFE_INTEGER) {
        const horizon = await order.horizon();
        settled = Math.max(settled, horizon);
        rows = settled > after ? await page(settled) : [];
      }
      return rows.map(read);
    },
  });

  return {
    ...reader(today, (type) => upcasts.readAs(type)),
    asStored: reader(toEvent, (type) => sql`type = ${type}`),

    async readWithin(tx, after, limit) {
      return (
        await tx.query(
          sql`select position, ${columns} from events where position > ${after} order by position limit ${limit}`,
        )
      ).map(today);
    },

    async append(appends, metadata, alongside) {
      checkAppend(appends, metadata);
      // Outside the transaction: when it runs again after a deadlock, the events are still the same ones.
      const drafts = appends.map((append) => ({ ...append, events: append.events.map(draft) }));
      const stored = await atExpectedVersions(core, appends, async (tx, heads) => {
        const recordedAt = now().toISOString();
        const prepared = drafts.flatMap((one) =>
          prepare(one, metadata, heads.get(one.stream) ?? emptyHead, recordedAt),
        );
        await order.announce(tx);
        const events = (await insert(tx, core.engine, prepared)).map((event) => upcasts.apply(event));
        for (const projection of projections) await projection.apply(tx, events);
        await alongside?.(tx, events);
        return events;
      });
      for (const listener of listeners) tell(listener, stored);
      return stored;
    },

    async head() {
      const horizon = await order.horizon();
      settled = Math.max(settled, horizon);
      const row = onlyRow(
        await core.query(sql`select coalesce(max(position), 0) as last from events where position <= ${horizon}`),
      );
      return Number(row.last);
    },

    async committed() {
      const row = onlyRow(await core.query(sql`select coalesce(max(position), 0) as last from events`));
      return Number(row.last);
    },

    onAppended(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function matching({ stream, type, correlation_id }: ReadAllFilter, ofType: (type: string) => Sql): Sql {
  const ofStream = stream === undefined ? sql`` : sql` and stream = ${stream}`;
  const ofOneType = type === undefined ? sql`` : sql` and ${ofType(type)}`;
  const ofRequest = correlation_id === undefined ? sql`` : sql` and correlation_id = ${correlation_id}`;
  return sql`${ofStream}${ofOneType}${ofRequest}`;
}

/**
 * Runs `work` in a transaction if every stream is at its expected version. Errors: VersionConflict; what `work` throws.
 */
async function atExpectedVersions(
  core: CoreDatabase,
  appends: readonly Append[],
  work: (tx: Tx, heads: Map<string, Head>) => Promise<StoredEvent[]>,
): Promise<StoredEvent[]> {
  try {
    return await core.transaction(async (tx) => {
      // Version 0 needs no look: were there a version 1, the unique key would refuse ours.
      const existing = appends.filter(({ expectedVersion }) => expectedVersion > 0);
      const heads = await readHeads(
        tx,
        existing.map(({ stream }) => stream),
      );
      refuseOtherVersions(existing, heads);
      return work(tx, heads);
    });
  } catch (error) {
    // Somebody was quicker between our look and our insert; or the key that clashed is a projection's, and no version
    // is another.
    if (error instanceof UniqueViolation)
      refuseOtherVersions(
        appends,
        await readHeads(
          core,
          appends.map(({ stream }) => stream),
        ),
      );
    throw error;
  }
}

function refuseOtherVersions(appends: readonly Append[], heads: Map<string, Head>): void {
  for (const { stream, expectedVersion } of appends) {
    const actual = heads.get(stream)?.version ?? 0;
    if (actual !== expectedVersion) throw new VersionConflict(stream, expectedVersion, actual);
  }
}

async function readHeads(from: Pick<Tx, 'query'>, streams: readonly string[]): Promise<Map<string, Head>> {
  if (streams.length === 0) return new Map();
  const each = streams.map(
    (stream, i) => sql`
      select * from (
        select stream, version, hash, recorded_at
        from events
        where stream = ${stream}
        order by version desc
        limit 1
      ) as ${headNames(i)}`,
  );
  const rows = await from.query(each.reduce((all, one) => sql`${all} union all ${one}`));
  return new Map(
    rows.map((row) => [
      String(row.stream),
      { version: Number(row.version), hash: String(row.hash), recordedAt: String(row.recorded_at) },
    ]),
  );
}

function headNames(i: number): Sql {
  return { texts: [`head${i}`], values: [] };
}

function draft(event: NewEvent): Draft {
  return { event, event_id: event.event_id ?? uuidv7(), text: JSON.stringify(event.data) };
}

function prepare(
  { stream, expectedVersion, events }: Omit<Append, 'events'> & { events: readonly Draft[] },
  metadata: Metadata,
  head: Head,
  now: string,
): Prepared[] {
  // A clock that went back must not put an event before the one it follows.
  const recorded_at = now > head.recordedAt ? now : head.recordedAt;
  let { hash } = head;
  return events.map(({ event: given, event_id, text }, i) => {
    const { correlation_id, actor } = metadata;
    const event: StoredEvent = {
      event_id,
      position: 0,
      stream,
      version: expectedVersion + i + 1,
      type: given.type,
      schema_version: given.schema_version,
      // As it will be read back: projections must see now what they will see when they are rebuilt.
      data: JSON.parse(text),
      metadata: { correlation_id, causation_id: given.causation_id ?? metadata.causation_id, actor },
      recorded_at,
      hash: '',
    };
    event.hash = hash = hashEvent(event, hash);
    return { event, text };
  });
}

/** Inserts in the order given and returns the events with their positions. */
async function insert(tx: Tx, engine: CoreDatabase['engine'], prepared: readonly Prepared[]): Promise<StoredEvent[]> {
  const positions = new Map<unknown, number>();
  for (let start = 0; start < prepared.length; start += rowsPerInsert) {
    const rows = prepared.slice(start, start + rowsPerInsert);
    const statement = sql`insert into events (${columns}) values ${sqlList(rows.map(rowOf))}`;
    const ids = sqlList(rows.map(({ event }) => event.event_id));
    // MySQL has no "returning", and how far its generated numbers lie apart is the server's setting: so look.
    if (engine === 'mysql') await tx.execute(statement);
    const found = await tx.query(
      engine === 'mysql'
        ? sql`select event_id, position from events where event_id in (${ids})`
        : sql`${statement} returning event_id, position`,
    );
    for (const row of found) positions.set(row.event_id, Number(row.position));
  }
  let last = 0;
  return prepared.map(({ event }) => {
    const position = positions.get(event.event_id) ?? 0;
    if (position <= last) throw new Error('positions were not given in the order of the events');
    last = position;
    return { ...event, position };
  });
}

function rowOf({ event, text }: Prepared): Sql {
  const { correlation_id, causation_id, actor } = event.metadata;
  return sql`(${sqlList([
    event.stream,
    event.version,
    event.event_id,
    event.type,
    event.schema_version,
    text,
    correlation_id,
    causation_id,
    actor,
    event.recorded_at,
    event.hash,
  ])})`;
}

function toEvent(row: Row): StoredEvent {
  return eventOf(row, JSON.parse(String(row['data'])));
}

/**
 * The append is committed: a listener that throws must not make it look failed, nor keep the others from hearing of it.
 */
function tell(listener: (events: StoredEvent[]) => void, events: StoredEvent[]): void {
  try {
    listener(events);
  } catch (error) {
    process.emitWarning(`a listener of onAppended failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
