import type { CoreDatabase } from '#event-store';
import { setAsideBy, type Plan, type Session, type SetAside } from '#byodb';
import { loadSaga } from '#sagas';
import type { Change } from '../changes/index.js';
import type { DatabaseRef } from './event-parts.js';
import type { Table } from './table.js';

/**
 * One thing that is kept aside in one database. `name`: what its owner called it. `aside`: what it is called there;
 * `within`: the table in which a column may still stand.
 */
export interface Kept {
  database: DatabaseRef;
  table_id: string;
  what: SetAside['what'];
  name: string;
  saga_id: string;
  kept_since: string;
  reversible_until: string;
  aside: string;
  within: string | null;
}

/**
 * What history says is kept of a table, the latest first; what came back meanwhile may still be in it, and is told by a
 * look.
 */
export async function keptOf(core: CoreDatabase, table: Table): Promise<Kept[]> {
  const kept: Kept[] = [];
  /** What the table itself is called in a database where it is set aside. */
  const places = new Map<string, string>();
  const lives = table.ended === null || table.set_aside.some((a) => a.what === 'table') ? table.databases : [];
  // Where the table was removed, what was set aside of it before is there still.
  const everywhere = [...lives, ...table.set_aside.flatMap((a) => a.databases ?? [])].map((d) => d.id);
  for (const entry of table.set_aside) {
    const saga = await loadSaga<Change, Plan>(core, entry.saga_id);
    if (saga === null) continue;
    const here = entry.databases?.map((d) => d.id) ?? everywhere;
    for (const step of saga.steps) {
      if (step.plan === null || step.status !== 'succeeded' || !here.includes(step.target.id)) continue;
      const left = setAsideBy(step.plan);
      if (left === null) continue;
      if (left.what === 'table') places.set(step.target.id, left.aside);
      kept.push({
        database: step.target,
        table_id: table.table_id,
        ...left,
        saga_id: entry.saga_id,
        kept_since: saga.finished_at ?? step.finished_at ?? table.updated_at,
        reversible_until: entry.reversible_until,
        within: null,
      });
    }
  }
  return kept
    .map((one) => ({
      ...one,
      within: one.what === 'column' ? (places.get(one.database.id) ?? (table.exists ? table.name : null)) : null,
    }))
    .reverse();
}

/**
 * How many rows it has, up to a bound; null: more than that. Undefined: it is not there any more, since it came back.
 */
export async function rowsKept(
  session: Session,
  quote: (name: string) => string,
  { aside, within }: Kept,
  bound: number,
): Promise<number | null | undefined> {
  let place: string | null = aside;
  if ((await session.introspect(aside)) === null) {
    const table = within === null ? null : await session.introspect(within);
    place = table?.columns.some((column) => column.name === aside) === true ? within : null;
  }
  if (place === null) return undefined;
  const [row] = await session.query(
    `select count(*) as n from (select 1 as one from ${quote(place)} limit ${bound + 1}) as r`,
  );
  const n = Number(row?.['n'] ?? 0);
  return n > bound ? null : n;
}
