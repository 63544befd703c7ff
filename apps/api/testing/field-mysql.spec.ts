import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { freshMysql, query, type Fresh } from '../../../testing/fixtures.js';
import { read } from './commands.js';
import { FieldCase } from './field-case.js';
import type { Service } from './service.js';

let fresh: Fresh;
let field: FieldCase;
let s: Service;
let address: string;
const user = `field_${randomUUID().slice(0, 8)}`;
beforeAll(async () => {
  fresh = await freshMysql();
  address = await addressOf(user, await rightsAsked());
  ({ field, s } = await FieldCase.start(fresh, {}, address));
});
afterAll(async () => {
  await s.stop();
  await query(fresh.url, `drop user if exists ${user}, ${user}_less`);
  await fresh.drop();
});

/** What the README says that the service needs: all cases are told with just that. */
async function rightsAsked(): Promise<string[]> {
  return /MySQL and MariaDB: `([A-Z, ]+)` on the database/.exec(await read('README.md'))![1]!.split(', ');
}

async function addressOf(name: string, rights: readonly string[]): Promise<string> {
  const url = new URL(fresh.url);
  await query(fresh.url, `create user ${name} identified by 'pw'`);
  await query(fresh.url, `grant ${rights.join(', ')} on \`${url.pathname.slice(1)}\`.* to ${name}`);
  [url.username, url.password] = [name, 'pw'];
  return url.href;
}

const create = async (table: string): Promise<string> =>
  String(Object.values((await field.sql(`show create table \`${table}\``))[0]!)[1]);

test('x2: the foreign keys of what was dropped act on nobody, and come back', async () => {
  await field.sql(
    'create table users (id int primary key, name varchar(20))',
    'create table posts (id int primary key, title varchar(20), author_id int, editor_id int, constraint ' +
      'a foreign key (author_id) references users (id) on delete cascade, constraint e foreign key ' +
      '(editor_id) references users (id))',
    'create table logs (id int primary key, user_id int, boss int, foreign key (user_id) references ' +
      'users (id), constraint top foreign key (boss) references logs (id))',
    "insert into users values (1,'a'),(2,'b'),(3,'c'),(4,'d')",
    "insert into posts values (10,'x',1,null),(20,'y',null,2)",
    'insert into logs values (1,3,null),(2,3,1)',
  );
  const [, posts, logs] = (await field.adopt('users', 'posts', 'logs')) as [string, string, string];
  const before = [await create('posts'), await create('logs')];
  await field.done(field.column(posts, { name: 'author_id' }));
  await field.done(field.column(posts, { name: 'editor_id' }));
  await field.done(field.call('/table/delete', { table_id: logs }));
  await field.sql('delete from users where id = 1', 'delete from users where id = 2', 'delete from users where id = 3');
  expect(await field.sql('select id from posts order by id')).toEqual([{ id: 10 }, { id: 20 }]);
  await field.rejected(
    field.call('/table/revert', { table_id: posts, version: 2 }),
    'rows_conflict',
    /1 row\(s\) do not fit foreign key e of posts/,
  );
  await field.rejected(
    field.call('/table/restore', { table_id: logs }),
    'rows_conflict',
    /2 row\(s\) do not fit foreign key logs_ibfk_1 of logs/,
  );
  await field.sql("insert into users values (1,'a'),(2,'b'),(3,'c')");
  await field.done(field.call('/table/revert', { table_id: posts, version: 2 }));
  await field.done(field.call('/table/restore', { table_id: logs }));
  expect([await create('posts'), await create('logs')].map(inAnyOrder)).toEqual(before.map(inAnyOrder));
  await expect(field.sql("insert into posts values (30,'z',9,null)")).rejects.toThrow(/foreign key/);
  await expect(field.sql('insert into logs values (30,3,9)')).rejects.toThrow(/foreign key/);
});

