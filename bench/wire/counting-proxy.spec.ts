import { expect, test } from '@jest/globals';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { freshMysql, freshPostgres } from '../../testing/fixtures.js';
import { countingProxy, countsOf, type Counts } from './counting-proxy.js';

const none: Counts = { roundTrips: 0, statements: 0, commits: 0 };

test('what a client says to PostgreSQL is counted exactly', async () => {
  const fresh = await freshPostgres();
  const proxy = await countingProxy(fresh.url);
  const client = new pg.Client({ connectionString: proxy.url(fresh.url) });
  const counted = async (...texts: string[]): Promise<Counts> => {
    proxy.take();
    for (const text of texts) await client.query(text);
    return countsOf(proxy.take());
  };
  try {
    await client.connect();
    expect(await counted()).toEqual(none);
    expect(await counted('select 1')).toEqual({ roundTrips: 1, statements: 1, commits: 0 });
    expect(await counted('select 1; select 2; select 3')).toEqual({ roundTrips: 1, statements: 3, commits: 0 });
    expect(await counted('create table t (id int)')).toEqual({ roundTrips: 1, statements: 1, commits: 1 });
    expect(await counted('begin', 'insert into t values (1)', 'commit')).toEqual({
      roundTrips: 3,
      statements: 3,
      commits: 1,
    });
    expect(await counted('begin; insert into t values (2); commit')).toEqual({
      roundTrips: 1,
      statements: 3,
      commits: 1,
    });
    expect(await counted('begin', 'insert into t values (3)', 'rollback')).toMatchObject({ commits: 0 });
    expect(await counted('begin', 'select * from t', 'commit')).toMatchObject({ statements: 3, commits: 0 });
    expect(await counted('with a as (insert into t values (4) returning id) select * from a')).toMatchObject({
      commits: 1,
    });

    proxy.take();
    const prepared = { name: 'one', text: 'select $1::int as n' };
    await client.query({ ...prepared, values: [1] });
    await client.query({ ...prepared, values: [2] });
    const said = proxy.take();
    expect(countsOf(said)).toEqual({ roundTrips: 2, statements: 2, commits: 0 });
    expect(said.map(({ text }) => text)).toEqual([prepared.text, prepared.text]);

    await expect(client.query('select * from nowhere')).rejects.toThrow('nowhere');
    // The driver tells of the error before the server has said that it is ready again: that comes before the next one.
    await client.query('select 1');
    expect(countsOf(proxy.take())).toEqual({ roundTrips: 2, statements: 1, commits: 0 });
  } finally {
    await client.end();
    await proxy.close();
    await fresh.drop();
  }
});

test('what a client says to MariaDB is counted exactly', async () => {
  const fresh = await freshMysql();
  const proxy = await countingProxy(fresh.url);
  const client = await mysql.createConnection({ uri: proxy.url(fresh.url) });
  const counted = async (...texts: string[]): Promise<Counts> => {
    proxy.take();
    for (const text of texts) await client.query(text);
    return countsOf(proxy.take());
  };
  try {
    expect(await counted()).toEqual(none);
    expect(await counted('select 1', 'select 2')).toEqual({ roundTrips: 2, statements: 2, commits: 0 });
    expect(await counted('create table t (id int)')).toEqual({ roundTrips: 1, statements: 1, commits: 1 });
    expect(await counted('insert into t values (1)')).toEqual({ roundTrips: 1, statements: 1, commits: 1 });
    expect(await counted('begin', 'insert into t values (2)', 'commit')).toEqual({
      roundTrips: 3,
      statements: 3,
      commits: 1,
    });
    expect(await counted('start transaction', 'select * from t', 'commit')).toMatchObject({ commits: 0 });
    expect(await counted('begin', 'insert into t values (3)', 'rollback')).toMatchObject({ commits: 0 });
    expect(await counted('lock tables t write', 'unlock tables')).toMatchObject({ statements: 2, commits: 0 });

    proxy.take();
    await client.execute('insert into t values (?)', [4]);
    await client.execute('insert into t values (?)', [5]);
    const said = proxy.take();
    // It is prepared once, in a journey of its own.
    expect(countsOf(said)).toEqual({ roundTrips: 3, statements: 2, commits: 2 });
    expect(said.map(({ text }) => text.replace('(prepare) ', ''))).toEqual(Array(3).fill('insert into t values (?)'));

    // An answer of many packets, of which some come together and some apart.
    await client.query(`select repeat('x', 100000) as long_text from t, t as u`);
    expect(countsOf(proxy.take())).toEqual({ roundTrips: 1, statements: 1, commits: 0 });
  } finally {
    await client.end();
    await proxy.close();
    await fresh.drop();
  }
});
