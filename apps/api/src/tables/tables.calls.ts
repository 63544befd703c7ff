import {
  columnsBody,
  createBody,
  dropBody,
  indexesBody,
  moveBody,
  purgeBody,
  renameBody,
  replayBody,
  restoreBody,
  revertBody,
} from '#tables';
import { pageQuery } from '../http/input.js';
import { listProblems } from './tables.commands.js';
import { diffQuery, showBody, tablesQuery, whenQuery } from './tables.queries.js';
import { TableAnswer, Replayed, TableHistory, TableDiff, TableList, AsideList } from './tables.answers.js';
import { id, input, core, command, alive, type Calls } from '../http/call.js';

export const tableCalls = {
  createTable: {
    method: 'post',
    path: '/table/create',
    command: true,
    body: createBody,
    also: listProblems,
    problems: [...command, 'database_not_found', 'table_name_taken'],
    summary:
      'Create a table on every database named (default: the database `default`). Without columns it gets ' +
      'id, name, created_at and updated_at.',
    example: {
      name: 'customers',
      databases: ['default'],
      columns: [
        { name: 'id', type: 'integer', primary_key: true, generated: true },
        { name: 'email', type: 'string', length: 200, unique: true },
      ],
    },
  },
  changeColumns: {
    method: 'post',
    path: '/table/column',
    command: true,
    body: columnsBody,
    problems: [...command, ...alive, 'column_not_found'],
    summary:
      'Add, alter, rename or drop columns. Only a name: drop. With rename_to: rename. An unknown name with ' +
      'a type: add. A known name with anything else: alter. Several are one change.',
    example: {
      table_id: id,
      columns: [
        { name: 'phone', type: 'string', length: 40 },
        { name: 'email', nullable: false },
      ],
    },
  },
  changeIndexes: {
    method: 'post',
    path: '/table/index',
    command: true,
    body: indexesBody,
    problems: [...command, ...alive, 'column_not_found', 'not_found'],
    summary:
      'Create, replace, rename or drop indexes. An unknown name with columns: create. A known name with ' +
      'columns: replace. Only a name: drop. With rename_to: rename. Several are one change.',
    example: {
      table_id: id,
      index: { name: 'by_phone', columns: ['phone', { name: 'id', order: 'desc' }] },
    },
  },
  renameTable: {
    method: 'post',
    path: '/table/rename',
    command: true,
    body: renameBody,
    problems: [...command, ...alive, 'table_name_taken'],
    summary: 'Rename a table everywhere.',
    example: { table_id: id, name: 'clients' },
  },
  deleteTable: {
    method: 'post',
    path: '/table/delete',
    command: true,
    body: dropBody,
    problems: [...command, ...alive],
    summary: 'Drop a table everywhere. It is set aside for the retention time; its name is free at once.',
    example: { table_id: id },
  },
  restoreTable: {
    method: 'post',
    path: '/table/restore',
    command: true,
    body: restoreBody,
    problems: [...command, 'table_not_found', 'table_failed', 'retention_expired', 'table_name_taken'],
    summary:
      'Undo a drop inside the retention time: rows, indexes, keys and triggers come back, under the former ' +
      'name or under `as`.',
    example: { table_id: id, as: 'customers_again' },
  },
  moveTable: {
    method: 'post',
    path: '/table/databases',
    command: true,
    body: moveBody,
    problems: [...command, ...alive, 'database_not_found', 'table_name_taken'],
    summary:
      'Change where a table lives: `add` builds it there (schema, no rows), or brings back, with its rows, ' +
      'what `remove` set aside there and is still kept; `remove` sets it aside there for the retention ' +
      'time. With `lost` and a reason: what is removed is gone for good, nothing is sent there, changes ' +
      'that wait for it end aborted, and nothing of it is kept.',
    example: { table_id: id, add: ['crm'], remove: ['default'] },
  },
  purgeTable: {
    method: 'post',
    path: '/table/purge',
    command: true,
    body: purgeBody,
    problems: [...command, 'table_not_found', 'retention_expired'],
    summary:
      'Destroy for good, before its time, what is kept aside of a table: all of it, or what one saga set ' +
      'aside. Refused while a restore or a revert is on its way, and where nothing is kept.',
    example: { table_id: id, reason: 'asked for by the data protection officer' },
  },
  revertTable: {
    method: 'post',
    path: '/table/revert',
    command: true,
    body: revertBody,
    problems: [...command, ...alive, 'version_not_found', 'retention_expired', 'table_name_taken'],
    summary:
      'Bring name and columns back to what they were at a version, on every database; dropped columns come ' +
      'back with their data. Refused with every conflict where it cannot be without loss.',
    example: { table_id: id, version: 2 },
  },
  replayTable: {
    method: 'post',
    path: '/table/replay',
    command: true,
    body: replayBody,
    problems: [...command, 'table_not_found', 'version_not_found', 'database_not_found', 'table_name_taken'],
    summary:
      'Without a database: the history played forward, and the DDL that builds the table on each engine; ' +
      'nothing is sent anywhere. With one: a saga that builds it there as a new table, schema only.',
    example: { table_id: id, version: 2 },
    answer: { status: 200, description: 'The history played forward', schema: Replayed },
  },
  showTable: {
    method: 'post',
    path: '/table/show',
    body: showBody,
    problems: [...input, 'table_not_found', 'version_not_found', 'database_not_found', ...core],
    summary:
      'The table as it is, or as it was after a version or at a time; with a database, what had been ' +
      'applied there by then.',
    example: { table_id: id, version: 2 },
    answer: { status: 200, description: 'The table', schema: TableAnswer, etag: true },
  },
  listTables: {
    method: 'get',
    path: '/tables',
    problems: ['validation_failed', 'database_not_found', ...core],
    summary: 'List tables, newest first. Without a status, dropped and failed ones are left out.',
    query: tablesQuery,
    answer: { status: 200, description: 'A page of tables', schema: TableList },
  },
  getTableHistory: {
    method: 'get',
    path: '/tables/{id}/history',
    problems: ['table_not_found', 'validation_failed', ...core],
    query: pageQuery,
    summary: 'What happened to the table, oldest first, with one plain sentence each.',
    answer: { status: 200, description: 'A page of its events', schema: TableHistory },
  },
  diffTable: {
    method: 'get',
    path: '/tables/{id}/diff',
    problems: ['table_not_found', 'version_not_found', 'validation_failed', ...core],
    query: diffQuery,
    summary:
      'What differs between two versions (default: from the first to the last). A renamed column is the same column.',
    answer: { status: 200, description: 'The difference', schema: TableDiff },
  },
  getTableAside: {
    method: 'get',
    path: '/tables/{id}/aside',
    problems: ['table_not_found', 'validation_failed', ...core],
    query: pageQuery,
    summary: 'What is kept of the table after drops and conversions, and until when; the latest first.',
    answer: { status: 200, description: 'A page of what is kept', schema: AsideList },
  },
  getTable: {
    method: 'get',
    path: '/tables/{id}',
    problems: ['table_not_found', 'version_not_found', 'database_not_found', 'validation_failed', ...core],
    query: whenQuery,
    summary:
      'The table as it is, or as it was after a version or at a time; with a database, what had been ' +
      'applied there by then.',
    answer: { status: 200, description: 'The table', schema: TableAnswer, etag: true },
  },
} satisfies Calls;
