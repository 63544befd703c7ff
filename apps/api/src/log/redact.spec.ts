import { expect, test } from '@jest/globals';
import { LEFT_OUT, withoutSecrets } from './redact.js';

test.each([
  [
    { name: 'crm', url: 'postgres://me:hunter2@db:5432/x' },
    { name: 'crm', url: `postgres://${LEFT_OUT}@db:5432/x` },
  ],
  [{ url: 'postgres://me:hun@ter2?x@db/x?password=hunter2' }, { url: `postgres://${LEFT_OUT}@db/x?${LEFT_OUT}` }],
  [{ url: 'mysql://db/x?password=hunter2' }, { url: `mysql://db/x?${LEFT_OUT}` }],
  [{ url: 'hunter2' }, { url: LEFT_OUT }],
  [{ url: 'mysql:me:hunter2@db' }, { url: `mysql:${LEFT_OUT}@db` }],
  [{ url: ['postgres://me:hunter2@db'] }, { url: LEFT_OUT }],
  [{ url: 'sqlite:/data/x.db' }, { url: 'sqlite:/data/x.db' }],
  [
    { connection: { host: 'db', port: 1, user: 'me', password: 'hunter2', database: 'x', tls: 'off' } },
    { connection: { host: 'db', port: 1, user: 'me', password: LEFT_OUT, database: 'x', tls: 'off' } },
  ],
  [
    { connection: { pasword: 'hunter2', host: { password: 'hunter2' } } },
    { connection: { pasword: LEFT_OUT, host: LEFT_OUT } },
  ],
  [{ conection: { password: 'hunter2' } }, { conection: LEFT_OUT }],
  ['hunter2', LEFT_OUT],
  [['hunter2'], LEFT_OUT],
])('of a database %j is kept %j', (body, kept) => {
  expect(withoutSecrets('/databases', body)).toEqual(kept);
});

test('of other bodies all but what looks like a secret', () => {
  const body = {
    name: 'users',
    columns: [{ name: 'password', type: 'string', default: 'a?b' }],
    databases: ['postgres://me:hunter2@db'],
    password: 'hunter2',
  };
  expect(withoutSecrets('/table/create', body)).toEqual({
    ...body,
    databases: [`postgres://${LEFT_OUT}@db`],
    password: LEFT_OUT,
  });
});
