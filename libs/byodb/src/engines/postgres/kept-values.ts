import type { Rendered } from '../../ddl.js';
import { DatabaseError } from '../../errors.js';
import type { LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import { changesText, convert, lost } from './conversion.js';
import { columnOf } from './items/table-items.js';
import { quote, quoteAll } from './sql.js';
import { withoutTriggers } from './triggers/without-triggers.js';

export function keepValues(live: LiveTable, name: string, keep: string): Rendered {
  const column = columnOf(live, name);
  const key = keyOf(live);
  const parts = [...key.map((k, i) => `${quote(k)} as ${quote(`k${i + 1}`)}`), `${quote(column.name)} as "v"`];
  return {
    statements: [
      `create table ${quote(keep)} as select ${parts.join(', ')} from ${quote(live.name)}`,
      `alter table ${quote(keep)} add primary key (${quoteAll(key.map((_, i) => `k${i + 1}`))})`,
    ],
    live,
  };
}

function keyOf(live: LiveTable): string[] {
  if (live.primaryKey.length === 0)
    throw new DatabaseError(
      'unsupported_change',
      `table ${live.name} has no primary key: its former values could not be told apart`,
    );
  return live.primaryKey;
}

export function giveBackValues(live: LiveTable, name: string, keep: string, from: Column, to: Column): string[] {
  if (!changesText(from, to)) return [];
  const column = columnOf(live, name);
  const [value, kept] = [`t.${quote(column.name)}`, 'k."v"'];
  // A row may have been changed between the copy and the conversion: its kept value need not convert.
  const again =
    `case when ${lost(from, to, kept)} then null else ` + `${convert(to, from, `(${convert(from, to, kept)})`)} end`;
  const joins = keyOf(live).flatMap((k, i) => (k === column.name ? [] : [`t.${quote(k)} = k.${quote(`k${i + 1}`)}`]));
  // Byte by byte: under a collation that takes 'A' for 'a' the two spellings would be equal.
  const same = `${value} collate "C" = ${again} and ${value} collate "C" <> ${kept}`;
  const update =
    `update ${quote(live.name)} t set ${quote(column.name)} = ${kept} from ${quote(keep)} k where ` +
    `${[...joins, same].join(' and ')}`;
  return [withoutTriggers(live, update)];
}
