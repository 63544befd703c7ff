import {
  jsonOf,
  sql,
  type EventReader,
  type Queryable,
  type ReadModel,
  type Sql,
  type StoredEvent,
  type Tx,
} from '#event-store';
import { playForward, type Moment, type Point } from './point.js';
import { tableStreams } from '../table/stream.js';

/** Raised with every change of what is kept in a snapshot, and of what folding the same events gives. */
export const SNAPSHOT_SHAPE = 3;
export const SNAPSHOT_DISTANCE = 100;

/** Events read at once where it is not known how many there are to be. */
const BATCH = 100;

/**
 * Each table after every so many events, and after its last one; kept behind the log. A cache: without it, or with one
 * of
 * an older shape, all events are folded, and the answers are the same.
 */
export function tableSnapshots(store: EventReader, distance = SNAPSHOT_DISTANCE): ReadModel {
  return {
    behind: true,
    shape: SNAPSHOT_SHAPE,
    tables: ['table_snapshots'],
    projection: {
      name: 'table_snapshots',
      async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
        for (const stream of new Set(events.map((event) => event.stream))) {
          const tableId = tableStreams.idOf(stream);
          if (tableId === null) continue;
          const own = events.filter((event) => event.stream === stream);
          await advance(tx, tableId, own);
        }
      },
    },
  };

  async function advance(tx: Tx, tableId: string, own: StoredEvent[]): Promise<void> {
    const before = own[0]!.version - 1;
    const from = before === 0 ? null : await pointAt(tx, store, tableId, { version: before });
    const moments = playForward(tableId, own, from);
    // The last one moves along with the head; those at full distances stay.
    if (before % distance !== 0)
      await tx.execute(sql`delete from table_snapshots where table_id = ${tableId} and version = ${before}`);
    for (const { event, position, table, lineage, dropped, order } of moments) {
      if (event.version % distance !== 0 && event !== own.at(-1)) continue;
      const point: Point = { position, table, lineage, dropped, order };
      await tx.upsert('table_snapshots', ['table_id', 'version'], {
        table_id: tableId,
        version: event.version,
        recorded_at: event.recorded_at,
        shape: SNAPSHOT_SHAPE,
        point: JSON.stringify(point),
      });
    }
  }
}

/**
 * The moments behind `from` (null: from the first) up to version `upTo`, played some events at a time: a long history
 * takes no more memory than a short one.
 */
export async function* momentsUpTo(
  store: EventReader,
  tableId: string,
  from: Point | null,
  upTo: number,
): AsyncGenerator<Moment> {
  let last = from;
  while ((last?.table.version ?? 0) < upTo) {
    const after: number = last?.table.version ?? 0;
    const events = await store.readStream(tableStreams.name(tableId), { after, upTo: Math.min(after + BATCH, upTo) });
    const moments = playForward(tableId, events, last);
    yield* moments;
    last = moments.at(-1)!;
  }
}

/**
 * Which point of a table's history: after event `version`, or the last one at a time (ISO 8601, UTC); neither: the last
 * one there is.
 */
export type Which = { version: number } | { at: string } | { version?: undefined; at?: undefined };

/** From the nearest snapshot before it on. Null: there is no such point. */
export async function pointAt(db: Queryable, store: EventReader, tableId: string, which: Which): Promise<Point | null> {
  const { version, at } = { version: undefined, at: undefined, ...which };
  let last = await nearest(
    db,
    tableId,
    version !== undefined ? sql` and version <= ${version}` : at !== undefined ? sql` and recorded_at <= ${at}` : sql``,
  );
  for (;;) {
    const after: number = last?.table.version ?? 0;
    if (after === version) return last;
    const upTo = version ?? (at === undefined ? undefined : after + BATCH);
    const events = await store.readStream(tableStreams.name(tableId), {
      after,
      ...(upTo === undefined ? {} : { upTo }),
    });
    const wanted = at === undefined ? events : events.filter((event) => event.recorded_at <= at);
    last = playForward(tableId, wanted, last).at(-1) ?? last;
    // recorded_at never falls within a stream.
    if (at !== undefined && events.length === BATCH && wanted.length === BATCH) continue;
    return version === undefined || last?.table.version === version ? last : null;
  }
}

async function nearest(db: Queryable, tableId: string, condition: Sql): Promise<Point | null> {
  const [row] = await db.query(
    sql`select point from table_snapshots where table_id = ${tableId} and shape = ${SNAPSHOT_SHAPE}${condition}
      order by version desc limit 1`,
  );
  return row === undefined ? null : jsonOf<Point>(row, 'point');
}
