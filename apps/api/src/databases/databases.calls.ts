import { registration, relocation } from './address-rules.js';
import { adoptBody, catchUpBody, resolveDriftBody } from '#tables';
import { loss } from './databases.commands.js';
import { Forgotten, DatabaseAnswer, DatabaseHistory, DatabaseDrift, DatabaseList } from './databases.answers.js';
import { AsideList } from '../tables/tables.answers.js';
import { id, input, core, command, ofDatabase, alive, reachable, type Calls } from '../http/call.js';
import { pageQuery } from '../http/input.js';

export const databaseCalls = {
  registerDatabase: {
    method: 'post',
    path: '/databases',
    body: registration,
    problems: [...input, 'database_exists', ...reachable, ...core],
    summary:
      'Register a database, by url or by engine and connection, after a real connection test. One that ' +
      "another service manages is refused with whose it is; with `take_over` it is this one's from then on.",
    example: { name: 'crm', url: 'postgres://user:password@db.example.org:5432/crm' },
    answer: { status: 201, description: 'Registered', schema: DatabaseAnswer },
  },
  listDatabases: {
    method: 'get',
    path: '/databases',
    problems: ['validation_failed', ...core],
    query: pageQuery,
    summary: 'List databases, newest first.',
    answer: { status: 200, description: 'A page of databases', schema: DatabaseList },
  },
  getDatabase: {
    method: 'get',
    path: '/databases/{name}',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'One database: engine, server version, whether it can be reached, its tables. Never a credential.',
    answer: { status: 200, description: 'The database', schema: DatabaseAnswer },
  },
  getDatabaseHistory: {
    method: 'get',
    path: '/databases/{name}/history',
    problems: ['database_not_found', 'validation_failed', ...core],
    query: pageQuery,
    summary: 'What was applied there and undone there, oldest first: when, how long it took, with which statements.',
    answer: { status: 200, description: 'A page of steps', schema: DatabaseHistory },
  },
  getDatabaseAside: {
    method: 'get',
    path: '/databases/{name}/aside',
    problems: ['database_not_found', 'validation_failed', ...core],
    query: pageQuery,
    summary: 'What is kept in the database after drops and conversions, and until when; the latest first.',
    answer: { status: 200, description: 'A page of what is kept', schema: AsideList },
  },
  getDatabaseDrift: {
    method: 'get',
    path: '/databases/{name}/drift',
    problems: ['validation_failed', 'database_not_found', ...reachable, ...core],
    summary:
      'What its live schema has that history does not say, and the reverse, column by column. Tables under ' +
      'change are left out.',
    answer: { status: 200, description: 'Where they differ', schema: DatabaseDrift },
  },
  resolveDrift: {
    method: 'post',
    path: '/databases/{name}/drift/resolve',
    command: true,
    body: resolveDriftBody,
    problems: [...command, ...alive, 'database_not_found', ...reachable],
    summary:
      'Settle what differs in one table there. adopt: history and the other databases follow what stands ' +
      'there; restore: it goes back to what history says (what is too much is set aside for the retention ' +
      'time); ignore: it may differ from now on. adopt leaves alone what was ignored before, unless nothing ' +
      'else differs: then it is meant.',
    example: { table_id: id, as: 'restore' },
  },
  adoptTables: {
    method: 'post',
    path: '/databases/{name}/adopt',
    command: 'of_database',
    body: adoptBody,
    problems: [...ofDatabase, 'database_not_found', 'table_not_found', 'table_name_taken', ...reachable],
    summary:
      'Take tables that others made under management, as they stand; nothing is touched. What no portable ' +
      "type expresses is kept as the engine's own.",
    example: { tables: ['orders', 'invoices'] },
  },
  catchUpDatabase: {
    method: 'post',
    path: '/databases/{name}/catch-up',
    command: 'of_database',
    body: catchUpBody,
    problems: [...ofDatabase, 'database_not_found', ...reachable],
    summary:
      'Do there what history has done and the database has not seen: after it was restored from a backup, ' +
      'or was long away.',
  },
  forgetDatabase: {
    method: 'post',
    path: '/databases/{name}/forget',
    body: loss,
    problems: [...input, 'database_not_found', 'version_conflict', ...core],
    summary:
      'Give up a database that is lost for good: nothing is sent there any more, its tables go on ' +
      'elsewhere, and changes under way end without it.',
    example: { lost: true, reason: 'the disk is gone, and there is no backup' },
    answer: { status: 202, description: 'Given up; the tables follow', schema: Forgotten },
  },
  testDatabase: {
    method: 'post',
    path: '/databases/{name}/test',
    problems: ['validation_failed', 'database_not_found', ...reachable, ...core],
    summary: 'Connect for real.',
    answer: { status: 200, description: 'It can be reached', schema: DatabaseAnswer },
  },
  changeDatabase: {
    method: 'put',
    path: '/databases/{name}',
    body: relocation,
    problems: [
      ...input,
      'database_not_found',
      'database_exists',
      'core_database',
      ...reachable,
      'version_conflict',
      ...core,
    ],
    summary: 'A new address or new credentials of the same database, tested first.',
    example: { url: 'postgres://user:new-password@db.example.org:5432/crm' },
    answer: { status: 200, description: 'Changed', schema: DatabaseAnswer },
  },
  deleteDatabase: {
    method: 'delete',
    path: '/databases/{name}',
    problems: ['validation_failed', 'database_not_found', 'database_in_use', 'version_conflict', ...core],
    summary: 'Forget a database where no table lives or is set aside.',
    answer: { status: 204, description: 'Forgotten' },
  },
} satisfies Calls;
