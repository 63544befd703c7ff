import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { query, tcpProxy, type Proxy } from '../../../testing/fixtures.js';
import { refusing } from './refusing.js';
import { threeEngines, type Scene } from './scene.js';
import { WAIT, type Reply, type Service } from './service.js';
import { stateOf } from './state.js';

const ON = ['default', 'crm', 'shop', 'erp'] as const;
type Name = (typeof ON)[number];

interface World {
  s: Service;
  /** To PostgreSQL. */
  proxy: Proxy;
  urls: Record<Name, string>;
  scene: Scene<Exclude<Name, 'default'>>;
  close(): Promise<void>;
}

async function world(environment: Record<string, string> = {}): Promise<World> {
  let proxy!: Proxy;
  const scene = await threeEngines<Exclude<Name, 'default'>>(['crm', 'erp', 'shop'], {
    environment,
    async addressOf(name, url) {
      if (name !== 'crm') return url;
      proxy = await tcpProxy(Number(new URL(url).port));
      return proxy.url(url);
    },
  });
  return {
    s: scene.s,
    proxy,
    urls: { default: scene.own, ...scene.urls },
    scene,
    async close() {
      await scene.close();
      await proxy.close();
    },
  };
}

const create = ({ scene }: World, name: string): Promise<string> =>
  scene.create(name, {
    databases: ON,
    columns: [
      { name: 'id', type: 'integer', primary_key: true, generated: true },
      { name: 'code', type: 'string', length: 40, nullable: false, default: 'x', unique: true },
      { name: 'parent', type: 'integer' },
    ],
    rows: ['a', 'b', 'c'].map((code) => ({ code })),
  });

