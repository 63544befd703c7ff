import { describe, expect, test } from '@jest/globals';
import { translate as mysql } from './mysql/translate.js';
import { translate as postgres, type Moment } from './postgres/translate.js';
import { translate as sqlite } from './sqlite/translate.js';

// What passes by itself must be tried again: taken for the statement's own fault, it would undo a change that nothing
// is wrong with.
const ofPostgres = (sqlstate: string, moment: Moment = 'statement'): object =>
  postgres(Object.assign(new Error('x'), { code: sqlstate, severity: 'ERROR' }), moment, []);
const ofMysql = (errno: number): object => mysql(Object.assign(new Error('x'), { errno, code: 'ER_X' }), [], true);
const ofSqlite = (code: string): object => sqlite({ code, message: 'x' });
const away = { code: 'database_unreachable', retryable: true };
const passing = { code: 'database_error', retryable: true };

describe('a server that is another one for a while', () => {
  test('PostgreSQL: a standby says so at BEGIN as it does at a statement', () => {
    expect(ofPostgres('0A000', 'begin')).toMatchObject({ ...away, outcome: 'not_applied' });
    expect(ofPostgres('25006')).toMatchObject({ ...away, outcome: 'not_applied' });
    expect(ofPostgres('0A000')).toMatchObject({ code: 'dependents_exist', retryable: false });
  });
  test.each([1290, 1836, 3032, 1047, 1129, 1158, 1161, 4031])(
    'MySQL %i: read-only after a switchover, offline, out of its cluster, cut',
    (errno) => {
      expect(ofMysql(errno)).toMatchObject(away);
    },
  );
  test.each(['SQLITE_READONLY_DBMOVED', 'ESTALE', 'EIO', 'ENOTCONN'])(
    'SQLite %s: a volume that moved or is away',
    (code) => {
      expect(ofSqlite(code)).toMatchObject(away);
    },
  );
});

describe('full, out of memory, too much at once', () => {
  test.each(['53100', '53200', '58030', 'XX000'])('PostgreSQL %s', (sqlstate) => {
    expect(ofPostgres(sqlstate)).toMatchObject(passing);
  });
  test.each([1021, 1114, 1041, 1135, 1412, 1799, 3101])('MySQL %i', (errno) => {
    expect(ofMysql(errno)).toMatchObject(passing);
  });
  test.each(['SQLITE_FULL', 'SQLITE_NOMEM'])('SQLite %s', (code) => {
    expect(ofSqlite(code)).toMatchObject(passing);
  });
});

test('a right that is lacking, and a statement that is wrong, do not pass', () => {
  for (const error of [
    ofPostgres('42501'),
    ofPostgres('42601'),
    ofMysql(1142),
    ofMysql(1064),
    ofSqlite('SQLITE_READONLY'),
    ofSqlite('SQLITE_READONLY_CANTINIT'),
    ofMysql(1038),
    ofSqlite('EACCES'),
    ofSqlite('EROFS'),
    ofSqlite('SQLITE_ERROR'),
  ])
    expect(error).toMatchObject({ retryable: false });
});
