import Database from 'better-sqlite3';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { createEventStore, migrate, openCoreDatabase, type CoreDatabase, type EventStore } from '#event-store';
import { randomUUID } from 'node:crypto';
import type { Sample } from '../measure.js';
import { byClients } from './clients.js';

export interface AppendJob {
  /** Of a core that nobody else uses. */
  url: string;
  clients: number;
  count: number;
}

const DATA = { text: 'x'.repeat(240), list: [1, 2, 3], at: '2030-01-31T12:30:00.000Z' };
const METADATA = { correlation_id: randomUUID(), causation_id: null, actor: 'bench' };

/** One event on a stream of its own, with its hash and place in the order: one commit. */
export async function appendByStore({ url, clients, count }: AppendJob): Promise<Sample> {
  const store = await storeOf(url);
  return byClients(clients, streams(count), async (stream) => {
    const event = { type: 'Benched', schema_version: 1, data: DATA };
    await store.append([{ stream, expectedVersion: 0, events: [event] }], METADATA);
  });
}

/** The same row by the driver alone, prepared, on the same table. */
export async function appendByDriver({ url, clients, count }: AppendJob): Promise<Sample> {
  await storeOf(url);
  const insert = await inserterOf(url, clients);
  return byClients(clients, streams(count), (stream) => insert(rowOf(stream)));
}

function streams(count: number): string[] {
  return Array.from({ length: count }, () => `bench-${randomUUID()}`);
}

type Value = string | number | null;

const COLUMNS = [
  'stream',
  'version',
  'event_id',
  'type',
  'schema_version',
  'data',
  'correlation_id',
  'causation_id',
  'actor',
  'recorded_at',
  'hash',
];

function rowOf(stream: string): Value[] {
  const { correlation_id, causation_id, actor } = METADATA;
  const [text, at] = [JSON.stringify(DATA), new Date().toISOString()];
  return [stream, 1, randomUUID(), 'Benched', 1, text, correlation_id, causation_id, actor, at, 'f'.repeat(64)];
}

type Insert = (row: Value[]) => Promise<void>;

const cores = new Map<string, { core: CoreDatabase; store: EventStore }>();
const inserters = new Map<string, Insert>();

async function storeOf(url: string): Promise<EventStore> {
  const known = cores.get(url);
  if (known !== undefined) return known.store;
  const core = await openCoreDatabase(url);
  await migrate(core);
  const store = createEventStore(core);
  cores.set(url, { core, store });
  return store;
}

async function inserterOf(url: string, connections: number): Promise<Insert> {
  const key = `${url} ${connections}`;
  const made = inserters.get(key) ?? makeInserter(url, connections);
  inserters.set(key, made);
  return made;
}

function makeInserter(url: string, connections: number): Insert {
  const sql = (placeholder: (i: number) => string): string =>
    `insert into events (${COLUMNS.join()}) values (${COLUMNS.map((_, i) => placeholder(i)).join()})`;
  if (url.startsWith('postgres')) {
    const pool = new pg.Pool({ connectionString: url, max: connections });
    const text = sql((i) => `$${i + 1}`);
    return async (values) => {
      await pool.query({ name: 'insert', text, values });
    };
  }
  if (url.startsWith('mysql')) {
    const pool = mysql.createPool({ uri: url, connectionLimit: connections });
    const text = sql(() => '?');
    return async (values) => {
      await pool.execute(text, values);
    };
  }
  const database = new Database(url.slice('sqlite:'.length));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  const statement = database.prepare(sql(() => '?'));
  return async (values) => {
    statement.run(values);
  };
}