test('x2: a foreign key that rests on the primary key holds while another member of that is away', async () => {
  await field.sql(
    'create table halls (id int primary key)',
    'create table shows (id int primary key)',
    'create table seats (hall int, row_ int, name varchar(20), primary key (hall, row_), key by_row ' +
      '(row_), key by_name (name), constraint seat_hall foreign key (hall) references halls (id), ' +
      'constraint seat_row foreign key (row_) references shows (id))',
    'create table tickets (id int primary key, hall int, constraint ticket_hall foreign key (hall) ' +
      'references seats (hall))',
    'insert into halls values (1)',
    'insert into shows values (1), (2)',
    "insert into seats values (1, 1, 'a'), (1, 2, 'b')",
  );
  const [, , seats, tickets] = (await field.adopt('halls', 'shows', 'seats', 'tickets')) as [
    string,
    string,
    string,
    string,
  ];
  const before = await create('seats');
  await field.rejected(
    field.column(seats, { name: 'row_' }),
    'dependents_exist',
    /^foreign key tickets\.ticket_hall depend on seats\.row_/,
  );
  await field.done(field.call('/table/delete', { table_id: tickets }));
  await field.done(field.column(seats, { name: 'row_' }));
  await expect(field.sql("insert into seats (hall, name) values (9, 'c')")).rejects.toThrow(/seat_hall/);
  await field.done(field.call('/table/revert', { table_id: seats, version: 2 }));
  expect(await create('seats')).toBe(before);
});

test('x2: indexes keep their places when a foreign key comes back', async () => {
  await field.sql(
    'create table makers (id int primary key)',
    'create table parts (id int primary key, maker int, kind int, parent int, key z_maker (maker), key ' +
      'a_kind (kind), key m_parent (parent), constraint part_maker foreign key (maker) references makers ' +
      '(id), constraint part_kind foreign key (kind) references makers (id), constraint part_parent ' +
      'foreign key (parent) references parts (id))',
  );
  const [, parts] = (await field.adopt('makers', 'parts')) as [string, string];
  const before = await create('parts');
  for (const name of ['maker', 'kind', 'parent']) {
    await field.done(field.column(parts, { name }));
    await field.done(field.call('/table/revert', { table_id: parts, version: 2 }));
    expect(await create('parts')).toBe(before);
  }
  await field.done(field.call('/table/delete', { table_id: parts }));
  await field.done(field.call('/table/restore', { table_id: parts }));
  expect(await create('parts')).toBe(before);
});

test('D2: a parent can be dropped after its child, and comes back before it', async () => {
  await field.sql(
    'create table p2 (id int primary key)',
    'create table c2 (id int primary key, p_id int, foreign key (p_id) references p2 (id))',
    'insert into p2 values (1)',
    'insert into c2 values (1, 1)',
  );
  const [parent, child] = (await field.adopt('p2', 'c2')) as [string, string];
  await field.done(field.call('/table/delete', { table_id: child }));
  await field.done(field.call('/table/delete', { table_id: parent }));
  await field.rejected(
    field.call('/table/restore', { table_id: child }),
    'dependents_exist',
    /foreign key c2_ibfk_1 of c2 is to come back, and p2, to which it refers, is not there/,
  );
  await field.done(field.call('/table/restore', { table_id: parent }));
  await field.done(field.call('/table/restore', { table_id: child }));
  await expect(field.sql('insert into c2 values (2, 7)')).rejects.toThrow(/foreign key/);
});

test('x4: writes without a list of columns and select * pass a dropped column over', async () => {
  await field.sql(
    'create table people (id int primary key, nick varchar(50), name varchar(50))',
    "insert into people values (1, 'nick1', 'name1')",
  );
  const [people] = (await field.adopt('people')) as [string];
  const before = await create('people');
  await field.done(field.column(people, { name: 'nick' }));
  await field.sql("insert into people values (2, 'name2')");
  expect(await field.sql('select * from people order by id')).toEqual([
    { id: 1, name: 'name1' },
    { id: 2, name: 'name2' },
  ]);
  await field.done(field.call('/table/revert', { table_id: people, version: 2 }));
  expect(await field.sql('select * from people order by id')).toEqual([
    { id: 1, nick: 'nick1', name: 'name1' },
    { id: 2, nick: null, name: 'name2' },
  ]);
  expect(await create('people')).toBe(before);
});

