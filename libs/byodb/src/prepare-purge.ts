import { v7 as uuid } from 'uuid';
import type { Connection } from './engine.js';
import { fingerprint, type LiveTable } from './live.js';
import { planOf, stepOf, type Plan } from './operation.js';
import { purge } from './operations/purge.js';
import type { Session } from './session.js';

/**
 * Something set aside: a table, or a column of `table` that may have been taken out of it. `column`: of a table that is
 * not there itself any more, so that only what was taken out is to be found.
 */
export interface Aside {
  aside: string;
  table: string | null;
  column?: true;
}

/** Plans that destroy what was set aside, each against the database as it is; locks nothing. */
export async function preparePurge(
  connection: Connection,
  tableId: string,
  asides: Aside[],
): Promise<{ plans: { stepId: string; plan: Plan }[]; fingerprint: string }> {
  return connection.look(async (session) => {
    const plans: { stepId: string; plan: Plan }[] = [];
    let first: LiveTable | null = null;
    for (const one of asides) {
      const place = await placeOf(session, one);
      if (place === null) continue;
      const { table, was } = place;
      first ??= was;
      const stepId = uuid();
      const step = stepOf(purge, { aside: one.aside, table, step_id: stepId }, stepId);
      const { plan } = planOf(step, was, { engine: connection.engine, tableId, columns: [], indexes: [] });
      // Nothing of it comes back, so that nothing has to be known of how it was.
      plans.push({ stepId, plan: { ...plan, was: null } });
    }
    return { plans, fingerprint: fingerprint(first) };
  });
}

/** The table in which the column still stands (null: a table of its own) with what is there; null: it went already. */
async function placeOf(
  session: Session,
  { aside, table, column }: Aside,
): Promise<{ table: string | null; was: LiveTable | null } | null> {
  // A column that was taken out of its table is a table by now.
  const detached = column === undefined && table === null ? null : await session.introspect(aside);
  if (detached !== null) return { table: null, was: detached };
  return column === true ? null : { table, was: await session.introspect(table ?? aside) };
}
