import pg from 'pg';
import type { StoredEvent } from '#event-store';
import { copyDatabase } from '../../../testing/copy-database.js';
import { freshMysql, freshPostgres, freshSqlite, query } from '../../../testing/fixtures.js';
import { refusing } from './refusing.js';
import { service, WAIT, type Reply } from './service.js';

type Service = Awaited<ReturnType<typeof service>>;
interface SagaView {
  status: string;
  steps: { step_id: string; database: string; phase: string; status: string }[];
}
export interface ReceivedCommand {
  method: string;
  path: string;
  outcome: string;
  status: number;
  request_id: string;
}

/**
 * What was left behind by a service that has done a bit of everything; `main` and `stuck`: the table and the saga that
 * went through most.
 */
export interface Lived {
  events: StoredEvent[];
  commands: ReceivedCommand[];
  main: string;
  stuck: string;
}

/**
 * Everything that can become of a table, on databases of all engines: what succeeds, is refused, is undone, gets stuck,
 * is destroyed.
 */
export async function live(): Promise<Lived> {
  const [crm, erp, shop, spare] = [await freshPostgres(), await freshMysql(), await freshSqlite(), await freshSqlite()];
  const first = await service({ LOCK_TIMEOUT_MS: '100' });
  let s = first;
  try {
    for (const [name, { url }] of [
      ['crm', crm],
      ['erp', erp],
      ['shop', shop],
      ['spare', spare],
    ] as const)
      await answers(s, 201, 'POST', '/databases', { name, url });
    await answers(s, 200, 'PUT', '/databases/crm', { url: crm.url });
    await answers(s, 204, 'DELETE', '/databases/spare');
    await answers(s, 201, 'POST', '/databases', { name: 'spare', url: spare.url });
    await answers(s, 202, 'POST', '/databases/spare/forget', { lost: true, reason: 'its disk is gone' });
    const main = await changes(s, crm.url);
    const stuck = await stuckChange(s, crm.url);
    // The same log again, but with a retention that can be waited for.
    await first.app.stop();
    s = await service({ DATA_DIR: first.dir, RETENTION_SECONDS: '1', DRIFT_CHECK_SECONDS: '1' });
    await others(s, shop.url);
    await answers(s, 200, 'POST', '/table/delete', { table_id: main });
    await eventually(
      async () =>
        ((await s.call('GET', `/sagas?table_id=${main}&kind=table.purge&status=completed`)).body['sagas'] as object[])
          .length > 0,
    );
    // Others' purges may be under way: each saga is told with its end.
    await eventually(
      async () =>
        (
          await Promise.all(
            ['pending', 'running'].map(
              async (status) => (await s.call('GET', `/sagas?status=${status}`)).body['sagas'] as object[],
            ),
          )
        ).flat().length === 0,
    );
    return {
      events: await allEvents(s),
      commands: (await s.call('GET', '/commands?limit=500')).body['commands'] as ReceivedCommand[],
      main,
      stuck,
    };
  } finally {
    await s.stop();
    await Promise.all([crm, erp, shop, spare].map((fresh) => fresh.drop()));
  }
}

