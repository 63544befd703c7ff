import { typeOf, type Change } from '../changes/index.js';
import { indexesOf, type Considered, type Outlook, type Table } from './table.js';

/** What a table will be when every pending change succeeds. */
export function outlook(table: Table): Outlook {
  const known = outlooks.get(table);
  if (known !== undefined) return known;
  const now: Outlook = {
    name: table.name,
    columns: table.columns,
    indexes: indexesOf(table),
    dropped: table.ended === 'dropped',
    databases: table.databases,
  };
  const ahead = table.pending.reduce<Outlook>((seen, { change }) => foresee(seen, change), now);
  outlooks.set(table, ahead);
  return ahead;
}

/** The same, where a table is another one with one more change pending: nothing else has moved. */
export function foreseeAlso(before: Table, next: Table, change: Change): void {
  const ahead = outlooks.get(before);
  if (ahead !== undefined) outlooks.set(next, foresee(ahead, change));
}

/**
 * Of tables that were asked about: with a thousand changes pending, foreseeing them all for each one that comes costs
 * with their square.
 */
const outlooks = new WeakMap<Table, Outlook>();

function foresee(ahead: Outlook, change: Change): Outlook {
  return typeOf(change).foresee(ahead, change);
}

/** A table with what its pending changes come to: what a new command is judged against. */
export function consider(table: Table): Considered {
  const { pending } = table;
  return {
    table,
    ahead: outlook(table),
    // Few commands ask for these, and a thousand changes may be pending.
    get pendingOps() {
      return pending.map(({ saga_id, change }) => ({ saga_id, ops: typeOf(change).columnOps(change) }));
    },
    get isComingBack() {
      return pending.some(({ change }) => typeOf(change).bringsBack);
    },
  };
}

/** The names that a table may get by its pending changes. */
export function namesAhead(table: Pick<Table, 'name' | 'pending'>): string[] {
  return table.pending.flatMap(({ change }) => typeOf(change).names(change, table));
}

/** The shown status. */
export function statusOf(table: Table): 'creating' | 'active' | 'changing' | 'dropping' | 'dropped' | 'failed' {
  if (table.ended !== null) return table.ended;
  if (!table.exists) return 'creating';
  if (table.pending.some(({ change }) => change.kind === 'table.drop')) return 'dropping';
  return table.pending.length > 0 ? 'changing' : 'active';
}

/**
 * When something of the table is to be destroyed (ISO 8601), and whose; null: nothing is, or a restore or a purge is
 * under way. A dropped table goes with all that was set aside of it, and not before its own time.
 */
export function purgeOf(table: Table): { due_at: string; of: string[] } | null {
  const isHeldUp = table.pending.some(
    ({ change }) => typeOf(change).bringsBack || typeOf(change).destroys(change).length > 0,
  );
  if (isHeldUp) return null;
  const whole = table.set_aside.find((a) => a.what === 'table');
  const first = whole ?? [...table.set_aside].sort((a, b) => (a.reversible_until < b.reversible_until ? -1 : 1))[0];
  if (first === undefined) return null;
  // Of one that lives nowhere any more only what is kept of it in databases by themselves can go.
  const isElsewhere = table.set_aside.some((a) => a.databases !== undefined);
  if (table.ended !== null && whole === undefined && !isElsewhere) return null;
  const { no_purge_before: soonest } = table;
  const due = soonest !== null && soonest > first.reversible_until ? soonest : first.reversible_until;
  const going = table.set_aside.filter((a) => whole !== undefined || a.reversible_until <= due);
  return { due_at: due, of: going.map((a) => a.saga_id) };
}