test('x3: a dropped column runs no default and refuses no writer; a spatial key goes and comes with it', async () => {
  await field.sql(
    'create table v (id int auto_increment primary key, v double not null default (log(-1) + rand()), p ' +
      'point not null, n int, spatial key p (p))',
    'insert into v (v, p, n) values (1.5, point(1, 2), 1)',
  );
  const [v] = (await field.adopt('v')) as [string];
  const before = await create('v');
  await field.done(field.column(v, { name: 'v' }));
  await field.done(field.column(v, { name: 'p' }));
  await field.sql('insert into v (n) values (2)', 'delete from v where n = 2');
  await field.done(field.call('/table/revert', { table_id: v, version: 2 }));
  expect(await create('v')).toBe(before.replace('AUTO_INCREMENT=2', 'AUTO_INCREMENT=3'));
});

test('m2: tables with zero dates are changed', async () => {
  await field.sql(
    'create table wp_posts (id bigint unsigned auto_increment primary key, post_date datetime not null ' +
      "default '0000-00-00 00:00:00', title varchar(200) not null default '', hits int not null default 0)",
    "set statement sql_mode = '' for insert into wp_posts (title) values ('a')",
  );
  const [posts] = (await field.adopt('wp_posts')) as [string];
  await field.done(field.column(posts, { name: 'more', type: 'string', length: 20 }));
  await field.done(field.column(posts, { name: 'hits', type: 'bigint' }));
  await field.done(field.column(posts, { name: 'post_date' }));
  await field.done(field.call('/table/revert', { table_id: posts, version: 2 }));
  expect(await field.sql('select cast(post_date as char) as d, title from wp_posts')).toEqual([
    { d: '0000-00-00 00:00:00', title: 'a' },
  ]);
});

test('m1: a table with system versioning is adopted and changed, its history kept', async () => {
  await field.sql(
    'create table contracts (id int primary key, title varchar(80)) with system versioning',
    "insert into contracts values (1, 'a')",
    "update contracts set title = 'b'",
  );
  const [contracts] = (await field.adopt('contracts')) as [string];
  await field.done(field.column(contracts, { name: 'note', type: 'text' }));
  await field.done(field.column(contracts, { name: 'title', rename_to: 'heading' }));
  await field.done(field.call('/table/delete', { table_id: contracts }));
  await field.done(field.call('/table/restore', { table_id: contracts }));
  expect(await field.sql('select heading from contracts for system_time all order by heading')).toEqual([
    { heading: 'a' },
    { heading: 'b' },
  ]);
});