async function answers(
  s: Service,
  status: number,
  method: string,
  path: string,
  body?: object,
): Promise<Reply['body']> {
  const answer = await s.call(method, path, body, status === 202 ? {} : WAIT);
  if (answer.status !== status)
    throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function changes(s: Service, crm: string): Promise<string> {
  const made = await answers(s, 200, 'POST', '/table/create', {
    name: 'orders',
    databases: ['default', 'crm', 'erp'],
    columns: [
      { name: 'id', type: 'bigint', primary_key: true, generated: true },
      { name: 'code', type: 'string', length: 40, unique: true },
      { name: 'price', type: 'decimal', precision: 12, scale: 2, nullable: false, default: '0' },
      { name: 'note', type: 'text' },
      { name: 'placed_at', type: 'timestamp', nullable: false, default: { function: 'now' } },
    ],
  });
  const table_id = made['table'].table_id as string;
  const on = (status: number, path: string, body: object): Promise<Reply['body']> =>
    answers(s, status, 'POST', path, { table_id, ...body });
  await query(crm, `insert into orders (code, note) values ('A-1', 'first')`);
  await on(200, '/table/column', {
    columns: [
      { name: 'note' },
      { name: 'price', precision: 14, scale: 4 },
      { name: 'code', rename_to: 'number', length: 60 },
      { name: 'paid', type: 'boolean', nullable: false, default: false },
    ],
  });
  for (const column of [
    { name: 'origin', type: 'uuid' },
    { name: 'origin', nullable: true, default: { function: 'uuid' } },
    { name: 'origin', rename_to: 'source' },
    { name: 'source' },
  ])
    await on(200, '/table/column', { column });
  for (const index of [
    { name: 'by_price', columns: ['price', { name: 'id', order: 'desc' }] },
    { name: 'by_price', rename_to: 'by_cost' },
    { name: 'by_cost', columns: ['price'] },
    { name: 'by_cost' },
  ])
    await on(200, '/table/index', { index });
  await on(200, '/table/rename', { name: 'purchases' });
  await on(200, '/table/revert', { version: 2 });
  await on(200, '/table/purge', { reason: 'nobody wants the payments back' });
  await on(422, '/table/column', { column: { name: 'country', type: 'string', length: 2, nullable: false } });
  const relent = await refusing(crm, 'ALTER TABLE', 'CREATE TABLE');
  await on(422, '/table/rename', { name: 'sales' });
  await answers(s, 422, 'POST', '/table/create', { name: 'never', databases: ['default', 'crm'] });
  await relent();
  await on(200, '/table/databases', { add: ['shop'], remove: ['erp'] });
  await on(200, '/table/delete', {});
  await on(200, '/table/restore', {});
  await on(200, '/table/replay', { version: 2, database: 'erp', as: 'orders_of_old' });
  return table_id;
}

/** What others did to a database: tables of theirs, columns that differ, a backup put back. */
async function others(s: Service, shop: string): Promise<void> {
  await query(
    shop,
    'create table ledgers (id integer not null primary key, odd money_bag, amount integer default (1+1))',
  );
  await answers(s, 200, 'POST', '/databases/shop/adopt', { tables: ['ledgers'] });
  const { table } = await answers(s, 200, 'POST', '/table/create', {
    name: 'invoices',
    databases: ['default', 'shop'],
  });
  const resolve = (as: string): Promise<Reply['body']> =>
    answers(s, 200, 'POST', '/databases/shop/drift/resolve', { table_id: table.table_id, as });
  const { database } = await answers(s, 200, 'GET', '/databases/shop');
  const found = async (type: string): Promise<boolean> =>
    (await allEvents(s)).some((e) => e.type === type && e.stream === `database-${database.database_id as string}`);
  await query(shop, 'alter table invoices add column theirs text');
  await eventually(() => found('DriftDetected'));
  await resolve('ignore');
  await eventually(() => found('DriftEnded'));
  await query(shop, 'alter table invoices drop column name');
  await resolve('restore');
  await query(shop, 'alter table invoices add column paid integer');
  await resolve('adopt');
  const backup = await copyDatabase(shop);
  try {
    await answers(s, 200, 'POST', '/table/rename', { table_id: table.table_id, name: 'bills' });
    await answers(s, 200, 'PUT', '/databases/shop', { url: backup.url });
    await answers(s, 200, 'POST', '/databases/shop/catch-up');
  } finally {
    await answers(s, 200, 'PUT', '/databases/shop', { url: shop });
    await backup.drop();
  }
}

/**
 * Held up by a lock, aborted, and then stuck: a row written meanwhile has no value for the column that is to come back.
 */
async function stuckChange(s: Service, crm: string): Promise<string> {
  const { table } = await answers(s, 200, 'POST', '/table/create', {
    name: 'tickets',
    databases: ['default', 'crm'],
    columns: [
      { name: 'id', type: 'integer', primary_key: true, generated: true },
      { name: 'code', type: 'text', nullable: false },
      { name: 'note', type: 'text' },
    ],
  });
  const client = new pg.Client({ connectionString: crm });
  await client.connect();
  try {
    await client.query('begin; lock table tickets in share mode');
    const { saga } = await answers(s, 202, 'POST', '/table/column', {
      table_id: table.table_id,
      column: { name: 'code' },
    });
    const id = saga.saga_id as string;
    const seen = async (done: (now: SagaView) => boolean): Promise<SagaView> => {
      let now: SagaView | undefined;
      await eventually(async () => done((now = (await s.call('GET', `/sagas/${id}`)).body['saga'] as SagaView)));
      return now!;
    };
    const reason = 'the release was called off';
    await seen((now) =>
      now.steps.some((step) => step.database === 'default' && step.phase === 'apply' && step.status === 'succeeded'),
    );
    await eventually(async () =>
      (await allEvents(s)).some((e) => e.type === 'StepDelayed' && e.stream === `saga-${id}`),
    );
    await query(`sqlite:${s.dir}/byodb.db`, `insert into tickets (note) values ('written meanwhile')`);
    await answers(s, 200, 'POST', `/sagas/${id}/abort`, { reason });
    await seen((now) => now.status === 'stuck');
    await client.query('rollback');
    await answers(s, 200, 'POST', `/sagas/${id}/retry`, { reason });
    const { steps } = await seen((now) => now.status === 'stuck');
    await seen((now) =>
      now.steps.every(
        (step) =>
          step.database !== 'crm' ||
          step.phase === 'prepare' ||
          step.status === 'compensated' ||
          step.status === 'skipped',
      ),
    );
    await answers(s, 200, 'POST', `/sagas/${id}/resolve`, {
      step_id: steps.find((step) => step.status === 'failed')!.step_id,
      as: 'skipped',
      reason,
    });
    await seen((now) => now.status === 'compensated');
    return id;
  } finally {
    await client.end();
  }
}

export async function allEvents(s: Service, filter = ''): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for (let after: string | null = '0'; after !== null;) {
    const { events, next_cursor } = (await s.call('GET', `/events?limit=500&after=${after}${filter}`)).body as {
      events: StoredEvent[];
      next_cursor: string | null;
    };
    all.push(...events);
    after = next_cursor;
  }
  return all;
}

async function eventually(what: () => Promise<boolean>, ms = 30_000): Promise<void> {
  for (const until = Date.now() + ms; !(await what());) {
    if (Date.now() > until) throw new Error(`did not come to pass: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
