import { engineOf, fingerprint, parseUrl } from '#byodb';
import { query } from '../../../testing/fixtures.js';

export interface State {
  fingerprint: string;
  rows: object[] | null;
}

/**
 * What stands in each database: the fingerprint of everything around the table, and (unless not asked for) every row in
 * the order of `id`.
 */
export async function stateOf(
  urls: Record<string, string>,
  table: string,
  withRows = true,
): Promise<Record<string, State>> {
  const seen: Record<string, State> = {};
  for (const [name, url] of Object.entries(urls)) {
    const address = parseUrl(url);
    const connection = engineOf(address.engine).open(address);
    try {
      const live = await connection.look((session) => session.introspect(table));
      seen[name] = {
        fingerprint: fingerprint(live),
        rows: live === null || !withRows ? null : await query(url, `select * from ${table} order by id`),
      };
    } finally {
      await connection.close();
    }
  }
  return seen;
}
