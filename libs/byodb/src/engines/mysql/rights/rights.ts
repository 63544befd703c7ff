import { DatabaseError } from '../../../errors.js';
import { firstRow } from '../../../first-row.js';
import type { Querying } from '../driver/querying.js';
import { lacking, WHOLE_DATABASE } from './grants.js';

/** The catalog hides what a user may not see, and what is not seen would be taken for what is not there. */
export async function refuseUnseen(session: Querying): Promise<void> {
  const { user, database, lines } = await grants(session);
  const asked = `
    select
      exists (select 1 from information_schema.triggers
        where trigger_schema = database() and action_statement is null) as triggers,
      exists (select 1 from information_schema.views
        where table_schema = database() and view_definition = '') as views`;
  const hidden = firstRow(await session.query(asked));
  const unseen = (right: 'trigger' | 'show view', among: string): boolean =>
    Number(hidden[among]) === 1 || lacking(lines, right, database, WHOLE_DATABASE);
  const missing = [
    ...(unseen('trigger', 'triggers') ? ['TRIGGER'] : []),
    ...(unseen('show view', 'views') ? ['SHOW VIEW'] : []),
  ];
  if (missing.length > 0)
    throw new DatabaseError(
      'permission_denied',
      `user ${user} has no right ${missing.join(' and ')} on database ${database}, without which what ` +
        'depends on a table is not seen',
    );
}

export async function grants(session: Querying): Promise<{ user: string; database: string; lines: string[] }> {
  const who = firstRow(await session.query('select database() as d, current_user() as u'));
  const rows = await session.query('show grants');
  return {
    user: String(who['u']),
    database: String(who['d']),
    lines: rows.map((row) => String(Object.values(row)[0])),
  };
}

/** Roles and patterns may give what is not seen here: then only the statement itself tells. */
export async function lacksRight(
  session: Querying,
  action: 'create' | 'alter',
  table: string | null,
): Promise<string | null> {
  const { user, database, lines } = await grants(session);
  if (lacking(lines, action, database, table))
    return (
      `user ${user} may not ${action} ${action === 'create' ? 'tables' : `table ${table}`} ` + `in database ${database}`
    );
  // Without it rows could be written between a look at them and the statement that depends on it.
  return action === 'alter' && lacking(lines, 'lock tables', database, null)
    ? `user ${user} may not lock tables in database ${database}`
    : null;
}
