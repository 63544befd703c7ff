import type { Rendered } from '../../ddl.js';
import type { LiveTable } from '../../live.js';
import type { Column } from '../../schema/column.js';
import { metadataOnly, sameFamily, spell } from './conversion.js';
import { sourceOf, triggerName } from './introspect.js';
import { isWord, tokenize } from './parser/tokens.js';
import { literal, quote } from './sql.js';

export function keepValues(live: LiveTable, name: string, keep: string): Rendered {
  const keys = live.primaryKey.map((_, i) => quote(`key_${i + 1}`));
  return {
    statements: [
      // Without types, so that every value stays what it is.
      `CREATE TABLE ${quote(keep)}(${keys.join(', ')}, "value", primary key (${keys.join(', ')}))`,
      `insert into ${quote(keep)} select ${[...live.primaryKey, name].map(quote).join(', ')} from ${quote(live.name)}`,
    ],
    live,
  };
}

export function giveBackValues(live: LiveTable, name: string, keep: string, from: Column, to: Column): string[] {
  if (metadataOnly(from, to) || sameFamily(from, to)) return [];
  const where = live.primaryKey.map((key, i) => `k."key_${i + 1}" is t.${quote(key)}`).join(' and ');
  const column = `t.${quote(name)}`;
  const update =
    `update ${quote(live.name)} as t set ${quote(name)} = (select k."value" from ${quote(keep)} as k where ${where})` +
    ` where exists (select 1 from ${quote(keep)} as k where ${where}` +
    ` and _saga_there_and_back(k."value", ${literal(spell(from))}, ${literal(spell(to))}) is ${column} ` +
    `collate binary and k."value" is not ${column} collate binary)`;
  return withoutTriggers(live, update);
}

/** Given back values are no change of the customer's: an `updated_at` must not see it. */
function withoutTriggers(live: LiveTable, statement: string): string[] {
  const triggers = sourceOf(live).triggers.filter(firesOnUpdate);
  return [...triggers.map((sql) => `drop trigger ${quote(triggerName(sql))}`), statement, ...triggers];
}

function firesOnUpdate(sql: string): boolean {
  const tokens = tokenize(sql);
  return tokens
    .slice(
      0,
      tokens.findIndex((t) => isWord(t, 'on')),
    )
    .some((t) => isWord(t, 'update'));
}
