import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lacking } from './grants.js';
import { failure, freshDatabase, gate, type Fresh } from '../testing/fixture.js';

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9]) await fresh.admin(`drop user if exists right_${n}`);
  await fresh.admin('drop role if exists right_role');
  await fresh.remove();
});

describe('lacksRight', () => {
  it('says so only when it is certain', async () => {
    const d = fresh.address.database;
    await fresh.admin('create or replace role right_role');
    await fresh.admin(`grant alter on \`${d}\`.* to right_role`);
    await fresh.admin('create table theirs (a int)');
    const cases: [string[], { create: boolean; alter: boolean; other: boolean }][] = [
      [[`grant select, insert on \`${d}\`.* to ?`], { create: true, alter: true, other: true }],
      [[`grant create, select on \`${d}\`.* to ?`], { create: false, alter: true, other: true }],
      [[`grant all on \`${d}\`.* to ?`], { create: false, alter: false, other: false }],
      [
        [`grant select, lock tables on \`${d}\`.* to ?`, `grant alter, create on \`${d}\`.theirs to ?`],
        { create: false, alter: false, other: true },
      ],
      [
        [`grant select on \`${d}\`.* to ?`, 'grant create, alter, lock tables on `test\\_%`.* to ?'],
        { create: false, alter: false, other: false },
      ],
      [[`grant select on \`${d}\`.* to ?`, 'grant right_role to ?'], { create: false, alter: false, other: false }],
      [
        [
          `grant select on \`${d}\`.* to ?`,
          'grant all on `another\\_one`.* to ?',
          `grant update (a) on \`${d}\`.theirs to ?`,
        ],
        { create: true, alter: true, other: true },
      ],
      [['grant create, alter on *.* to ?'], { create: false, alter: true, other: true }],
      [['grant create, alter, lock tables on *.* to ?'], { create: false, alter: false, other: false }],
    ];
    for (const [i, [grants, lacks]] of cases.entries()) {
      const user = `right_${i + 1}`;
      await fresh.admin(`create or replace user ${user} identified by 'r'`);
      for (const grant of grants) await fresh.admin(grant.replace('?', user));
      const connection = fresh.open({ user, password: 'r' });
      const found = await connection.look(async (session) => ({
        create: await session.lacksRight('create', null),
        alter: await session.lacksRight('alter', 'theirs'),
        other: await session.lacksRight('alter', 'others'),
      }));
      expect([
        grants,
        { create: found.create !== null, alter: found.alter !== null, other: found.other !== null },
      ]).toEqual([grants, lacks]);
      if (found.create !== null) expect(found.create).toBe(`user ${user}@% may not create tables in database ${d}`);
      // What is said to be lacking, is.
      if (lacks.alter)
        expect(
          await failure(
            connection.look(async (session) => {
              await (
                await session.freeze!('theirs')
              )();
              await session.run('alter table theirs add column b int');
            }),
          ),
        ).toMatchObject({ code: 'permission_denied' });
      if (lacks.create)
        expect(await failure(connection.look((session) => session.run('create table mine (b int)')))).toMatchObject({
          code: 'permission_denied',
        });
    }
  });

  it('reads what MySQL prints', () => {
    const mysql8 = [
      'GRANT USAGE ON *.* TO `u`@`%`',
      'GRANT SELECT, INSERT ON `shop`.* TO `u`@`%`',
      'GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `u`@`%`',
    ];
    expect(lacking(mysql8, 'alter', 'shop', 't')).toBe(true);
    expect(lacking([...mysql8, 'GRANT `app`@`%` TO `u`@`%`'], 'alter', 'shop', 't')).toBe(false);
    expect(
      lacking(
        [
          ...mysql8,
          'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, ALTER ON *.* TO `u`@`%` WITH GRANT OPTION',
        ],
        'alter',
        'shop',
        't',
      ),
    ).toBe(false);
    expect(
      lacking([...mysql8, 'GRANT APPLICATION_PASSWORD_ADMIN,AUDIT_ADMIN ON *.* TO `u`@`%`'], 'alter', 'shop', 't'),
    ).toBe(true);
    expect(lacking([...mysql8, 'GRANT ALTER ON `sho_`.* TO `u`@`%`'], 'alter', 'shop', 't')).toBe(false);
  });
});