async function eventually(what: () => Promise<boolean>, ms = 8000): Promise<void> {
  for (const until = Date.now() + ms; !(await what());) {
    if (Date.now() > until) throw new Error('did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Names of what is set aside in a database. */
async function asides(url: string): Promise<string[]> {
  const sql = url.startsWith('sqlite')
    ? `select name as n from sqlite_schema where type = 'table'`
    : 'select table_name as n from information_schema.tables where table_schema = ' +
      `${url.startsWith('postgres') ? 'current_schema()' : 'database()'}`;
  return (await query<{ n: string }>(url, sql)).map((r) => r.n).filter((n) => /^_saga_[0-9a-f]{32}/.test(n));
}

describe('dropped and restored', () => {
  let w: World;
  beforeAll(async () => {
    w = await world();
  });
  afterAll(async () => {
    await w.close();
  });

  test("rows, defaults, keys, customers' indexes, foreign keys, triggers and comments come back as they were", async () => {
    const id = await create(w, 'orders');
    for (const url of Object.values(w.urls)) {
      await query(url, 'create table parents (id integer not null primary key)');
      await query(url, 'insert into parents values (1)');
      await query(url, 'create index orders_parent on orders (parent)');
    }
    await query(
      w.urls['crm']!,
      'alter table orders add constraint to_parent foreign key (parent) references parents (id)',
    );
    await query(
      w.urls['erp']!,
      'alter table orders add constraint to_parent foreign key (parent) references parents (id)',
    );
    await query(
      w.urls['crm']!,
      'create function loud() returns trigger language plpgsql as $$ begin new.code := upper(new.code); ' +
        'return new; end $$',
    );
    await query(w.urls['crm']!, 'create trigger loud before insert on orders for each row execute function loud()');
    await query(w.urls['crm']!, `comment on column orders.code is 'theirs'`);
    await query(
      w.urls['erp']!,
      'create trigger loud before insert on orders for each row set new.code = upper(new.code)',
    );
    await query(
      w.urls['shop']!,
      'create trigger loud after insert on orders begin update orders set code = upper(code) where id = new.id; end',
    );
    const before = await stateOf(w.urls, 'orders');

    const dropped = await w.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    expect(dropped.status).toBe(200);
    expect(Date.parse(dropped.body['saga'].reversible_until as string)).toBeGreaterThan(Date.now());
    expect(dropped.body['table'].reversible_until).toEqual(expect.any(String));
    for (const url of Object.values(w.urls)) await query(url, 'insert into parents values (2)');
    const restored = await w.s.call('POST', '/table/restore', { table_id: id }, WAIT);
    expect(restored.body).toMatchObject({
      status: 'ok',
      table: { status: 'active', exists: true, name: 'orders' },
      saga: { kind: 'table.restore', status: 'completed' },
    });
    expect(await stateOf(w.urls, 'orders')).toEqual(before);
    // And it works as before: numbering goes on, triggers fire, the unique holds.
    for (const [name, url] of Object.entries(w.urls)) {
      await query(url, `insert into orders (code, parent) values ('d', 2)`);
      expect(await query(url, 'select id, code from orders where parent = 2')).toEqual([
        { id: 4, code: name === 'default' ? 'd' : 'D' },
      ]);
      await expect(
        query(url, `insert into orders (code) values ('${name === 'default' ? 'd' : 'D'}')`),
      ).rejects.toMatchObject({ message: expect.stringMatching(/unique|duplicate/i) });
    }
  });

  test('its name is free at once; the restored one takes another name', async () => {
    const id = await create(w, 'names');
    const before = await stateOf(w.urls, 'names');
    expect((await w.s.call('POST', '/table/delete', { table_id: id }, WAIT)).status).toBe(200);
    await create(w, 'names');
    const taken = await w.s.call('POST', '/table/restore', { table_id: id }, WAIT);
    expect([taken.status, taken.body['code']]).toEqual([409, 'table_name_taken']);
    const restored = await w.s.call('POST', '/table/restore', { table_id: id, as: 'names_of_old' }, WAIT);
    expect(restored.body).toMatchObject({ table: { name: 'names_of_old', exists: true } });
    const now = await stateOf(w.urls, 'names_of_old');
    for (const name of ON) expect(now[name]!.rows).toEqual(before[name]!.rows);
    expect(
      (
        await w.s.call(
          'POST',
          '/table/column',
          { table_id: id, column: { name: 'code', type: 'string', length: 80 } },
          WAIT,
        )
      ).status,
    ).toBe(200);
  });

  test('an index name that another table has kept since is found beforehand, and another name helps', async () => {
    const id = await create(w, 'namesake');
    await done('/table/delete', { table_id: id });
    const other = await create(w, 'namesake');
    await done('/table/rename', { table_id: other, name: 'namesake_too' });
    const refused = await w.s.call('POST', '/table/restore', { table_id: id }, WAIT);
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'saga_rejected', saga: { error: { code: 'table_name_taken', database: 'crm' } } },
    });
    await done('/table/restore', { table_id: id, as: 'namesake_again' });
    for (const url of Object.values(w.urls))
      expect(await query(url, 'select code from namesake_again')).toHaveLength(3);

    async function done(path: string, body: object): Promise<void> {
      expect((await w.s.call('POST', path, body, WAIT)).status).toBe(200);
    }
  });

  test('a restore that one database refuses leaves the table set aside everywhere, to be restored later', async () => {
    const id = await create(w, 'later');
    const before = await stateOf(w.urls, 'later');
    await w.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    const relent = await refusing(w.urls.crm, 'ALTER TABLE', 'CREATE INDEX');
    const refused = await w.s.call('POST', '/table/restore', { table_id: id }, WAIT);
    await relent();
    expect(refused.body).toMatchObject({ code: 'saga_compensated', saga: { error: { database: 'crm' } } });
    for (const step of refused.body['saga'].steps.filter((s: { status: string }) => s.status === 'compensated'))
      expect(step.fingerprint_after).toBe(step.fingerprint_before);
    for (const seen of Object.values(await stateOf(w.urls, 'later'))) expect(seen.rows).toBeNull();
    expect((await w.s.call('GET', `/tables/${id}`)).body['table']).toMatchObject({ status: 'dropped', exists: false });
    expect((await w.s.call('POST', '/table/restore', { table_id: id }, WAIT)).status).toBe(200);
    expect(await stateOf(w.urls, 'later')).toEqual(before);
  });

  test('a dry run of a restore says what it would do, and what is not dropped has nothing to restore', async () => {
    const id = await create(w, 'dry');
    expect((await w.s.call('POST', '/table/restore', { table_id: id }, WAIT)).body).toMatchObject({
      saga: {
        status: 'completed',
        steps: [{ status: 'skipped' }, { status: 'skipped' }, { status: 'skipped' }, { status: 'skipped' }],
      },
    });
    expect((await w.s.call('POST', '/table/restore', { table_id: id, as: 'other' })).status).toBe(422);
    await w.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    const { plan } = (await w.s.call('POST', '/table/restore?dry_run=true', { table_id: id })).body;
    expect(plan).toMatchObject({ blocked_by: null });
    expect(plan.steps).toHaveLength(4);
    expect((await w.s.call('GET', `/tables/${id}`)).body['table']).toMatchObject({ status: 'dropped' });
  });
});

