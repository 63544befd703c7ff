import { builtElsewhere, foldName, type Column, type Engine, type Problem } from '#byodb';
import type { Considered } from './table.js';

/** A command that is refused at once; nothing is recorded. `code` is what the API answers with. */
export class Refused extends Error {
  constructor(
    readonly code:
      | 'validation_failed'
      | 'column_not_found'
      | 'table_dropped'
      | 'table_failed'
      | 'retention_expired'
      | 'version_not_found'
      | 'unsupported_change'
      | 'version_conflict'
      | 'table_name_taken'
      | 'table_not_found'
      | 'database_not_found'
      | 'not_found',
    message: string,
    readonly problems: Problem[] = [],
  ) {
    super(message);
  }
}

export function refuseEnded({ table, ahead }: Considered): void {
  refuseFailed(table);
  if (ahead.dropped) throw new Refused('table_dropped', `the table is dropped, or a drop is on its way`);
}

export function refuseFailed({ ended }: Pick<Considered['table'], 'ended'>): void {
  if (ended === 'failed') throw new Refused('table_failed', `the table's creation failed`);
}

export function refuseUnsupported(columns: Column[], engines: Engine[]): void {
  for (const engine of engines) {
    const reason = engine.refuses(columns.filter((c) => c.type !== 'native'));
    if (reason !== null) throw new Refused('unsupported_change', `${engine.name}: ${reason}`);
  }
}

/** What only one engine knows is built by none of the others. */
export function refuseBuiltElsewhere(columns: Column[], engines: Pick<Engine, 'name'>[]): void {
  for (const { name } of engines) {
    const reason = builtElsewhere(columns, name);
    if (reason !== null) throw new Refused('unsupported_change', reason);
  }
}

/** What only its own engine knows is no type that a column could get. */
export function refuseOwnTypes(columns: Column[]): void {
  for (const { name, native } of columns) {
    if (native === undefined) continue;
    throw new Refused(
      'unsupported_change',
      `${name} has a type or default of the engine's own (${native.type ?? native.default}), ` +
        'which cannot be built anew',
    );
  }
}

/** What makes no sense of a list of columns as a whole. */
export function columnProblems(columns: { name: string; generated?: boolean; primary_key?: boolean }[]): Problem[] {
  const problems = repeatedNames(columns, (i) => `columns.${i}`);
  if (columns.some((c) => c.generated === true) && columns.filter((c) => c.primary_key === true).length > 1)
    problems.push({ path: 'columns', message: 'a generated column must be the sole primary key' });
  return problems;
}

/** A problem for each name that stands before as well, in any case of letters. */
export function repeatedNames(columns: { name: string }[], path: (i: number) => string): Problem[] {
  const seen = new Set<string>();
  return columns.flatMap(({ name }, i) => {
    const key = foldName(name);
    if (seen.has(key)) return [{ path: `${path(i)}.name`, message: `${name} is there twice` }];
    seen.add(key);
    return [];
  });
}
