import { firstRow } from '../../first-row.js';
import type { Extra, LiveTable } from '../../live.js';
import type { Querying } from './driver/querying.js';
import { readKey } from './keys/primary-and-unique.js';
import { ownerIn } from './mark.js';
import { blank, optionsOf, parts, tokens, wordAt } from './parser/ddl-text.js';
import { quote, unquote } from './sql.js';
import { KINDS } from './tables.js';
import { readTrigger, TRIGGERS } from './triggers/triggers.js';
import { readColumn } from './types.js';

export async function introspect(session: Querying, table: string): Promise<LiveTable | null> {
  const [found] = await session.query(
    'select table_name as name, table_comment as comment from information_schema.tables where ' +
      'table_schema = database() and table_type in (?, ?) and table_name = ?',
    [...KINDS, table],
  );
  if (found === undefined) return null;
  const row = firstRow(await session.query(`SHOW CREATE TABLE ${quote(table)}`));
  const triggers = await session.query(TRIGGERS, [table]);
  const owner = ownerIn(String(found['comment']));
  const live: LiveTable = {
    name: String(found['name']),
    columns: [],
    primaryKey: [],
    uniques: [],
    extras: [],
    owner,
    source: null,
  };
  const create = String(row['Create Table']);
  live.source = create;
  for (const part of parts(create)) readPart(live, part);
  live.extras.push({ kind: 'options', name: '', definition: optionsOf(create) });
  for (const trigger of triggers)
    live.extras.push(
      readTrigger(trigger, trigger['shown'] === null ? null : await triggerText(session, String(trigger['name']))),
    );
  if (owner === null && found['comment'] !== '')
    live.extras.push({ kind: 'comment', name: '', definition: String(found['comment']) });
  return live;
}

async function triggerText(session: Querying, name: string): Promise<string> {
  const row = firstRow(await session.query(`SHOW CREATE TRIGGER ${quote(name)}`));
  return String(row['SQL Original Statement']);
}

function readPart(live: LiveTable, part: string): void {
  const words = tokens(part);
  if (part.startsWith('`')) {
    const name = wordAt(words, 0);
    live.columns.push(readColumn(unquote(name), part.slice(name.length).trim()));
  } else if (/^(PRIMARY|UNIQUE) KEY /.test(part)) readKey(live, part);
  else {
    const name = words.find((w) => w.startsWith('`')) ?? '``';
    // InnoDB names a foreign key after its table and renames it with it: the name says nothing.
    const auto = /^CONSTRAINT `.*_ibfk_\d+` FOREIGN KEY/.test(part);
    const kind = / FOREIGN KEY /.test(blank(part))
      ? 'foreign key'
      : part.startsWith('CONSTRAINT')
        ? 'check'
        : part.replace(/ [`(].*/s, '');
    live.extras.push({
      kind,
      name: auto ? '' : unquote(name),
      definition: auto ? part.replace(/^CONSTRAINT `[^`]+` /, '') : part,
    } satisfies Extra);
  }
}
