import { sql, sqlList, sqlName } from '../core-database.js';
import type { Sql, SqlValue } from '../core-database.js';

/**
 * Insert or replace, for SQLite and PostgreSQL: the key named, so that a clash on another unique key stays an error.
 */
export function upsertOnConflict(table: string, key: readonly string[], row: Record<string, SqlValue>): Sql {
  const others = columnsBeside(key, row);
  const changes = others.map((column) => sql`${sqlName(column)} = excluded.${sqlName(column)}`);
  const action = changes.length === 0 ? sql`nothing` : sql`update set ${sqlList(changes)}`;
  return sql`${insertRow(table, row)} on conflict (${sqlList(key.map(sqlName))}) do ${action}`;
}

export function insertRow(table: string, row: Record<string, SqlValue>): Sql {
  const columns = sqlList(Object.keys(row).map(sqlName));
  return sql`insert into ${sqlName(table)} (${columns}) values (${sqlList(Object.values(row))})`;
}

/** For MySQL: its own "on duplicate key" would overwrite another row when any other unique key clashes. */
export function updateRow(table: string, key: readonly string[], row: Record<string, SqlValue>): Sql {
  const others = columnsBeside(key, row);
  const columns = others.length === 0 ? [...key] : others;
  const equal = (column: string): Sql => sql`${sqlName(column)} = ${valueIn(row, column)}`;
  const changes = columns.map(equal);
  const match = key.map(equal).reduce((all, one) => sql`${all} and ${one}`);
  return sql`update ${sqlName(table)} set ${sqlList(changes)} where ${match}`;
}

/** For SQLite and PostgreSQL. */
export function countedUp(table: string, column: string, where: Sql): Sql {
  const counter = sqlName(column);
  return sql`update ${sqlName(table)} set ${counter} = ${counter} + 1 where ${where} returning ${counter}`;
}

function columnsBeside(key: readonly string[], row: Record<string, SqlValue>): string[] {
  for (const column of key) valueIn(row, column);
  return Object.keys(row).filter((column) => !key.includes(column));
}

/** Errors: Error when the row has no such column. */
function valueIn(row: Record<string, SqlValue>, column: string): SqlValue {
  const value = row[column];
  if (value === undefined) throw new Error(`upsert without its key column ${column}`);
  return value;
}
