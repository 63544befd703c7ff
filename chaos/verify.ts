import { setTimeout as sleep } from 'node:timers/promises';
import {
  compareNames,
  compareRows,
  compareSaga,
  compareSchema,
  compareShown,
  type Found,
  type LiveTable,
  type Shown,
  type ShownSaga,
} from './compare.js';
import { isAside, readRows, readTables } from './live.js';
import { play, type ModelTable, type Outcome } from './model.js';
import { keyOf } from './rows.js';
import type { Asked, Run } from './run.js';
import { sql, quote, type Place } from './sql.js';
import type { Orphan, World } from './world.js';

const SETTLE_MS = 300_000;
const ROWS_DO_NOT_FIT = ['rows_conflict', 'lossy_conversion', 'not_null_without_default'];
const ENDED = ['completed', 'compensated', 'rejected'];
const ENDINGS = ['SagaCompleted', 'SagaCompensated', 'SagaRejected'];

export interface SagaRecord {
  saga: ShownSaga;
  events: { type: string; recorded_at: string; data?: { next_attempt_at?: string } }[];
}

/**
 * Waits until every saga has ended. What says that rows do not fit is mended, as an operator would, and told to go on.
 */
export async function settle(world: World, run: Run): Promise<void> {
  const { client } = world;
  for (const until = Date.now() + SETTLE_MS; Date.now() < until; await sleep(300)) {
    const open = (
      await Promise.all(
        ['pending', 'running', 'compensating', 'stuck'].map((status) =>
          client.list<ShownSaga>(`/sagas?status=${status}`, 'sagas'),
        ),
      )
    ).flat();
    if (open.length === 0) return;
    for (const saga of open.filter((s) => s.status === 'stuck')) {
      const table = tableOf(run.asked, saga.table_id);
      const misfits = saga.steps.filter(
        (s) =>
          s.error !== null &&
          ROWS_DO_NOT_FIT.includes(s.error.code) &&
          s.status !== 'compensated' &&
          s.phase === 'apply',
      );
      if (table === undefined || misfits.length === 0 || saga.started_at === null) continue;
      for (const { error } of misfits)
        if (error!.code !== 'rows_conflict')
          client.failures.push(
            `saga ${saga.saga_id}: rows that do not fit its undo are called ${error!.code}, and must be rows_conflict`,
          );
      for (const step of misfits)
        await run.rows.remove(table, world.place(step.database), Date.parse(saga.started_at) - 1000);
      await client.ask('POST', `/sagas/${saga.saga_id}/retry`, { reason: 'rows mended' });
    }
  }
}

export async function readSagas(world: World): Promise<Map<string, SagaRecord>> {
  const sagas = await world.client.list<ShownSaga>('/sagas', 'sagas');
  const records = new Map<string, SagaRecord>();
  for (const saga of sagas)
    records.set(saga.saga_id, {
      saga,
      events: await world.client.list<SagaRecord['events'][number]>(`/sagas/${saga.saga_id}/events`, 'events'),
    });
  return records;
}