describe('purged when the retention time is over', () => {
  let w: World;
  beforeAll(async () => {
    w = await world({ RETENTION_SECONDS: '2' });
  });
  afterAll(async () => {
    await w.close();
  });
  const sagas = async (id: string): Promise<Reply['body'][]> =>
    (await w.s.call('GET', `/sagas?table_id=${id}&kind=table.purge`)).body['sagas'] as Reply['body'][];

  test('a dropped table, dropped columns and former values go, by a saga of their own with finalize steps; a restore comes too late', async () => {
    const id = await create(w, 'gone');
    await w.s.call(
      'POST',
      '/table/column',
      { table_id: id, columns: [{ name: 'parent' }, { name: 'code', type: 'text', unique: false }] },
      WAIT,
    );
    const columns = (
      await w.s.call(
        'POST',
        '/table/column',
        { table_id: id, column: { name: 'code', type: 'string', length: 10 } },
        WAIT,
      )
    ).body;
    expect(columns['saga'].reversible_until).not.toBeNull();
    await eventually(async () => (await Promise.all(Object.values(w.urls).map(asides))).flat().length === 0);
    await eventually(async () => (await sagas(id)).every((s) => s['status'] === 'completed'));
    const before = (await sagas(id)).length;
    for (const { rows } of Object.values(await stateOf(w.urls, 'gone')))
      expect(rows!.map((r) => Object.keys(r))[0]).toEqual(['id', 'code']);
    expect((await w.s.call('GET', `/tables/${id}`)).body['table']).toMatchObject({
      last_error: null,
      status: 'active',
    });

    await w.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    expect(await asides(w.urls.crm)).toHaveLength(1);
    await eventually(
      async () => (await sagas(id)).length > before && (await sagas(id)).every((s) => s['status'] === 'completed'),
    );
    for (const url of Object.values(w.urls)) expect(await asides(url)).toEqual([]);
    const last = (await sagas(id))[0]!;
    expect(
      (last['steps'] as { phase: string; status: string }[]).filter((s) => s.phase === 'finalize').map((s) => s.status),
    ).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
    const late = await w.s.call('POST', '/table/restore', { table_id: id });
    expect([late.status, late.body['code']]).toEqual([409, 'retention_expired']);
  });

  test('nothing is destroyed on one database while another cannot be looked at', async () => {
    const id = await create(w, 'barrier');
    await w.s.call('POST', '/table/delete', { table_id: id }, WAIT);
    w.proxy.refuse();
    w.proxy.cut();
    await eventually(async () => (await sagas(id)).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const url of Object.values(w.urls)) expect(await asides(url)).toHaveLength(1);
    await w.proxy.resume();
    await eventually(async () => (await sagas(id)).every((s) => s['status'] === 'completed'), 20_000);
    for (const url of Object.values(w.urls)) expect(await asides(url)).toEqual([]);
  });
});
