import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { query, tcpProxy, type Proxy } from '../../../testing/fixtures.js';
import { refusing } from './refusing.js';
import { threeEngines } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';
import { stateOf } from './state.js';

// Each database in turn refuses the statement when it comes, in a way that prepare cannot foresee; all must go back,
// rows and all.

const ON = ['default', 'crm', 'shop', 'erp'] as const;
type Name = (typeof ON)[number];
const ENDED = ['completed', 'compensated', 'rejected'];

interface World {
  s: Service;
  urls: Record<Name, string>;
  /** To PostgreSQL. */
  proxy: Proxy;
  /** Of MariaDB, with no more rights than the service needs. */
  user: string;
  close(): Promise<void>;
}

async function world(toRefuse: Name): Promise<World> {
  const user = `limited_${randomUUID().slice(0, 8)}`;
  let proxy!: Proxy;
  const scene = await threeEngines<Exclude<Name, 'default'>>(['crm', 'erp', 'shop'], {
    environment: { CHANGE_DEADLINE_SECONDS: toRefuse === 'shop' ? '1' : '20', LOCK_TIMEOUT_MS: '200' },
    async addressOf(name, url) {
      if (name === 'crm') {
        proxy = await tcpProxy(Number(new URL(url).port));
        return proxy.url(url);
      }
      if (name === 'shop') return url;
      const limited = await addressOfLimited(user, url);
      return toRefuse === 'erp' ? limited : url;
    },
  });
  return {
    s: scene.s,
    urls: { default: scene.own, ...scene.urls },
    proxy,
    user,
    async close() {
      await query(scene.urls.erp, `drop user '${user}'@'%'`);
      await scene.close();
      await proxy.close();
    },
  };
}

async function addressOfLimited(user: string, url: string): Promise<string> {
  const limited = new URL(url);
  await query(url, `create user '${user}'@'%' identified by 'pw'`);
  await query(
    url,
    'grant select, insert, update, delete, create, drop, lock tables, trigger, show view on ' +
      `\`${limited.pathname.slice(1)}\`.* to '${user}'@'%'`,
  );
  [limited.username, limited.password] = [user, 'pw'];
  return limited.href;
}

type Refusal = (w: World, table: string, send: () => Promise<string>) => Promise<void>;