/** Compares everything with the model, which is played here from the plan, the answers and each saga's end. */
export async function verify(world: World, run: Run, sagas: Map<string, SagaRecord>, storm = false): Promise<Found[]> {
  const found: Found[] = world.client.failures.map((message) => ({
    kind: 'inconsistency',
    table: null,
    database: null,
    message,
  }));
  found.push(...run.objects.lost.map((message): Found => ({ kind: 'lost row', table: null, database: null, message })));
  const models = new Map<number, ModelTable>();
  const versions = new Map<string, Map<string, number>>();
  const known = new Set<string>();
  for (const { item, fate } of run.asked) {
    if (fate.fate !== 'accepted') continue;
    const record = sagas.get(fate.sagaId);
    known.add(fate.sagaId);
    if (record === undefined) {
      found.push({
        kind: 'inconsistency',
        table: item.table,
        database: null,
        message: `saga ${fate.sagaId} was accepted, and is not known`,
      });
      continue;
    }
    found.push(
      ...compareSaga(
        record.saga,
        record.events.map((e) => e.type),
        { ...item, takenLate: item.change.what === 'create' && item.change.occupied?.late === true },
        storm,
        run.objects.touches,
      ),
    );
    if (!ENDED.includes(record.saga.status))
      found.push({
        kind: 'stuck',
        table: item.table,
        database: record.saga.error?.database ?? null,
        message:
          `saga ${fate.sagaId} (${record.saga.kind}) is ${record.saga.status}: ` +
          `${JSON.stringify(record.saga.error)}`,
        sagaId: fate.sagaId,
      });
    const next = play(
      models.get(item.table),
      item,
      fate.tableId,
      record.saga.status as Outcome,
      storm ? await outcomeOf(world, versions, fate.tableId, fate.sagaId) : 0,
      fate.done,
    );
    if (typeof next === 'string')
      found.push({
        kind: 'inconsistency',
        table: item.table,
        database: null,
        message: `saga ${fate.sagaId}: ${next}`,
        sagaId: fate.sagaId,
      });
    else models.set(item.table, next);
  }
  for (const { saga } of sagas.values())
    if (!known.has(saga.saga_id) && saga.kind !== 'table.purge')
      found.push({
        kind: 'inconsistency',
        table: null,
        database: null,
        message: `saga ${saga.saga_id} (${saga.kind}) runs, though nobody got it as an answer`,
        sagaId: saga.saga_id,
      });
  for (const model of models.values()) {
    const { status, body } = await world.client.ask('GET', `/tables/${model.tableId}`);
    found.push(...compareShown(model, status === 200 ? (body['table'] as Shown) : null));
  }
  for (const place of world.places) found.push(...(await verifyPlace(world, run, [...models.values()], place.name)));
  return found;
}

/** The version of the table's stream at which a saga's outcome stands. */
async function outcomeOf(
  world: World,
  versions: Map<string, Map<string, number>>,
  tableId: string,
  sagaId: string,
): Promise<number> {
  let known = versions.get(tableId);
  if (known === undefined) {
    known = new Map();
    versions.set(tableId, known);
    const events = await world.client.list<{ version: number; data: { saga_id?: string } }>(
      `/events?stream=table-${tableId}`,
      'events',
    );
    for (const { version, data } of events) if (data.saga_id !== undefined) known.set(data.saga_id, version);
  }
  return known.get(sagaId) ?? 0;
}

async function verifyPlace(world: World, run: Run, models: ModelTable[], database: string): Promise<Found[]> {
  const place = world.place(database);
  const tables = await readTables(place);
  const here = models.filter((m) => m.databases.includes(database));
  const foreign = run.foreign.filter((f) => f.database === database);
  const found = compareNames(
    database,
    tables.map((t) => t.name),
    [...here.filter((m) => m.exists).map((m) => m.name), ...foreign.map((f) => f.name)],
  );
  for (const model of models.filter((m) => m.left?.has(database) === true && !m.databases.includes(database)))
    found.push(...(await verifyLeft(run, model, place, tables)));
  for (const model of here) {
    const live = tables.find((t) => t.name === model.name && keyOf(t, model.table) !== undefined);
    const differs = compareSchema(
      model,
      database,
      place.engine,
      live ?? (model.exists ? tables.find((t) => t.name === model.name) : undefined),
    );
    found.push(...differs);
    if (
      model.exists &&
      live !== undefined &&
      live.columns.some((c) => c.name === model.columns.find((m) => m.primaryKey)?.name)
    ) {
      const rows = await readRows(place, live);
      const left = model.left?.has(database) === true ? await asideKeys(place, model, tables) : new Set<string>();
      const key = keyOf(live, model.table)!;
      // It was taken from here once, and came anew: what was written before stands aside.
      found.push(
        ...compareRows(
          model,
          database,
          run.rows
            .of(model.table, database)
            .filter((row) => !left.has(String(row.key)) || rows.some((is) => is[key] === String(row.key))),
          rows,
        ),
      );
    }
    if (model.dropped && model.left?.has(database) === true)
      found.push(...(await verifyLeft(run, model, place, tables)));
    else if (model.dropped) found.push(...(await verifyAside(world, run, model, database, tables)));
  }
  for (const theirs of foreign) {
    const live = tables.find((t) => t.name === theirs.name);
    const rows =
      live?.columns.map((c) => c.name).join() === 'theirs,words'
        ? await sql<{ theirs: unknown; words: string }>(
            place,
            `select theirs, words from ${quote(place.engine, theirs.name)} order by theirs`,
          )
        : [];
    if (JSON.stringify(rows.map((r) => [String(r.theirs), r.words])) !== JSON.stringify(theirs.rows))
      found.push({
        kind: 'inconsistency',
        table: theirs.table,
        database,
        message: `somebody else's table ${theirs.name} was harmed: ${JSON.stringify(live)} ${JSON.stringify(rows)}`,
      });
  }
  return found;
}

