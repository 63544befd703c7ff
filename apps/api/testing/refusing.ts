import { query } from '../../../testing/fixtures.js';

/**
 * From now on PostgreSQL refuses these statements (`ALTER TABLE` and the like) when they come, in a way that nothing can
 * foresee; reads and rows it takes. Gives what ends that.
 */
export async function refusing(url: string, ...tags: string[]): Promise<() => Promise<void>> {
  await query(
    url,
    `create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'not today'; end $$`,
  );
  const listed = tags.map((tag) => `'${tag}'`).join(', ');
  await query(
    url,
    `create event trigger refuse on ddl_command_start when tag in (${listed}) execute function refuse()`,
  );
  return async () => {
    await query(url, 'drop event trigger refuse');
    await query(url, 'drop function refuse()');
  };
}
