import { quote, unquote } from '../sql.js';

/**
 * Tokens of a column's definition: 'strings', `names`, (groups) and words; a group sticks to the word before it, as in
 * varchar(20).
 */
export function tokens(definition: string): string[] {
  const found: string[] = [];
  let i = 0;
  while (i < definition.length) {
    if (isBlank(definition.charAt(i))) {
      i++;
      continue;
    }
    const end = endOf(definition, i);
    const sticks = definition[i] === '(' && i > 0 && !isBlank(definition.charAt(i - 1)) && found.length > 0;
    const token = definition.slice(i, end);
    if (token.startsWith("'") && /^_[a-z0-9]+$/i.test(found.at(-1) ?? ''))
      found[found.length - 1] += ` ${token}`; // an introducer
    else if (sticks) found[found.length - 1] += token;
    else found.push(token);
    i = end;
  }
  return found;
}

/** The word at this place. Errors: TypeError (the text ends before it). */
export function wordAt(words: readonly string[], place: number): string {
  const word = words[place];
  if (word === undefined) throw new TypeError(`a definition ends too early: ${words.join(' ')}`);
  return word;
}

/** The names, unquoted, that a list of columns is made of. */
export function namesIn(list: string): string[] {
  return (list.match(/`(?:[^`]|``)+`/g) ?? []).map(unquote);
}

function isBlank(character: string): boolean {
  return /\s/.test(character);
}

function endOf(text: string, start: number): number {
  const first = text.charAt(start);
  if (first === "'" || first === '`' || first === '"') return endOfQuoted(text, start);
  if (first === '(') {
    let depth = 0;
    for (let i = start; i < text.length; i++) {
      const c = text.charAt(i);
      if (c === "'" || c === '`') i = endOfQuoted(text, i) - 1;
      else if (c === '(') depth++;
      else if (c === ')' && --depth === 0) return i + 1;
    }
    return text.length;
  }
  let i = start;
  while (i < text.length && !/[\s(,'`]/.test(text.charAt(i))) i++;
  // b'1', x'ff', _utf8mb4'text': apart they would be two words, and mean something else.
  if (text[i] === "'" && i > start) return endOfQuoted(text, i);
  return i === start ? start + 1 : i;
}

function endOfQuoted(text: string, start: number): number {
  const mark = text.charAt(start);
  for (let i = start + 1; i < text.length; i++) {
    if (mark === "'" && text[i] === '\\') {
      i++;
      continue;
    }
    if (text[i] !== mark) continue;
    if (text[i + 1] === mark) i++;
    else return i + 1;
  }
  return text.length;
}

/** The parts between the outer parentheses of SHOW CREATE TABLE, split at top-level commas. */
export function parts(create: string): string[] {
  const body: string[] = [];
  let depth = 0;
  let from = create.indexOf('(') + 1;
  for (let i = from - 1; i < create.length; i++) {
    const c = create.charAt(i);
    if (c === "'" || c === '`') i = endOfQuoted(create, i) - 1;
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return [...body, create.slice(from, i).trim()];
    else if (c === ',' && depth === 1) {
      body.push(create.slice(from, i).trim());
      from = i + 1;
    }
  }
  return body;
}

/**
 * What stands behind the columns: engine, character set, partitions; without what changes by itself or is told
 * elsewhere.
 */
export function optionsOf(create: string): string {
  return blank(create.slice(endOf(create, create.indexOf('('))))
    .replace(/ (AUTO_INCREMENT=\d+|COMMENT='\s*')/g, '')
    .trim();
}

/** The columns by which the rows of a table with these options are parted. */
export function partitionKey(options: string): string[] {
  const words = tokens(options);
  const groups = words.flatMap((word, i) =>
    word.toUpperCase() === 'BY' && /^(SUB)?PARTITION$/i.test(words[i - 1] ?? '')
      ? (words.slice(i).find((next) => next.includes('(')) ?? [])
      : [],
  );
  return groups.flatMap(namesIn);
}

/**
 * SQL with its string literals and comments emptied: what is left are words and names that mean something. A quote or a
 * comment
 * that is not closed is left as it stands, and so are all of its kind behind it: each is looked for once, however long
 * the text.
 * `mode` is the sql_mode that it was written under: by ANSI_QUOTES a name stands in double quotes, by
 * NO_BACKSLASH_ESCAPES a
 * backslash ends no literal later.
 */
export function blank(sql: string, mode = ''): string {
  const names = mode.includes('ANSI_QUOTES') ? '`"' : '`';
  const escapes = !mode.includes('NO_BACKSLASH_ESCAPES');
  const unclosed = new Set<string>();
  let out = '';
  let from = 0;
  let versionEnd = -1;
  let i = 0;
  const close = (kind: string, end: number): number | null => {
    if (end !== -1) return end;
    unclosed.add(kind);
    return null;
  };
  while (i < sql.length) {
    const c = sql.charAt(i);
    let end: number | null = null;
    let instead = ' ';
    if ((c === "'" || c === '"' || c === '`') && !unclosed.has(c)) {
      const isName = names.includes(c);
      end = close(c, closing(sql, i, escapes && !isName));
      if (isName && end !== null) instead = sql.slice(i, end);
      else if (c === "'") instead = "''";
    } else if (c === '/' && sql[i + 1] === '*') {
      const isVersion = sql[i + 2] === '!' || sql.startsWith('M!', i + 2);
      if (!unclosed.has('/*') && (!isVersion || i >= versionEnd)) {
        const ended = close('/*', sql.indexOf('*/', i + 2));
        if (isVersion) versionEnd = ended ?? -1;
        else if (ended !== null) end = ended + 2;
      }
    } else if (c === '#' || (c === '-' && sql[i + 1] === '-' && /\s/.test(sql[i + 2] ?? ''))) {
      const line = sql.indexOf('\n', i);
      end = line === -1 ? sql.length : line;
    }
    // Some servers read what a version comment holds, some pass over it: it hides nothing of what stands behind it.
    if (end !== null && i < versionEnd && end > versionEnd) end = null;
    if (end === null) i++;
    else {
      out += sql.slice(from, i) + instead;
      i = from = end;
    }
  }
  return out + sql.slice(from);
}

/** Behind the quote that closes the one at `start`; -1: none does. */
function closing(text: string, start: number, escapes = text[start] !== '`'): number {
  const mark = text.charAt(start);
  for (let i = start + 1; i < text.length; i++) {
    if (escapes && text[i] === '\\') i++;
    else if (text[i] === mark && text[i + 1] === mark) i++;
    else if (text[i] === mark) return i + 1;
  }
  return -1;
}

/** A column's new name wherever an expression or a key names it. */
export function renameIn(definition: string, from: string, to: string): string {
  let out = '';
  for (let i = 0; i < definition.length;) {
    const quoted = definition[i] === "'" || definition[i] === '`';
    const closed = quoted ? closing(definition, i) : -1;
    // One that is not closed: nothing behind it is a name for sure.
    if (quoted && closed === -1) return out + definition.slice(i);
    const end = quoted ? closed : i + 1;
    const part = definition.slice(i, end);
    out += part.startsWith('`') && unquote(part).toLowerCase() === from.toLowerCase() ? quote(to) : part;
    i = end;
  }
  return out;
}