test('m5: keys are read whatever stands in or behind their brackets, and come back to the letter', async () => {
  await field.sql(
    'create table members (id int auto_increment, mail varchar(100) not null, login varchar(60), rank_ ' +
      "int, nick varchar(60), old int, primary key (id) using btree comment 'pk', unique key mail (mail) " +
      "using btree, unique key login (login) comment 'once, (twice)', unique key rank_ (rank_ desc), " +
      'unique key nick (nick(10)), unique key old (old) ignored)',
    'create table bookings (room int, s date, e date, n int, period for p (s, e), primary key (room, p ' +
      "without overlaps) comment 'one guest')",
    'create table links (url varchar(2000), n int, primary key (url(100)))',
  );
  const [members, bookings, links] = (await field.adopt('members', 'bookings', 'links')) as [string, string, string];
  const columns = async (table: string): Promise<[string, { unique: boolean; primary_key: boolean }][]> =>
    Object.entries((await field.get(`/tables/${table}`)).body['table'].columns);
  expect((await columns(members)).filter(([, c]) => c.unique).map(([name]) => name)).toEqual([
    'mail',
    'login',
    'rank_',
    'old',
  ]);
  expect((await columns(bookings)).filter(([, c]) => c.primary_key).map(([name]) => name)).toEqual(['room', 's', 'e']);
  await field.done(field.column(members, { name: 'login', unique: false }));
  expect(await create('members')).not.toContain('UNIQUE KEY `login`');
  const version = Number((await field.get(`/tables/${members}`)).body['table'].version);
  const before = [await create('members'), await create('bookings'), await create('links')];
  await field.done(field.column(members, { name: 'rank_' }));
  await field.done(field.column(members, { name: 'nick' }));
  await field.done(field.column(members, { name: 'id' }));
  await field.done(field.column(bookings, { name: 'room' }));
  await field.sql("insert into bookings (s, e, n) values ('2024-01-01', '2024-01-02', 1)", 'delete from bookings');
  await field.done(field.column(links, { name: 'url' }));
  await field.sql('insert into links (n) values (1)', 'delete from links');
  await field.rejected(field.column(bookings, { name: 's' }), 'dependents_exist', /^period p depend/);
  for (const [table, to] of [
    [members, version],
    [bookings, 2],
    [links, 2],
  ] as const)
    await field.done(field.call('/table/revert', { table_id: table, version: to }));
  expect([await create('members'), await create('bookings'), await create('links')].map(inAnyOrder)).toEqual(
    before.map(inAnyOrder),
  );
});

test('m3: who may not see triggers and views changes nothing under them', async () => {
  await field.sql(
    'create table orders (id int primary key auto_increment, total int not null default 0, note varchar(50))',
    "create trigger orders_bi before insert on orders for each row set new.note = concat('n', new.total)",
    'create view totals as select total from orders',
  );
  const [orders] = (await field.adopt('orders')) as [string];
  for (const change of [{ name: 'total' }, { name: 'total', rename_to: 'amount' }, { name: 'total', type: 'bigint' }])
    await field.rejected(field.column(orders, change), 'dependents_exist', /^view totals, trigger orders_bi depend/);
  const rights = await rightsAsked();
  for (const [right, without] of [
    ['TRIGGER', ['TRIGGER']],
    ['SHOW VIEW', ['SHOW VIEW']],
    ['TRIGGER and SHOW VIEW', ['TRIGGER', 'SHOW VIEW']],
  ] as const) {
    await query(fresh.url, `drop user if exists ${user}_less`);
    expect(
      (
        await s.call('PUT', '/databases/field', {
          url: await addressOf(
            `${user}_less`,
            rights.filter((each) => !without.some((gone) => gone === each)),
          ),
        })
      ).status,
    ).toBe(200);
    for (const change of [{ name: 'total' }, { name: 'note', rename_to: 'remark' }, { name: 'total', type: 'bigint' }])
      await field.rejected(
        field.column(orders, change),
        'permission_denied',
        new RegExp(`^user .* has no right ${right} on database`),
      );
    await field.rejected(
      field.call('/table/rename', { table_id: orders, name: 'orders2' }),
      'permission_denied',
      /has no right/,
    );
    await field.rejected(field.call('/table/delete', { table_id: orders }), 'permission_denied', /has no right/);
  }
  await field.done(field.column(orders, { name: 'more', type: 'integer' }));
  expect((await s.call('PUT', '/databases/field', { url: address })).status).toBe(200);
});

