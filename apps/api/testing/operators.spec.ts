import { expect, test } from '@jest/globals';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { freshMysql, freshPostgres, query, type Fresh } from '../../../testing/fixtures.js';
import { service, WAIT, type Reply } from './service.js';

type Service = Awaited<ReturnType<typeof service>>;
type SagaView = {
  status: string;
  error: { code: string } | null;
  steps: {
    step_id: string;
    database: string;
    phase: string;
    status: string;
    fingerprint_before: string;
    fingerprint_after: string;
    error: { code: string } | null;
  }[];
};

async function saga(s: Service, id: string, done: (saga: SagaView) => boolean): Promise<SagaView> {
  for (let i = 0; i < 800; i++) {
    const seen = (await s.call('GET', `/sagas/${id}`)).body['saga'] as SagaView;
    if (done(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`did not get there: ${JSON.stringify((await s.call('GET', `/sagas/${id}`)).body['saga'])}`);
}

/** A change that is held up on PostgreSQL by somebody's lock, and has already been applied on the embedded database. */
async function heldUp(deadline: string): Promise<{
  s: Service;
  fresh: Fresh;
  tableId: string;
  sagaId: string;
  own: string;
  letGo(): Promise<void>;
  drop(): Promise<void>;
}> {
  const [s, fresh] = [
    await service({ CHANGE_DEADLINE_SECONDS: deadline, LOCK_TIMEOUT_MS: '100' }),
    await freshPostgres(),
  ];
  await s.call('POST', '/databases', { name: 'crm', url: fresh.url });
  const tableId = (
    await s.call(
      'POST',
      '/table/create',
      {
        name: 'orders',
        databases: ['default', 'crm'],
        columns: [
          { name: 'id', type: 'integer', primary_key: true, generated: true },
          { name: 'code', type: 'text', nullable: false },
          { name: 'note', type: 'text' },
        ],
      },
      WAIT,
    )
  ).body['table'].table_id as string;
  const own = `sqlite:${s.dir}/byodb.db`;
  const client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  await client.query('begin; lock table orders in share mode');
  const sagaId = (await s.call('POST', '/table/column', { table_id: tableId, column: { name: 'code' } })).body['saga']
    .saga_id as string;
  await saga(s, sagaId, (seen) =>
    seen.steps.some((step) => step.database === 'default' && step.phase === 'apply' && step.status === 'succeeded'),
  );
  let over = false;
  const letGo = async (): Promise<void> => {
    if (!over) {
      over = true;
      await client.end();
    }
  };
  return {
    s,
    fresh,
    tableId,
    sagaId,
    own,
    letGo,
    async drop() {
      await letGo();
      await s.stop();
      await fresh.drop();
    },
  };
}

const reason = 'looked at it';

test('rows written meanwhile that an undo no longer fits: it says so, waits as stuck, and goes on with retry once they are mended', async () => {
  const w = await heldUp('1');
  try {
    await query(w.own, `insert into orders (note) values ('written while the column was aside')`);
    const stuck = await saga(w.s, w.sagaId, (seen) => seen.status === 'stuck');
    await w.letGo();
    expect(stuck.steps.find((step) => step.status === 'failed')).toMatchObject({
      database: 'default',
      error: { code: 'rows_conflict' },
    });
    // Behind a stuck change others wait; other tables go on.
    const behind = (
      await w.s.call('POST', '/table/column', { table_id: w.tableId, column: { name: 'more', type: 'text' } })
    ).body['saga'].saga_id as string;
    expect((await w.s.call('POST', '/table/create', { name: 'another' }, WAIT)).status).toBe(200);
    expect((await w.s.call('GET', `/sagas/${behind}`)).body['saga'].status).toBe('pending');
    expect(await query(w.own, 'select note from orders')).toEqual([{ note: 'written while the column was aside' }]);
    const again = await w.s.call('POST', `/sagas/${w.sagaId}/retry`, { reason });
    expect(again.status).toBe(200);
    await saga(w.s, w.sagaId, (seen) => seen.status === 'stuck');

    const aside = (await query<{ name: string }>(w.own, `select name from pragma_table_info('orders')`))
      .map((r) => r.name)
      .find((n) => n.startsWith('_saga_'))!;
    await query(w.own, `update orders set ${aside} = 'mended'`);
    expect((await w.s.call('POST', `/sagas/${w.sagaId}/retry`, { reason })).status).toBe(200);
    const ended = await saga(w.s, w.sagaId, (seen) => seen.status === 'compensated');
    for (const step of ended.steps.filter((one) => one.status === 'compensated'))
      expect(step.fingerprint_after).toBe(step.fingerprint_before);
    expect(await query(w.own, 'select code, note from orders')).toEqual([
      { code: 'mended', note: 'written while the column was aside' },
    ]);
    await saga(w.s, behind, (seen) => seen.status === 'completed');
    const events = (await w.s.call('GET', `/sagas/${w.sagaId}/events`)).body['events'] as {
      type: string;
      data: { reason?: string };
      metadata: { actor: string };
    }[];
    expect(events.filter((e) => e.type === 'RetryRequested').map((e) => e.data.reason)).toEqual([reason, reason]);
  } finally {
    await w.drop();
  }
});

test('resolve: what an operator claims is looked at, and refused when it is not so', async () => {
  const w = await heldUp('1');
  const resolve = async (step_id: string, as: string): Promise<Reply> =>
    w.s.call('POST', `/sagas/${w.sagaId}/resolve`, { step_id, as, reason });
  try {
    await query(w.own, `insert into orders (note) values ('x')`);
    const stuck = await saga(w.s, w.sagaId, (seen) => seen.status === 'stuck');
    await w.letGo();
    const { step_id } = stuck.steps.find((step) => step.status === 'failed')!;
    expect((await resolve(step_id, 'sideways')).status).toBe(400);
    const claims = [
      await resolve(step_id, 'restored'),
      await resolve(step_id, 'applied'),
      await resolve('no-such-step', 'skipped'),
    ];
    expect(claims.map((c) => [c.status, c.body['code']])).toEqual([
      [409, 'saga_not_retryable'],
      [409, 'saga_not_retryable'],
      [404, 'not_found'],
    ]);
    // The operator mends it by hand: the row goes, the column comes back as it was.
    const aside = (await query<{ name: string }>(w.own, `select name from pragma_table_info('orders')`))
      .map((r) => r.name)
      .find((n) => n.startsWith('_saga_'))!;
    await query(w.own, 'delete from orders');
    await query(w.own, `alter table orders drop column ${aside}`);
    await query(w.own, 'alter table orders rename to orders_old');
    await query(
      w.own,
      'create table orders ("id" integer not null primary key autoincrement, "code" text not null, "note" text)',
    );
    await query(w.own, 'drop table orders_old');
    const answer = await resolve(step_id, 'restored');
    expect([answer.status, answer.body['code'], answer.body['detail']]).toEqual([200, undefined, undefined]);
    await saga(w.s, w.sagaId, (seen) => seen.status === 'compensated');
    expect((await resolve(step_id, 'skipped')).body['code']).toBe('saga_past_pivot');
  } finally {
    await w.drop();
  }
});

test('resolve as skipped leaves the database as it is, and the saga ends', async () => {
  const w = await heldUp('1');
  try {
    await query(w.own, `insert into orders (note) values ('x')`);
    const stuck = await saga(w.s, w.sagaId, (seen) => seen.status === 'stuck');
    await w.letGo();
    const { step_id } = stuck.steps.find((step) => step.status === 'failed')!;
    expect((await w.s.call('POST', `/sagas/${w.sagaId}/resolve`, { step_id, as: 'skipped', reason })).status).toBe(200);
    const ended = await saga(w.s, w.sagaId, (seen) => seen.status === 'compensated');
    expect(ended.steps.find((step) => step.step_id === step_id)).toMatchObject({ status: 'skipped' });
    expect(await query(w.own, 'select note from orders')).toEqual([{ note: 'x' }]);
  } finally {
    await w.drop();
  }
});

test('abort while a step waits for a lock: everything goes back at once, with code aborted', async () => {
  const w = await heldUp('600');
  try {
    expect((await w.s.call('POST', `/sagas/${w.sagaId}/abort`, { reason })).status).toBe(200);
    await w.letGo();
    const ended = await saga(w.s, w.sagaId, (seen) => seen.status === 'compensated');
    expect(ended.error).toMatchObject({ code: 'aborted' });
    expect(
      (await query<{ name: string }>(w.own, `select name from pragma_table_info('orders')`)).map((r) => r.name),
    ).toEqual(['id', 'code', 'note']);
    expect((await w.s.call('POST', `/sagas/${w.sagaId}/abort`, { reason })).body['code']).toBe('saga_past_pivot');
    expect((await w.s.call('POST', `/sagas/${w.sagaId}/retry`, { reason })).body['code']).toBe('saga_not_retryable');
  } finally {
    await w.drop();
  }
});

test('a change that waits behind a long reader holds up no other query longer than the lock timeout, and nothing but itself', async () => {
  const w = await heldUp('600');
  try {
    let slowest = 0;
    for (let i = 0; i < 20; i++) {
      const began = Date.now();
      await query(w.fresh.url, 'select count(*) from orders');
      slowest = Math.max(slowest, Date.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // 100 ms of waiting for the lock, and what a new session takes here; without a lock timeout it would be for ever.
    expect(slowest).toBeLessThan(2000);
    expect(
      (await w.s.call('POST', '/table/create', { name: 'beside', databases: ['default', 'crm'] }, WAIT)).status,
    ).toBe(200);
    await w.letGo();
    await saga(w.s, w.sagaId, (seen) => seen.status === 'completed');
  } finally {
    await w.drop();
  }
});

// The second was resolved against what the first would have made of the column, its default's spelling included.
test.each([
  ['bigint', { type: 'bigint' }, { type: 'bigint' }, { type: 'bigint', default: '7' }],
  [
    'decimal',
    { type: 'decimal', precision: 20, scale: 2 },
    { type: 'decimal', precision: 20, scale: 2 },
    { type: 'decimal', default: '7' },
  ],
  [
    'a default alone, spelt for a type that does not come',
    { type: 'bigint' },
    { default: 8 },
    { type: 'integer', default: 8 },
  ],
])(
  'the first of two changes that wait is aborted: the second is done all the same, on every engine: %s',
  async (_what, first, second, then) => {
    const [s, crm, shop] = [await service({ LOCK_TIMEOUT_MS: '100' }), await freshPostgres(), await freshMysql()];
    let holder: mysql.Connection | undefined;
    try {
      for (const [name, { url }] of [
        ['crm', crm],
        ['shop', shop],
      ] as const)
        await s.call('POST', '/databases', { name, url });
      const { table } = (
        await s.call(
          'POST',
          '/table/create',
          {
            name: 'counted',
            databases: ['default', 'crm', 'shop'],
            columns: [
              { name: 'id', type: 'integer', primary_key: true },
              { name: 'n', type: 'integer', default: 7 },
            ],
          },
          WAIT,
        )
      ).body;
      for (const url of [crm.url, shop.url]) await query(url, 'insert into counted (id) values (1)');
      holder = await mysql.createConnection({ uri: shop.url });
      await holder.query('lock tables counted read');
      const ask = async (set: object): Promise<string> =>
        (await s.call('POST', '/table/column', { table_id: table.table_id, column: { name: 'n', ...set } })).body[
          'saga'
        ].saga_id as string;
      const [one, two] = [await ask(first), await ask(second)];
      expect((await s.call('POST', `/sagas/${one}/abort`, { reason })).status).toBe(200);
      await holder.end();
      const ends = (seen: SagaView): boolean => !['pending', 'running', 'compensating'].includes(seen.status);
      const went = [await saga(s, one, ends), await saga(s, two, ends)];
      expect(went.map(({ status, error }) => [status, error?.code])).toEqual([
        [expect.stringMatching(/^(rejected|compensated)$/), 'aborted'],
        ['completed', undefined],
      ]);
      expect((await s.call('GET', `/tables/${table.table_id}`)).body['table'].columns['n']).toMatchObject(then);
      for (const url of [crm.url, shop.url])
        expect((await query<{ n: unknown }>(url, 'select n from counted')).map(({ n }) => Number(n))).toEqual([7]);
      expect((await s.call('GET', '/databases/shop/drift')).body['drift']).toEqual([]);
    } finally {
      await holder?.end().catch(() => {});
      await s.stop();
      await Promise.all([crm.drop(), shop.drop()]);
    }
  },
);
