import { sql, sqlName } from './core-database.js';
import type { CoreDatabase, Sql, Tx } from './core-database.js';

const prefix = 'rebuild_';

/** Empty tables like these, under other names; leftovers of a rebuild that died are thrown away. */
export async function createShadows(core: CoreDatabase, tables: readonly string[]): Promise<void> {
  await dropShadows(core, tables);
  for (const table of tables) await core.execute(await creation(core, table));
}

export async function dropShadows(core: CoreDatabase, tables: readonly string[]): Promise<void> {
  for (const table of tables) await core.execute(sql`drop table if exists ${sqlName(prefix + table)}`);
}

async function creation(core: CoreDatabase, table: string): Promise<Sql> {
  const shadow = sqlName(prefix + table);
  if (core.engine === 'postgres') return sql`create table ${shadow} (like ${sqlName(table)} including all)`;
  if (core.engine === 'mysql') return sql`create table ${shadow} like ${sqlName(table)}`;
  const [row] = await core.query(sql`select sql from sqlite_schema where type = 'table' and name = ${table}`);
  const text = String(row?.['sql']);
  const body = text.slice(text.indexOf('('));
  return { texts: [`create table ${prefix}${table} ${body}`], values: [] };
}

/**
 * Puts what was built into the real tables, within this transaction: readers see the old rows until it commits, then
 * the new.
 */
export async function switchTo(tx: Tx, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await tx.execute(sql`delete from ${sqlName(table)}`);
    await tx.execute(sql`insert into ${sqlName(table)} select * from ${sqlName(prefix + table)}`);
  }
}

/**
 * The same transaction, with a projection's tables replaced by their shadows. A statement on any other table is
 * refused: a rebuild would otherwise write the real one a second time. Names stand in a statement's text alone, never
 * in its values, so what an event says is never taken for a name.
 */
export function onShadows(tx: Tx, tables: readonly string[]): Tx {
  const known = new Set(tables);
  const names = new RegExp(`\\b(${tables.join('|')})\\b`, 'g');
  const shadowed = (statement: Sql): Sql => {
    for (const name of tablesNamed(statement)) {
      if (!known.has(name)) throw new Error(`a rebuild may not touch ${name}: it is not among the projection's tables`);
    }
    return { texts: statement.texts.map((part) => part.replace(names, `${prefix}$1`)), values: statement.values };
  };
  return {
    query: (statement) => tx.query(shadowed(statement)),
    execute: (statement) => tx.execute(shadowed(statement)),
    upsert: (table, key, row) => {
      if (!known.has(table))
        throw new Error(`a rebuild may not touch ${table}: it is not among the projection's tables`);
      return tx.upsert(prefix + table, key, row);
    },
  };
}

/** The tables that a projection's statement reads or writes. */
export function tablesNamed(statement: Sql): string[] {
  return [...statement.texts.join('?').matchAll(/(?:\b(?:into|from|join)|^\s*update)\s+([a-z_]+)/gi)].map(
    ([, name = '']) => name,
  );
}