test('m6: what foreign keys of the column forbid is foreseen', async () => {
  await field.sql(
    'create table parent (id int primary key, code varchar(20), other int, unique key code (code), ' +
      'unique key other (other))',
    'create table child (id int primary key, parent_id int not null, code varchar(20), one int, two int, ' +
      'constraint child_parent foreign key (parent_id) references parent (id), constraint child_code ' +
      'foreign key (code) references parent (code), unique key one (one), constraint child_one foreign key ' +
      '(one) references parent (id), unique key two (two), key two_id (two, id), constraint child_two ' +
      'foreign key (two) references parent (id) on delete set null)',
  );
  const [parent, child] = (await field.adopt('parent', 'child')) as [string, string];
  await field.rejected(
    field.column(child, { name: 'parent_id', type: 'bigint' }),
    'dependents_exist',
    /^foreign key child_parent depend on child\.parent_id/,
  );
  await field.rejected(
    field.column(child, { name: 'code', length: 40 }),
    'dependents_exist',
    /^foreign key child_code depend/,
  );
  await field.rejected(
    field.column(parent, { name: 'code', length: 40 }),
    'dependents_exist',
    /^foreign key child\.child_code depend/,
  );
  await field.rejected(
    field.column(child, { name: 'one', unique: false }),
    'dependents_exist',
    /^foreign key child_one depend/,
  );
  await field.rejected(
    field.column(parent, { name: 'code', unique: false }),
    'dependents_exist',
    /^foreign key child\.child_code depend/,
  );
  await field.rejected(
    field.column(child, { name: 'two', nullable: false }),
    'dependents_exist',
    /^foreign key child_two depend/,
  );
  for (const change of [
    { name: 'two', unique: false },
    { name: 'parent_id', nullable: true },
    { name: 'one', default: 3 },
  ])
    await field.done(field.column(child, change));
  for (const change of [
    { name: 'other', unique: false },
    { name: 'code', nullable: false },
  ])
    await field.done(field.column(parent, change));
});

test('x5: names of triggers and keys are free when their table is dropped, and come back with it', async () => {
  const made = [
    'create table o (id int primary key auto_increment, n int, note varchar(40), top int, constraint ' +
      'o_top foreign key (top) references tops (id), constraint o_own foreign key (n) references o (id))',
    `create definer = ${user}@'%' trigger o_bi before insert on o for each row set new.note = ` +
      `concat(ifnull(new.note, ''), '\\\\é''')`,
    `create definer = ${user}@'%' trigger o_bi_2 before insert on o for each row begin /* both */ set ` +
      `new.note = concat(new.note, '2'); end`,
    `create definer = ${user}@'%' trigger o_ad after delete on o for each row set @gone = old.id`,
  ];
  await field.sql('create table tops (id int primary key)', ...made);
  const [o] = (await field.adopt('o')) as [string];
  const [before, triggers] = [await create('o'), await triggersOf('o')];
  expect(triggers).toHaveLength(3);
  await field.done(field.call('/table/delete', { table_id: o }));
  await field.sql(...made);
  await field.rejected(
    field.call('/table/restore', { table_id: o }),
    'table_name_taken',
    /table named o is there already/,
  );
  await field.sql('rename table o to p');
  await field.rejected(
    field.call('/table/restore', { table_id: o }),
    'table_name_taken',
    /^foreign key o_own of o is to come back, and another one has its name/,
  );
  await field.sql('alter table p drop foreign key o_own, drop foreign key o_top');
  await field.rejected(
    field.call('/table/restore', { table_id: o }),
    'table_name_taken',
    /^trigger o_bi of o is to come back, and another one has its name: restore the table under another name/,
  );
  await field.sql(
    'alter table p add constraint o_own foreign key (n) references p (id), add constraint o_top foreign ' +
      'key (top) references tops (id)',
  );
  await field.done(field.call('/table/restore', { table_id: o, as: 'o_old' }));
  await field.sql("insert into o_old (note) values ('x')", "insert into p (note) values ('y')");
  expect([await field.sql('select note from o_old'), await field.sql('select note from p')]).toEqual([
    [{ note: "x\\é'2" }],
    [{ note: "y\\é'2" }],
  ]);
  expect(await create('o_old')).toMatch(
    /CONSTRAINT `o_old_o_own` FOREIGN KEY \(`n`\) REFERENCES `o_old`[^]*CONSTRAINT `o_old_o_top`/,
  );
  expect((await triggersOf('o_old')).map((t) => t.name)).toEqual(['o_old_o_ad', 'o_old_o_bi', 'o_old_o_bi_2']);
  await field.sql('drop table p');
  await field.done(field.call('/table/delete', { table_id: o }));
  await field.done(field.call('/table/restore', { table_id: o, as: 'o_older' }));
  expect((await triggersOf('o_older')).map(({ name: _name, ...t }) => t)).toEqual(
    triggers.map(({ name: _name, ...t }) => t),
  );
  expect(before.split('\n').filter((line) => !line.includes('CONSTRAINT')).length).toBe(
    (await create('o_older')).split('\n').filter((line) => !line.includes('CONSTRAINT')).length,
  );
});

