import type { Engine } from '../../engine.js';
import type { LiveTable } from '../../live.js';
import { lengthOf } from '../../schema/column-size.js';
import type { ColumnType } from '../../schema/column-types.js';
import type { Column } from '../../schema/column.js';
import { MysqlConnection } from './connection.js';
import { ddl } from './ddl.js';
import { indexes } from './indexes/read-indexes.js';
import { refusesIndex } from './indexes/refuses-index.js';
import { MOST_KEYS } from './keys/primary-and-unique.js';
import { ROW_BYTES } from './limits/row-size.js';

const KEY_CHARACTERS = 768;

const NOTES: Partial<Record<ColumnType, string>> = {
  boolean: 'MySQL keeps a boolean as tinyint(1).',
  uuid: 'MySQL keeps a uuid as char(36).',
  timestamp: 'MySQL keeps a timestamp as datetime(6) in UTC.',
  json: 'MariaDB keeps json as longtext with a check.',
};

/** MySQL 8.0.16+ and MariaDB 10.5.2+; seen to work on MariaDB 10.11. */
export const mysql: Engine = {
  name: 'mysql',
  facts: { transactionalDdl: false, tellsNamesApartByCase: false },
  ddl,
  keeps: (column) => column,
  note(column) {
    return NOTES[column.type] ?? null;
  },
  // A char(36) under another collation holds any text, and compares it without regard to case.
  isOwn: (column, live) =>
    column.type === 'uuid' && !/\bCOLLATE ascii_bin\b/i.test(collated(column.definition) ?? optionsIn(live)),
  refuses(columns) {
    if (columns.length > 1000) return 'a table has at most 1000 columns';
    const bytes = columns.reduce((sum, c) => sum + rowBytes(c), 0);
    if (bytes > ROW_BYTES)
      return `a row would have ${bytes} bytes, of ${ROW_BYTES} (string columns count 4 bytes a character)`;
    if (columns.filter((c) => c.unique).length + (columns.some((c) => c.primary_key) ? 1 : 0) > MOST_KEYS)
      return `a table has at most ${MOST_KEYS} keys`;
    const unfit = columns.find(
      (c) =>
        (c.unique || c.primary_key) &&
        (c.type === 'text' || c.type === 'json' || c.type === 'binary' || (c.length ?? 0) > KEY_CHARACTERS),
    );
    return unfit === undefined
      ? null
      : `${unfit.name} cannot be unique or a key: ${unfit.type} has no whole index beyond ${KEY_CHARACTERS} characters`;
  },
  indexes,
  refusesIndex,
  open(address) {
    if (address.engine !== 'mysql') throw new Error('not a mysql address');
    return new MysqlConnection(mysql, address);
  },
};

/** What a column's line says of its characters; null: nothing, the table's count. */
function collated(definition: string): string | null {
  return /\b(?:CHARACTER SET|COLLATE) .*/i.exec(definition)?.[0] ?? null;
}

function optionsIn(live: LiveTable): string {
  return (live.extras.find((extra) => extra.kind === 'options')?.definition ?? '').replace('COLLATE=', 'COLLATE ');
}

function rowBytes(column: Column): number {
  if (column.type === 'string') return lengthOf(column) * 4 + 2;
  if (column.type === 'uuid') return 36;
  return column.type === 'decimal' ? 20 : 12;
}
