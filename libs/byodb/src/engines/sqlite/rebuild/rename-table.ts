import type { RenderedTable } from '../../../ddl.js';
import type { LiveTable } from '../../../live.js';
import { parseSource, readSource, sourceOf, type Source } from '../introspect.js';
import { sameName } from '../parser/tokens.js';
import { quote } from '../sql.js';
import { renamedTable } from './edit-text.js';
import { rebuild } from './rebuild.js';

export function renameTable(live: LiveTable, to: string): RenderedTable {
  const source = sourceOf(live);
  const renamed = renamedTable(source, to);
  if (source.around?.broken !== undefined)
    return rebuild(live, { text: parseSource(renamed), indexes: renamed.indexes, triggers: renamed.triggers });
  const rename = (from: string, name: string): string => `alter table ${quote(from)} rename to ${quote(name)}`;
  // To SQLite a name that differs in case alone is taken: by the table itself.
  const statements = sameName(live.name, to)
    ? [rename(live.name, '_saga_new'), rename('_saga_new', to)]
    : [rename(live.name, to)];
  return { statements, live: readSource({ ...source, ...renamed }) };
}

/** The texts of a table as they are under the name that it has by now; to the letter where that is the same. */
export function asCalled(source: Source, name: string): Source {
  return parseSource(source).name === name ? source : { ...source, ...renamedTable(source, name) };
}