test('x5: triggers that others made keep their names, unless the service may make them for those', async () => {
  await field.sql(
    'create table q (id int primary key, n int)',
    'create trigger q_bi before insert on q for each row set new.n = 7',
  );
  const [q] = (await field.adopt('q')) as [string];
  const triggers = await triggersOf('q');
  await field.done(field.call('/table/delete', { table_id: q }));
  expect(
    await field.sql(
      'select trigger_name from information_schema.triggers where trigger_schema = database() and ' +
        "trigger_name = 'q_bi'",
    ),
  ).toHaveLength(1);
  await field.done(field.call('/table/restore', { table_id: q }));
  expect(await triggersOf('q')).toEqual(triggers);
  await field.sql(`grant set user on *.* to ${user}`);
  expect((await s.call('PUT', '/databases/field', { url: address })).status).toBe(200);
  await field.done(field.call('/table/delete', { table_id: q }));
  await field.sql(
    'create table q (id int primary key)',
    'create trigger q_bi before insert on q for each row set @q = 1',
    'drop table q',
  );
  await field.done(field.call('/table/restore', { table_id: q }));
  expect(await triggersOf('q')).toEqual(triggers);
});

test('m11: what was dropped takes its room until it is purged, and that is told beforehand', async () => {
  const columns = Array.from({ length: 16 }, (_, i) => `c${i} varchar(1000)`);
  await field.sql(
    `create table wide (id int primary key, ${columns.join(', ')}) charset utf8mb4`,
    `create table slim (id int primary key, ${columns.join(', ')}) charset latin1`,
  );
  const [wide, slim] = (await field.adopt('wide', 'slim')) as [string, string];
  for (const table of [wide, slim]) for (const name of ['c0', 'c1']) await field.done(field.column(table, { name }));
  await field.rejected(
    field.column(wide, { name: 'more', type: 'string', length: 1000 }),
    'unsupported_change',
    new RegExp(
      '^mysql: a row would have at least 68035 bytes, of 65535; 8004 of them are of dropped columns, ' +
        'which are kept in wide until they are purged$',
    ),
  );
  await field.rejected(field.column(wide, { name: 'c2', length: 2000 }), 'unsupported_change', /dropped columns/);
  await field.done(field.column(wide, { name: 'more', type: 'string', length: 300 }));
  await field.done(field.column(slim, { name: 'more', type: 'string', length: 1000 }));
});

test('x8: renames that MariaDB carries are done', async () => {
  await field.sql(
    'create table album (id int primary key, title varchar(20), pages int, twice int as (pages * 2) ' +
      'stored, constraint some_pages check (pages > 0))',
    'create table track (id int primary key, album_id int, constraint track_album foreign key (album_id) ' +
      'references album (id))',
    'insert into album (id, pages) values (1, 4)',
    'insert into track values (1, 1)',
  );
  const [album] = (await field.adopt('album')) as [string];
  await field.done(field.column(album, { name: 'id', rename_to: 'nr' }));
  await field.done(field.column(album, { name: 'pages', rename_to: 'sheets' }));
  await field.done(field.call('/table/rename', { table_id: album, name: 'albums' }));
  await expect(field.sql('insert into track values (2, 7)')).rejects.toThrow(/REFERENCES `albums` \(`nr`\)/);
  await expect(field.sql('insert into albums (nr, sheets) values (2, 0)')).rejects.toThrow(/some_pages/);
  expect(await field.sql('select sheets, twice from albums')).toEqual([{ sheets: 4, twice: 8 }]);
  await field.done(field.call('/table/revert', { table_id: album, version: 2 }));
  await expect(field.sql('insert into track values (2, 7)')).rejects.toThrow(/REFERENCES `album` \(`id`\)/);
});