describe('freeze', () => {
  it('keeps writers out from the check to the end of the statement, and lets them in after it', async () => {
    await fresh.admin('create table cold (id int primary key, v decimal(10,2), fulltext_ text)');
    await fresh.admin('create view on_cold as select id from cold');
    await fresh.admin('create trigger cold_trigger before insert on cold for each row set new.v = new.v + 0');
    await fresh.admin("insert into cold values (1, 1.00, 'a')");
    const checked = gate();
    let wrote = false;
    const work = fresh.connection.exclusively({ tableId: 'cold', token: 1, lockTimeoutMs: 2000 }, async (session) => {
      const thaw = await session.freeze!('cold');
      const [row] = await session.query(
        'select count(*) as n from (select 1 as one from cold limit 5) as d where exists (select 1 from ' +
          '(select 1 as one) as x)',
      );
      expect(Number(row!['n'])).toBe(1);
      expect(await session.query('select count(*) as n from `cold` where v <> round(v)')).toEqual([{ n: '0' }]);
      checked.open();
      expect((await session.introspect('cold'))!.columns).toHaveLength(3);
      expect(await session.dependents('cold', null)).toEqual([{ kind: 'view', name: 'on_cold' }]);
      expect([await session.lacksRight('alter', 'cold'), await session.occupant('cold')]).toEqual([null, 'table']);
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      expect(wrote).toBe(false);
      await session.run('alter table cold modify column v decimal(10,0)');
      // the lock is still there
      expect(await session.query('select * from cold')).toEqual([{ id: 1, v: '1', fulltext_: 'a' }]);
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      expect(wrote).toBe(false);
      await thaw();
      await session.query('select * from _saga_ledger');
    });
    await Promise.race([checked.opened, work]);
    const writer = fresh.admin("insert into cold values (2, 1.25, 'b')").then(() => {
      wrote = true;
    });
    await work;
    await writer;
    expect(await fresh.admin('select v from cold where id = 2')).toEqual([{ v: '1' }]);
  });

  it('waits no longer than the lock timeout, and needs the right to lock', async () => {
    await fresh.admin('create table warm (a int)');
    const [had, over] = [gate(), gate()];
    const reader = fresh.open().look(async (session) => {
      await session.run('start transaction');
      await session.query('select * from warm');
      had.open();
      await over.opened;
      await session.run('commit');
    });
    await had.opened;
    expect(
      await failure(
        fresh.connection.exclusively({ tableId: 'warm', token: 1, lockTimeoutMs: 1000 }, (session) =>
          session.freeze!('warm'),
        ),
      ),
    ).toMatchObject({ code: 'lock_timeout', retryable: true, outcome: 'not_applied' });
    over.open();
    await reader;
    const guest = fresh.open({ user: 'right_1', password: 'r' });
    expect(await failure(guest.look((session) => session.freeze!('warm')))).toMatchObject({
      code: 'permission_denied',
    });
  });

  it('ends with its session', async () => {
    await fresh.admin('create table ice (a int)');
    await failure(
      fresh.connection.exclusively({ tableId: 'ice', token: 1, lockTimeoutMs: 1000 }, async (session) => {
        await session.freeze!('ice');
        await session.run(`kill ${String((await session.query('select connection_id() as id'))[0]!['id'])}`);
      }),
    );
    await fresh.admin('insert into ice values (1)');
    // Work that forgot to thaw it must not hand the lock to whoever gets the session next.
    await expect(
      fresh.connection.exclusively({ tableId: 'ice', token: 1, lockTimeoutMs: 1000 }, async (session) => {
        await session.freeze!('ice');
        throw new Error('in between');
      }),
    ).rejects.toThrow('in between');
    await fresh.admin('insert into ice values (2)');
    expect(await fresh.connection.look((session) => session.readLedger('none'))).toEqual([]);
  });
});
