import type { Engine } from '../engine.js';
import { DatabaseError } from '../errors.js';
import { hasObject } from '../live-indexes.js';
import { foldName, isAside, type LiveTable } from '../live.js';
import type { Plan } from '../operation.js';
import type { Column } from '../schema/column.js';
import type { Index } from '../schema/table-index.js';
import type { Dependent, Session } from '../session.js';

/** Errors: DatabaseError permission_denied. */
export async function requireRight(session: Session, right: 'create' | 'alter', table: string | null): Promise<void> {
  const lacking = await session.lacksRight(right, table);
  if (lacking !== null) throw new DatabaseError('permission_denied', lacking);
}

/** `rest`: how the sentence on what has the name ends. Errors: DatabaseError table_name_taken. */
export async function refuseOccupied(session: Session, name: string, rest = ' and is not ours'): Promise<void> {
  const occupant = await session.occupant(name);
  if (occupant !== null)
    throw new DatabaseError('table_name_taken', `a ${occupant} named ${name} is there already${rest}`);
}

/**
 * The first of the names that an index may have in this database which nobody has. `own`: what it is called now.
 * Errors: DatabaseError table_name_taken (others have all of them).
 */
export async function freeIndexName(
  session: Session,
  live: LiveTable,
  { name, called }: Pick<Index, 'name' | 'called'>,
  own: string | null = null,
): Promise<string> {
  for (const one of called) {
    if (own !== null && foldName(one) === foldName(own)) return one;
    if (!hasObject(live, one) && (await session.occupant(one)) === null) return one;
  }
  throw new DatabaseError(
    'table_name_taken',
    `index ${name} of ${live.name} is to be called ${called.join(' or ')}, and others have these names: ` +
      'rename what has them, or give the index another name',
  );
}

/** `on`: what the others hang on. Errors: DatabaseError dependents_exist. */
export function refuseDependents(dependents: readonly Dependent[], on: string): void {
  if (dependents.length > 0)
    throw new DatabaseError(
      'dependents_exist',
      `${dependents.map((d) => `${d.kind} ${d.name}`).join(', ')} depend on ${on}`,
      { details: { dependents } },
    );
}

/** Refuses what could not be put back: see `Session.cannotRemake`. Errors: DatabaseError unsupported_change. */
export async function refuseUnremakeable(
  session: Session,
  live: LiveTable | null,
  column: string | null,
): Promise<void> {
  const reason = live === null ? null : ((await session.cannotRemake?.(live, column)) ?? null);
  if (reason !== null) throw new DatabaseError('unsupported_change', reason);
}

/** Refuses a table of columns that the engine cannot make. Pure. Errors: DatabaseError unsupported_change. */
export function refuseUnsupported(engine: Engine, columns: Column[]): void {
  const reason = engine.refuses(columns);
  if (reason !== null) throw new DatabaseError('unsupported_change', `${engine.name}: ${reason}`);
}

/**
 * Refuses a table on which somebody made an object since the change was planned. What is set aside comes back as
 * planning
 * found it: the object would be lost, or would take another's name. Errors: DatabaseError drift_detected.
 */
export function refuseNewcomers({ table, was }: Plan, live: LiveTable | null): void {
  const known = new Set(objectsOf(was).map(({ kind, name }) => `${kind} ${name}`));
  const newcomer = objectsOf(live).find(({ kind, name }) => !known.has(`${kind} ${name}`));
  if (newcomer === undefined) return;
  const what = `${newcomer.kind} ${newcomer.name}`.trim();
  throw new DatabaseError(
    'drift_detected',
    `${what} was made on ${table} after the change was planned, and could not be brought back with it: ask again`,
  );
}

function objectsOf(live: LiveTable | null): { kind: string; name: string }[] {
  const uniques = (live?.uniques ?? []).map(({ name }) => ({ kind: 'unique', name }));
  return [...uniques, ...(live?.extras ?? [])].filter(({ name }) => !isAside(name));
}