test('a partition key is not dropped: a row would have no partition', async () => {
  await field.sql(
    'create table parted (id int, kind int, n int) partition by list (kind) (partition a values in (1, 2))',
  );
  const [parted] = (await field.adopt('parted')) as [string];
  await field.rejected(field.column(parted, { name: 'kind' }), 'dependents_exist', /^partition key kind depend/);
  await field.done(field.column(parted, { name: 'n' }));
});

test('columns beside one whose default draws from a sequence come back, and so does that one', async () => {
  await field.sql(
    'create sequence numbers',
    'create table numbered (id int primary key, a int, n int not null default nextval(numbers))',
    'insert into numbered (id) values (1)',
  );
  const [numbered] = (await field.adopt('numbered')) as [string];
  const before = await create('numbered');
  for (const change of [
    { name: 'a', type: 'bigint' },
    { name: 'more', type: 'integer' },
  ])
    await field.rejected(
      field.column(numbered, change),
      'unsupported_change',
      /the default of n draws from a sequence/,
    );
  await field.done(field.column(numbered, { name: 'a' }));
  await field.done(field.call('/table/revert', { table_id: numbered, version: 2 }));
  await field.done(field.column(numbered, { name: 'n' }));
  await field.sql('insert into numbered (id) values (2)');
  await field.rejected(
    field.call('/table/revert', { table_id: numbered, version: 2 }),
    'rows_conflict',
    /1 row\(s\) were written without n/,
  );
  await field.sql('delete from numbered where id = 2');
  await field.done(field.call('/table/revert', { table_id: numbered, version: 2 }));
  expect(await create('numbered')).toBe(before);
  expect(await field.sql('select id, n from numbered')).toEqual([{ id: 1, n: 1 }]);
});

async function triggersOf(table: string): Promise<{ name: string }[]> {
  const rows = await field.sql(
    `select trigger_name as name, action_timing, event_manipulation, action_order, action_statement, definer,
      sql_mode, collation_connection
    from information_schema.triggers
    where trigger_schema = database() and event_object_table = '${table}'
    order by trigger_name`,
  );
  return rows as { name: string }[];
}

/** An index that InnoDB made for a foreign key is made again with it, and then stands last. */
function inAnyOrder(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort();
}

test('x6: a char(36) that is no uuid stays what it is', async () => {
  await field.sql(
    'create table cards (id int primary key, ours char(36) character set ascii collate ascii_bin, theirs ' +
      'char(36) character set latin1 not null, loose char(36))',
    `insert into cards values (1, uuid(), 'any text of theirs', 'Another')`,
    'create table plain_keys (id char(36) primary key) default charset ascii collate ascii_bin',
  );
  const [id, keys] = (await field.adopt('cards', 'plain_keys')) as [string, string];
  const { columns } = (await field.get(`/tables/${id}`)).body['table'];
  expect([columns['ours'].type, columns['theirs'].type, columns['loose'].type]).toEqual(['uuid', 'native', 'native']);
  expect((await field.get(`/tables/${keys}`)).body['table'].columns['id'].type).toBe('uuid');
  await field.rejected(
    field.column(id, { name: 'theirs', type: 'string', length: 50 }),
    'unsupported_change',
    /theirs has a type or default of the engine's own/,
  );
  await field.done(field.column(id, { name: 'theirs', rename_to: 'words' }));
  await field.done(field.call('/table/revert', { table_id: id, version: 2 }));
  expect(await field.sql('select theirs, loose from cards')).toEqual([
    { theirs: 'any text of theirs', loose: 'Another' },
  ]);
});
