import { describe, expect, test } from '@jest/globals';
import { openCoreDatabase } from './open.js';
import { parseServer } from './server.js';

describe('the address of a core database', () => {
  test('is taken apart by us', () => {
    expect(parseServer(new URL('postgres://u%40x:p%3Aw%2F@[::1]:5433/my%20db?sslmode=verify-full'), 5432)).toEqual({
      host: '::1',
      port: 5433,
      user: 'u@x',
      password: 'p:w/',
      database: 'my db',
      tls: 'verify',
    });
    expect(parseServer(new URL('mysql://u@h/d'), 3306)).toEqual({
      host: 'h',
      port: 3306,
      user: 'u',
      password: '',
      database: 'd',
      tls: 'off',
    });
  });

  test.each([
    'postgres://u:secret@h/d?sslcert=/etc/passwd',
    'postgres://u:secret@h/d?host=/tmp',
    'mysql://u:secret@h/d?multipleStatements=true',
    'postgres://u:secret@h/d?sslmode=prefer',
    'postgres://u:secret@h',
    'postgres://u:secret@h/a/b',
    'oracle://u:secret@h/d',
    'secret',
    'sqlite:',
    'sqlite::memory:',
    'sqlite:file.db?mode=memory',
  ])('is refused when it is %s, and the error holds no password', async (url) => {
    const refused = await openCoreDatabase(url).catch((error: unknown) => error);
    expect(String(refused)).toMatch(/^Error: core database address/);
    expect(String(refused)).not.toContain('secret');
  });
});
