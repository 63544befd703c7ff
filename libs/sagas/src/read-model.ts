import {
  jsonOf,
  readPage,
  sql,
  sqlList,
  type CoreDatabase,
  type InlineProjection,
  type Queryable,
  type Row,
  type Sql,
  type StoredEvent,
  type Tx,
} from '#event-store';
import { isHeld } from './lease.js';
import { isEnded, type Saga } from './saga.js';
import { foldSaga, sagaStreams } from './saga-stream.js';

/** Keeps one row per saga, folded, in the appending transaction. */
export const sagasProjection: InlineProjection = {
  name: 'sagas',
  async apply(tx: Tx, events: StoredEvent[]): Promise<void> {
    for (const stream of new Set(events.map((event) => event.stream))) {
      const sagaId = sagaStreams.idOf(stream);
      if (sagaId === null) continue;
      const own = events.filter((event) => event.stream === stream);
      const first = own.find((event) => event.version === 1);
      const saga = foldSaga(first === undefined ? await loadSaga(tx, sagaId) : null, own);
      if (saga !== null) await save(tx, saga, first?.position ?? null);
    }
  },
};

/** `position`: that of the first event of a new saga; null: the saga has a row. */
async function save(tx: Tx, saga: Saga, position: number | null): Promise<void> {
  const [ended, text] = [isEnded(saga) ? 1 : 0, JSON.stringify(saga)];
  if (position === null) {
    await tx.execute(
      sql`update sagas set status = ${saga.status}, ended = ${ended}, state = ${text}
        where saga_id = ${saga.saga_id}`,
    );
    return;
  }
  await tx.execute(
    sql`insert into sagas (saga_id, kind, subject_id, status, ended, position, state)
      values (
        ${saga.saga_id}, ${saga.kind}, ${saga.subject_id}, ${saga.status}, ${ended}, ${position}, ${text}
      )`,
  );
  for (const id of new Set(saga.steps.map((s) => s.target.id)))
    await tx.execute(sql`insert into saga_targets (saga_id, target_id) values (${saga.saga_id}, ${id})`);
}

/** `Change` and `Plan`: what the domain put into the sagas that it asks for. */
export async function loadSaga<Change extends object, Plan extends object>(
  db: Queryable,
  sagaId: string,
): Promise<Saga<Change, Plan> | null> {
  const [row] = await db.query(sql`select state from sagas where saga_id = ${sagaId}`);
  return row === undefined ? null : state(row);
}

/** The oldest saga of this subject that has not ended: the one whose turn it is. */
export async function nextOf(db: Queryable, subjectId: string): Promise<string | null> {
  const [row] = await db.query(
    sql`select saga_id from sagas where subject_id = ${subjectId} and ended = 0 order by position limit 1`,
  );
  return row === undefined ? null : String(row['saga_id']);
}

/**
 * Sagas whose turn it is and that nobody runs now, under a lease of so many milliseconds, the oldest first; for the
 * reconciler.
 */
export async function openSagas(core: CoreDatabase, leaseMs: number): Promise<Saga[]> {
  const rows = await core.query(
    sql`select state
      from sagas s
      where ended = 0
        and not exists (
          select 1 from sagas e
          where e.subject_id = s.subject_id and e.ended = 0 and e.position < s.position)
        and not exists (
          select 1 from leases l
          where l.subject = s.subject_id and ${isHeld(core, leaseMs)})
      order by position
      limit 1000`,
  );
  return rows.map((row) => state(row));
}

/** The statuses of these sagas, by id. */
export async function sagaStatuses(db: Queryable, ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  return new Map(
    (await db.query(sql`select saga_id, status from sagas where saga_id in (${sqlList(ids)})`)).map((row) => [
      String(row['saga_id']),
      String(row['status']),
    ]),
  );
}

/** `named_in`: the subject, or by its id a part of what a saga of another subject changes. */
export interface SagaFilter {
  named_in?: { id: string; kinds: string[] };
  status?: string;
  subject_id?: string;
  target_id?: string;
  kind?: string;
  before?: number;
  limit: number;
}

/** Newest first. `Change` and `Plan` as in `loadSaga`. */
export async function listSagas<Change extends object, Plan extends object>(
  db: Queryable,
  filter: SagaFilter,
): Promise<{ saga: Saga<Change, Plan>; position: number }[]> {
  const rows = await db.query(
    sql`select state, position from sagas where ${matching(filter)} order by position desc limit ${filter.limit}`,
  );
  return rows.map((row) => ({ saga: state(row), position: Number(row['position']) }));
}

/** The same, but no more of them than about a megabyte, and one at least where there is one. */
export async function pageOfSagas(
  db: Queryable,
  filter: SagaFilter,
): Promise<{ sagas: { saga: Saga; position: number }[]; more: boolean }> {
  const { rows, more } = await readPage(db, {
    from: sql`from sagas where ${matching(filter)}`,
    key: 'position',
    order: 'desc',
    heavy: 'state',
    columns: sql`state, position`,
    limit: filter.limit,
  });
  return { sagas: rows.map((row) => ({ saga: state(row), position: Number(row['position']) })), more };
}

function matching(filter: SagaFilter): Sql {
  const where: Sql[] = [sql`1 = 1`];
  if (filter.status !== undefined) where.push(sql`status = ${filter.status}`);
  if (filter.subject_id !== undefined) where.push(sql`subject_id = ${filter.subject_id}`);
  if (filter.named_in !== undefined) {
    const { id, kinds } = filter.named_in;
    // In the state as JSON: such sagas are few.
    where.push(
      /^[0-9a-f-]{36}$/.test(id)
        ? sql`saga_id in (
            select saga_id from sagas where subject_id = ${id}
            union
            select saga_id from sagas where kind in (${sqlList(kinds)}) and state like ${`%"${id}"%`})`
        : sql`subject_id = ${id}`,
    );
  }
  if (filter.kind !== undefined) where.push(sql`kind = ${filter.kind}`);
  if (filter.target_id !== undefined)
    where.push(sql`saga_id in (select saga_id from saga_targets where target_id = ${filter.target_id})`);
  if (filter.before !== undefined) where.push(sql`position < ${filter.before}`);
  return where.reduce((all, one) => sql`${all} and ${one}`);
}

/** The projection wrote it, and a change of its shape makes it be written anew. */
function state<Change extends object, Plan extends object>(row: Row): Saga<Change, Plan> {
  return jsonOf<Saga<Change, Plan>>(row, 'state');
}
