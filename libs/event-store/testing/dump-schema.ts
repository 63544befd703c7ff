import { sql, type CoreDatabase, type Row, type Sql } from '../src/core-database.js';

/** The schema as text, from the database's own catalog: the same for the same schema, whatever the server's version. */
export async function dumpSchema(core: CoreDatabase): Promise<string> {
  const lines = (await core.query(catalogs[core.engine])).map((row: Row) => String(row.line));
  return (
    '-- The result of all migrations. Written by libs/event-store/src/migrate.spec.ts: ' +
    `UPDATE_SCHEMA_DUMP=1 npm run jest migrate\n${lines.join('\n')}\n`
  );
}

const catalogs: Record<CoreDatabase['engine'], Sql> = {
  sqlite: sql`
    select sql || ';' as line
    from sqlite_schema
    where sql is not null and name not like 'sqlite_%'
    order by tbl_name, type desc, name`,

  postgres: sql`
    select line from (
      select table_name as place, 1 as part, ordinal_position as n,
        table_name || '.' || column_name || ' ' || data_type
          || coalesce('(' || character_maximum_length || ')', '')
          || case is_nullable when 'NO' then ' not null' else '' end
          || coalesce(' default ' || column_default, '')
          || case is_identity when 'YES' then ' identity ' || lower(identity_generation) else '' end as line
      from information_schema.columns
      where table_schema = current_schema()
      union all
      select conrelid::regclass::text, 2, row_number() over (order by conname),
        conrelid::regclass || ' constraint ' || conname || ' ' || pg_get_constraintdef(oid)
      from pg_constraint
      where connamespace = current_schema()::regnamespace and contype <> 'n'
      union all
      select tablename, 3, row_number() over (order by indexname), replace(indexdef, schemaname || '.', '')
      from pg_indexes
      where schemaname = current_schema() and indexname not in (select conname from pg_constraint)
    ) as parts order by place collate "C", part, n`,

  // Display widths ("bigint(20)") are MariaDB's only, and it writes defaults its own way.
  mysql: sql`
    select line from (
      select table_name as place, 1 as part, lpad(ordinal_position, 4, '0') as n, concat(
          table_name, '.', column_name, ' ',
          if(column_type like '%int(%', regexp_replace(column_type, '[(][0-9]+[)]', ''), column_type),
          coalesce(concat(' ', collation_name), ''),
          if(is_nullable = 'NO', ' not null', ''),
          if(coalesce(column_default, 'NULL') = 'NULL', '', concat(' default ', column_default)),
          if(extra = '', '', concat(' ', extra))
        ) as line
      from information_schema.columns
      where table_schema = database()
      union all
      select table_name, 2, index_name, concat(table_name, if(non_unique, ' key ', ' unique key '), index_name, ' (',
        group_concat(column_name order by seq_in_index separator ', '), ')')
      from information_schema.statistics
      where table_schema = database()
      group by table_name, index_name, non_unique
    ) as parts order by binary place, part, binary n`,
};
