import { sql, type Place } from './sql.js';

/** PostgreSQL then refuses, when the statement comes, whatever would leave a column of such a name. */
export async function refusePoison(place: Place): Promise<void> {
  await sql(
    place,
    `create function chaos_refuses() returns event_trigger language plpgsql as $$ begin
    if exists (select from pg_attribute where attname like 'poison%' and not attisdropped)
    then raise exception 'refused by the customer'; end if; end $$`,
  );
  await sql(place, 'create event trigger chaos_refuses on ddl_command_end execute function chaos_refuses()');
}

export function withPath(url: string, path: string): string {
  const result = new URL(url);
  result.pathname = `/${path}`;
  return result.href;
}