async function until(w: World, sagaId: string, done: (saga: Reply['body']) => boolean): Promise<Reply['body']> {
  for (let i = 0; i < 1000; i++) {
    const saga = (await w.s.call('GET', `/sagas/${sagaId}`)).body['saga'] as Reply['body'];
    if (done(saga)) return saga;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const saga: unknown = (await w.s.call('GET', `/sagas/${sagaId}`)).body['saga'];
  const shown = ['status', 'error', 'code', 'message', 'steps', 'database', 'operation', 'attempts'];
  throw new Error(`the saga did not get there: ${JSON.stringify(saga, shown)}`);
}

/** An event trigger: every statement of DDL is refused, reads and rows are not. */
const postgresRefuses: Refusal = async (w, _table, send) => {
  const relent = await refusing(w.urls.crm, 'ALTER TABLE', 'CREATE TABLE', 'CREATE INDEX');
  try {
    await until(w, await send(), (saga) => ENDED.includes(saga['status'] as string));
  } finally {
    await relent();
  }
};

/** The right goes away, or the name is taken, after prepare has looked: PostgreSQL is held back until then. */
const mariadbRefuses: Refusal = async (w, table, send) => {
  w.proxy.hold();
  const sagaId = await send();
  await until(w, sagaId, (saga) =>
    (saga['steps'] as { database: string; status: string }[]).some(
      (step) => step.database === 'erp' && step.status === 'succeeded',
    ),
  );
  const isNew =
    (
      await query(
        w.urls.erp,
        'select 1 from information_schema.tables where table_schema = database() and table_name = ?',
        [table],
      )
    ).length === 0;
  if (isNew) await query(w.urls.erp, `create table ${table} (precious text)`);
  else await query(w.urls.erp, `revoke alter on ${table} from '${w.user}'@'%'`);
  await w.proxy.resume();
  await until(w, sagaId, (saga) => ENDED.includes(saga['status'] as string));
  if (isNew) await query(w.urls.erp, `drop table ${table}`);
  else await query(w.urls.erp, `grant alter on ${table} to '${w.user}'@'%'`);
};

/** Another program keeps the file's write lock until the change has given up. */
const sqliteRefuses: Refusal = async (w, _table, send) => {
  const other = new Database(w.urls.shop.slice('sqlite:'.length));
  other.exec('begin immediate');
  let sagaId: string;
  try {
    sagaId = await send();
    await until(w, sagaId, (saga) => saga['status'] === 'compensating' || saga['status'] === 'stuck');
  } finally {
    other.close();
  }
  await until(w, sagaId, (saga) => ENDED.includes(saga['status'] as string));
};

describe.each<[Name, string, Refusal]>([
  ['crm', 'PostgreSQL', postgresRefuses],
  ['erp', 'MariaDB', mariadbRefuses],
  ['shop', 'SQLite', sqliteRefuses],
])('the statement is refused on %s (%s) when it comes', (database, _engine, refusal) => {
  let w: World;
  let tableId: string;
  beforeAll(async () => {
    w = await world(database);
    const made = await w.s.call(
      'POST',
      '/table/create',
      {
        name: 'orders',
        databases: ON,
        columns: [
          { name: 'id', type: 'integer', primary_key: true, generated: true },
          { name: 'code', type: 'string', length: 50 },
          { name: 'note', type: 'text', default: 'none' },
          { name: 'qty', type: 'integer', unique: true },
        ],
      },
      WAIT,
    );
    expect(made.status).toBe(200);
    tableId = made.body['table'].table_id as string;
    for (const name of ['orders', 'orders2', 'never'])
      await query(w.urls.erp, `grant create, alter on ${name} to '${w.user}'@'%'`);
    for (const [i, url] of ON.map((name) => w.urls[name]).entries()) {
      for (const code of ['007', '12', String(i)])
        await query(url, `insert into orders (code, qty) values ('${code}', ${Number(code) * 10 + i})`);
    }
  });
  afterAll(async () => {
    await w.close();
  });

  const column = (change: object): [string, () => [string, object]] => [
    JSON.stringify(change),
    () => [
      '/table/column',
      { table_id: tableId, ...(Array.isArray(change) ? { columns: change } : { column: change }) },
    ],
  ];

  test.each<[string, () => [string, object]]>([
    column({ name: 'added', type: 'text' }),
    column({ name: 'added', type: 'integer', nullable: false, default: 3 }),
    column({ name: 'added', type: 'string', unique: true }),
    column({ name: 'code', rename_to: 'label' }),
    column({ name: 'code' }),
    column({ name: 'qty' }),
    column({ name: 'qty', type: 'string' }),
    column({ name: 'note', nullable: false }),
    column({ name: 'note', default: null }),
    column({ name: 'code', length: 200 }),
    column({ name: 'code', unique: true }),
    column({ name: 'qty', unique: false }),
    column([
      { name: 'qty', type: 'bigint', nullable: false },
      { name: 'code', rename_to: 'label' },
      { name: 'note' },
      { name: 'extra', type: 'boolean', default: true },
    ]),
    ['rename of the table', () => ['/table/rename', { table_id: tableId, name: 'orders2' }]],
    ['drop of the table', () => ['/table/delete', { table_id: tableId }]],
  ])('%s', async (_name, request) => {
    const [path, body] = request();
    const before = await stateOf(w.urls, 'orders');
    const shown = (await w.s.call('GET', `/tables/${tableId}`)).body['table'];
    let sagaId = '';
    await refusal(w, 'orders', async () => {
      const sent = await w.s.call('POST', path, body);
      expect(sent.status).toBe(202);
      return (sagaId = sent.body['saga'].saga_id as string);
    });
    const { saga } = (await w.s.call('GET', `/sagas/${sagaId}`)).body;
    expect({ status: saga.status, database: saga.error.database }).toEqual({ status: 'compensated', database });
    const undone = (saga.steps as { status: string; fingerprint_before: string; fingerprint_after: string }[]).filter(
      (step) => step.status === 'compensated',
    );
    expect(undone.length).toBeGreaterThan(0);
    for (const step of undone) expect(step.fingerprint_after).toBe(step.fingerprint_before);
    expect(await stateOf(w.urls, 'orders')).toEqual(before);
    const { columns, name, exists, status } = (await w.s.call('GET', `/tables/${tableId}`)).body['table'];
    expect({ columns, name, exists, status }).toEqual({
      columns: shown.columns,
      name: 'orders',
      exists: true,
      status: 'active',
    });
  });

  test('the creation of a table', async () => {
    let sagaId = '';
    await refusal(w, 'never', async () => {
      const sent = await w.s.call('POST', '/table/create', { name: 'never', databases: ON });
      return (sagaId = sent.body['saga'].saga_id as string);
    });
    const { saga } = (await w.s.call('GET', `/sagas/${sagaId}`)).body;
    expect({ status: saga.status, database: saga.error.database }).toEqual({ status: 'compensated', database });
    for (const seen of Object.values(await stateOf(w.urls, 'never'))) expect(seen).toMatchObject({ rows: null });
    expect((await w.s.call('GET', `/tables/${saga.table_id as string}`)).body['table']).toMatchObject({
      status: 'failed',
      exists: false,
      columns: {},
    });
  });
});
