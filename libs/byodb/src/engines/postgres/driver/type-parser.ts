import pg from 'pg';

/**
 * Numbers and truth values as such, json as its content, everything else as PostgreSQL prints it: a Date would lose the
 * microseconds.
 */
export function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  const { BOOL, INT2, INT4, FLOAT4, FLOAT8, JSON, JSONB } = pg.types.builtins;
  return [BOOL, INT2, INT4, FLOAT4, FLOAT8, JSON, JSONB].includes(oid)
    ? (pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown)
    : (value) => value;
}
