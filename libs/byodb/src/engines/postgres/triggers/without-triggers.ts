import type { LiveTable } from '../../../live.js';
import { sourceOf } from '../items/table-items.js';
import { quote } from '../sql.js';

/** Without the customer's triggers: they would take the way back for a change of theirs and change other columns. */
export function withoutTriggers(live: LiveTable, update: string): string {
  const triggers = sourceOf(live).triggers.filter((trigger) => trigger.onUpdate && trigger.enabled !== 'D');
  if (triggers.length === 0) return update;
  const enable: Record<string, string> = { O: 'enable', R: 'enable replica', A: 'enable always' };
  const clauses = (how: (enabled: string) => string): string =>
    triggers.map((trigger) => `${how(trigger.enabled)} trigger ${quote(trigger.name)}`).join(', ');
  // Deferred constraints would otherwise be pending when the triggers come back, which ALTER TABLE refuses.
  return (
    `set constraints all immediate; alter table ${quote(live.name)} ${clauses(() => 'disable')}; ` +
    `${update}; alter table ${quote(live.name)} ${clauses((enabled) => enable[enabled]!)}`
  );
}
