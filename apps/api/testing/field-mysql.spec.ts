import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshMysql, type Fresh } from '../../../testing/fixtures.js';
import { FieldCase } from './field-case.js';
import type { Service } from './service.js';

let fresh: Fresh;
let field: FieldCase;
let s: Service;
beforeAll(async () => {
  fresh = await freshMysql();
  ({ field, s } = await FieldCase.start(fresh));
});
afterAll(async () => {
  await s.stop();
  await fresh.drop();
});

const create = async (table: string): Promise<string> => String(Object.values((await field.sql(`show create table \`${table}\``))[0]!)[1]);

test('x2: the foreign keys of what was dropped act on nobody, and come back', async () => {
  await field.sql('create table users (id int primary key, name varchar(20))',
    'create table posts (id int primary key, title varchar(20), author_id int, editor_id int, constraint a foreign key (author_id) references users (id) on delete cascade, constraint e foreign key (editor_id) references users (id))',
    'create table logs (id int primary key, user_id int, boss int, foreign key (user_id) references users (id), constraint top foreign key (boss) references logs (id))',
    'insert into users values (1,\'a\'),(2,\'b\'),(3,\'c\'),(4,\'d\')', 'insert into posts values (10,\'x\',1,null),(20,\'y\',null,2)', 'insert into logs values (1,3,null),(2,3,1)');
  const [, posts, logs] = await field.adopt('users', 'posts', 'logs') as [string, string, string];
  const before = [await create('posts'), await create('logs')];
  await field.done(field.column(posts, { name: 'author_id' }));
  await field.done(field.column(posts, { name: 'editor_id' }));
  await field.done(field.call('/table/delete', { table_id: logs }));
  await field.sql('delete from users where id = 1', 'delete from users where id = 2', 'delete from users where id = 3');
  expect(await field.sql('select id from posts order by id')).toEqual([{ id: 10 }, { id: 20 }]);
  await field.rejected(field.call('/table/revert', { table_id: posts, version: 2 }), 'rows_conflict', /1 row\(s\) do not fit foreign key e of posts/);
  await field.rejected(field.call('/table/restore', { table_id: logs }), 'rows_conflict', /2 row\(s\) do not fit foreign key logs_ibfk_1 of logs/);
  await field.sql('insert into users values (1,\'a\'),(2,\'b\'),(3,\'c\')');
  await field.done(field.call('/table/revert', { table_id: posts, version: 2 }));
  await field.done(field.call('/table/restore', { table_id: logs }));
  expect([await create('posts'), await create('logs')].map(inAnyOrder)).toEqual(before.map(inAnyOrder));
  await expect(field.sql('insert into posts values (30,\'z\',9,null)')).rejects.toThrow(/foreign key/);
  await expect(field.sql('insert into logs values (30,3,9)')).rejects.toThrow(/foreign key/);
});

test('D2: a parent can be dropped after its child, and comes back before it', async () => {
  await field.sql('create table p2 (id int primary key)', 'create table c2 (id int primary key, p_id int, foreign key (p_id) references p2 (id))', 'insert into p2 values (1)', 'insert into c2 values (1, 1)');
  const [parent, child] = await field.adopt('p2', 'c2') as [string, string];
  await field.done(field.call('/table/delete', { table_id: child }));
  await field.done(field.call('/table/delete', { table_id: parent }));
  await field.rejected(field.call('/table/restore', { table_id: child }), 'dependents_exist', /foreign key c2_ibfk_1 of c2 is to come back, and p2, to which it refers, is not there/);
  await field.done(field.call('/table/restore', { table_id: parent }));
  await field.done(field.call('/table/restore', { table_id: child }));
  await expect(field.sql('insert into c2 values (2, 7)')).rejects.toThrow(/foreign key/);
});

test('x4: writes without a list of columns and select * pass a dropped column over', async () => {
  await field.sql('create table people (id int primary key, nick varchar(50), name varchar(50))', 'insert into people values (1, \'nick1\', \'name1\')');
  const [people] = await field.adopt('people') as [string];
  const before = await create('people');
  await field.done(field.column(people, { name: 'nick' }));
  await field.sql('insert into people values (2, \'name2\')');
  expect(await field.sql('select * from people order by id')).toEqual([{ id: 1, name: 'name1' }, { id: 2, name: 'name2' }]);
  await field.done(field.call('/table/revert', { table_id: people, version: 2 }));
  expect(await field.sql('select * from people order by id')).toEqual([{ id: 1, nick: 'nick1', name: 'name1' }, { id: 2, nick: null, name: 'name2' }]);
  expect(await create('people')).toBe(before);
});

test('x3: a dropped column runs no default and refuses no writer; a spatial key goes and comes with it', async () => {
  await field.sql('create table v (id int auto_increment primary key, v double not null default (log(-1) + rand()), p point not null, n int, spatial key p (p))', 'insert into v (v, p, n) values (1.5, point(1, 2), 1)');
  const [v] = await field.adopt('v') as [string];
  const before = await create('v');
  await field.done(field.column(v, { name: 'v' }));
  await field.done(field.column(v, { name: 'p' }));
  await field.sql('insert into v (n) values (2)', 'delete from v where n = 2');
  await field.done(field.call('/table/revert', { table_id: v, version: 2 }));
  expect(await create('v')).toBe(before.replace('AUTO_INCREMENT=2', 'AUTO_INCREMENT=3'));
});

test('m2: tables with zero dates are changed', async () => {
  await field.sql('create table wp_posts (id bigint unsigned auto_increment primary key, post_date datetime not null default \'0000-00-00 00:00:00\', title varchar(200) not null default \'\', hits int not null default 0)',
    'set statement sql_mode = \'\' for insert into wp_posts (title) values (\'a\')');
  const [posts] = await field.adopt('wp_posts') as [string];
  await field.done(field.column(posts, { name: 'more', type: 'string', length: 20 }));
  await field.done(field.column(posts, { name: 'hits', type: 'bigint' }));
  await field.done(field.column(posts, { name: 'post_date' }));
  await field.done(field.call('/table/revert', { table_id: posts, version: 2 }));
  expect(await field.sql('select cast(post_date as char) as d, title from wp_posts')).toEqual([{ d: '0000-00-00 00:00:00', title: 'a' }]);
});

test('m1: a table with system versioning is adopted and changed, its history kept', async () => {
  await field.sql('create table contracts (id int primary key, title varchar(80)) with system versioning', 'insert into contracts values (1, \'a\')', 'update contracts set title = \'b\'');
  const [contracts] = await field.adopt('contracts') as [string];
  await field.done(field.column(contracts, { name: 'note', type: 'text' }));
  await field.done(field.column(contracts, { name: 'title', rename_to: 'heading' }));
  await field.done(field.call('/table/delete', { table_id: contracts }));
  await field.done(field.call('/table/restore', { table_id: contracts }));
  expect(await field.sql('select heading from contracts for system_time all order by heading')).toEqual([{ heading: 'a' }, { heading: 'b' }]);
});

/** An index that InnoDB made for a foreign key is made again with it, and then stands last. */
function inAnyOrder(text: string): string[] {
  return text.split('\n').map((line) => line.replace(/,$/, '')).sort();
}
