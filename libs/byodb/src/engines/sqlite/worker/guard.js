// @ts-check
/**
 * What may be run on a customer's file: one statement of a kind that this project renders. What stands in a file is
 * printed
 * into statements (types, defaults, checks, triggers), so this is the last fence should any of it ever end one and
 * begin
 * another: no other file is attached, made or read, no setting of the connection changed, no module loaded.
 * Plain JavaScript: it runs in the worker thread (worker.js).
 */

const FIRST = new Set([
  'select',
  'with',
  'insert',
  'update',
  'delete',
  'create',
  'alter',
  'drop',
  'begin',
  'commit',
  'rollback',
  'savepoint',
  'release',
]);
const CREATED = new Set(['table', 'index', 'unique', 'trigger', 'view']);
/** The only settings that are changed, and what is only read. */
const PRAGMAS = new Set([
  'pragma legacy_alter_table = on',
  'pragma legacy_alter_table = off',
  'pragma legacy_alter_table',
  'pragma query_only',
  'pragma schema_version',
  'pragma journal_mode',
  'pragma integrity_check',
  'pragma foreign_key_check',
  'pragma collation_list',
]);

/** @param {string} sql @returns {string | null} why it is not run; null: it may be */
export function refusal(sql) {
  const [first = '', second = ''] = words(sql, 2);
  if (first === 'pragma')
    return PRAGMAS.has(sql.trim().toLowerCase()) ? null : "this PRAGMA is not run on a customer's file";
  if (!FIRST.has(first))
    return `${first === '' ? 'such a statement' : first.toUpperCase()} is not run on a customer's file`;
  return first !== 'create' || CREATED.has(second)
    ? null
    : `CREATE ${second.toUpperCase()} is not run on a customer's file`;
}

/**
 * The first words, in lower case; '' for what is none.
 * @param {string} sql @param {number} count @returns {string[]}
 */
function words(sql, count) {
  /** @type {string[]} */
  const found = [];
  const blank = /(?:[ \t\n\f\r\ufeff]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/y;
  const word = /[A-Za-z_]*/y;
  let at = 0;
  while (found.length < count) {
    blank.lastIndex = at;
    word.lastIndex = at + (blank.exec(sql)?.[0].length ?? 0);
    at = word.lastIndex;
    const text = word.exec(sql)?.[0] ?? '';
    found.push(text.toLowerCase());
    at += text.length;
  }
  return found;
}
