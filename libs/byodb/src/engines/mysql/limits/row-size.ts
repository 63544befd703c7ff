import { DatabaseError } from '../../../errors.js';
import { isAside, type LiveColumn, type LiveTable } from '../../../live.js';
import { tokens, wordAt } from '../parser/ddl-text.js';

/** Bytes of a row, not counting what texts and blobs hold. */
export const ROW_BYTES = 65_535;
/** Beyond one byte a character; where one is missing here less is counted, and the server refuses. */
const CHARACTER_BYTES: Record<string, number> = {
  utf8mb4: 4,
  utf8mb3: 3,
  utf8: 3,
  utf16: 4,
  utf16le: 4,
  utf32: 4,
  ucs2: 2,
  gbk: 2,
  sjis: 2,
  cp932: 2,
  big5: 2,
  euckr: 2,
  gb2312: 2,
  gb18030: 4,
  ujis: 3,
  eucjpms: 3,
};

/**
 * What was dropped stands in the table until it is purged, and takes its room. Errors: DatabaseError
 * unsupported_change.
 */
export function refuseLongRow(live: LiveTable, columns: readonly LiveColumn[]): void {
  const bytesOf = (some: readonly LiveColumn[]): number =>
    some.reduce((sum, column) => sum + columnBytes(live, column), 0);
  const [all, aside] = [bytesOf(columns), bytesOf(columns.filter((column) => isAside(column.name)))];
  if (all <= ROW_BYTES || aside === 0) return;
  throw new DatabaseError(
    'unsupported_change',
    `mysql: a row would have at least ${all} bytes, of ${ROW_BYTES}; ${aside} of them are of dropped ` +
      `columns, which are kept in ${live.name} until they are purged`,
  );
}

/** At least so many: of what is small anyhow one. */
function columnBytes(live: LiveTable, column: LiveColumn): number {
  const words = tokens(column.definition);
  const [, type, length] = /^(char|varchar|binary|varbinary)\((\d+)\)$/i.exec(words[0] ?? '') ?? [];
  if (type === undefined) return 1;
  const bytes = Number(length) * (/char/i.test(type) ? (CHARACTER_BYTES[charset(live, words)] ?? 1) : 1);
  return /^var/i.test(type) ? bytes + (bytes < 256 ? 1 : 2) : bytes;
}

function charset(live: LiveTable, words: readonly string[]): string {
  const at = words.findIndex((word, i) => word.toUpperCase() === 'SET' && words[i - 1]?.toUpperCase() === 'CHARACTER');
  if (at !== -1) return wordAt(words, at + 1).toLowerCase();
  const options = live.extras.find((extra) => extra.kind === 'options')?.definition ?? '';
  return /\bCHARSET=(\w+)/i.exec(options)?.[1]?.toLowerCase() ?? '';
}
