import { firstRow } from '../../../first-row.js';
import type { Extra } from '../../../live.js';
import type { Querying } from '../driver/querying.js';
import { introspect } from '../introspect.js';
import { grantedEverywhere } from '../rights/grants.js';
import { grants } from '../rights/rights.js';
import { literal } from '../sql.js';
import { dropTriggers, makerOf, triggersOf } from './triggers.js';

/** Triggers' names; all of a table's or none, as they run in the order in which they were made. */
export async function freeNames(session: Querying, aside: string): Promise<string[]> {
  const live = await introspect(session, aside);
  const triggers = live === null ? [] : triggersOf(live);
  for (const trigger of triggers) if (!(await canRemake(session, trigger))) return [];
  return dropTriggers(triggers);
}

/**
 * To the letter: under its definer's name, and in its database's collation. MySQL does not run a statement under
 * another mode.
 */
async function canRemake(session: Querying, trigger: Extra): Promise<boolean> {
  const { user, lines } = await grants(session);
  const major = `substring_index(version(), '.', 1)`;
  const minor = `substring_index(substring_index(version(), '.', 2), '.', -1)`;
  const asked = `
    select version() like '%MariaDB%' and ${major} * 100 + ${minor} >= 1006 as able,
      @@log_bin = 0 or @@log_bin_trust_function_creators = 1 as trusts,
      (select count(*) from information_schema.triggers
        where trigger_schema = database() and trigger_name = ${literal(trigger.name)}
          and database_collation = @@collation_database) as collates`;
  const server = firstRow(await session.query(asked));
  if (Number(server['able']) !== 1 || (Number(server['trusts']) !== 1 && !grantedEverywhere(lines, []))) return false;
  const { definer, isKnown } = makerOf(trigger);
  return isKnown && Number(server['collates']) === 1 && (definer === user || grantedEverywhere(lines, ['SET USER']));
}