/** Keys of all that stands aside of a table, of whichever time. */
async function asideKeys(place: Place, model: ModelTable, tables: LiveTable[]): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const aside of tables.filter((t) => isAside(t.name) && keyOf(t, model.table) !== undefined)) {
    const key = keyOf(aside, model.table)!;
    for (const row of await readRows(place, aside)) keys.add(row[key] ?? '');
  }
  return keys;
}

/** Where a table was taken from: every row stands aside. */
async function verifyLeft(run: Run, model: ModelTable, place: Place, tables: LiveTable[]): Promise<Found[]> {
  const there = await asideKeys(place, model, tables);
  return run.rows
    .of(model.table, place.name)
    .filter((row) => row.certain && !there.has(String(row.key)))
    .map((row) => ({
      kind: 'lost row',
      table: model.table,
      database: place.name,
      message: `${model.name}: row ${row.key} is neither there nor set aside`,
    }));
}

/** What was dropped is set aside with every row. */
async function verifyAside(
  world: World,
  run: Run,
  model: ModelTable,
  database: string,
  tables: LiveTable[],
): Promise<Found[]> {
  const place = world.place(database);
  const written = run.rows.of(model.table, database);
  let best: Found[] | null = null;
  for (const aside of tables.filter((t) => isAside(t.name) && keyOf(t, model.table) !== undefined)) {
    const kept = compareRows(model, database, written, await readRows(place, aside));
    if (best === null || kept.length < best.length) best = kept;
  }
  if (best !== null) return best;
  return written.some((row) => row.certain)
    ? [{ kind: 'lost row', table: model.table, database, message: `${model.name} was dropped and is not set aside` }]
    : [];
}

export function tableOf(asked: Asked[], tableId: string): number | undefined {
  return asked.find(({ fate }) => fate.fate === 'accepted' && fate.tableId === tableId)?.item.table;
}

/**
 * For each lease whose holder was killed: milliseconds from the kill, or from when there was a living worker again,
 * until one had it.
 */
export function takeovers(orphans: Orphan[], revivals: number[]): number[] {
  return orphans
    .flatMap(({ at, taken }) =>
      taken === null || taken < at ? [] : [taken - Math.max(at, ...revivals.filter((time) => time <= taken))],
    )
    .sort((a, b) => a - b);
}

/**
 * The same until the next thing that any worker recorded of that table's sagas, whatever its database made it wait for;
 * or from
 * when a delayed step was due. Of two kills without anything between them the later one counts.
 */
export function recoveries(orphans: Orphan[], revivals: number[], sagas: Iterable<SagaRecord>): number[] {
  const byTable = new Map<string, { time: number; due: number; ended: boolean }[]>();
  for (const { saga, events } of sagas) {
    const moments = events
      .filter((e) => !['SagaRequested', 'AbortRequested', 'RetryRequested'].includes(e.type))
      .map((e) => ({
        time: Date.parse(e.recorded_at),
        due: Date.parse(e.data?.next_attempt_at ?? e.recorded_at),
        ended: ENDINGS.includes(e.type),
      }));
    byTable.set(saga.table_id, [...(byTable.get(saga.table_id) ?? []), ...moments]);
  }
  const latest = new Map<string, number>();
  for (const { subject, at } of orphans) {
    const moments = (byTable.get(subject) ?? []).sort((a, b) => a.time - b.time);
    const [before, next] = [moments.findLast(({ time }) => time <= at), moments.find(({ time }) => time > at)];
    // Killed between a saga's end and giving the lease back: there was nothing to go on with.
    if (next === undefined || before?.ended === true) continue;
    const from = Math.max(at, Math.min(before?.due ?? 0, next.time), ...revivals.filter((time) => time <= next.time));
    latest.set(
      `${subject} ${next.time}`,
      Math.min(latest.get(`${subject} ${next.time}`) ?? Infinity, next.time - from),
    );
  }
  return [...latest.values()].sort((a, b) => a - b);
}

export function percentile(sorted: number[], part: number): number | null {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}
