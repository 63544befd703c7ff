/** `name`, quoted; backticks doubled. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/**
 * A string literal where backslashes escape, as every session of ours has it: SHOW CREATE TABLE prints its literals so whatever
 * the mode, and what it printed must mean the same when it is restored verbatim.
 */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Tokens of a column's definition: 'strings', `names`, (groups) and words; a group sticks to the word before it, as in varchar(20). */
export function tokens(definition: string): string[] {
  const found: string[] = [];
  let i = 0;
  while (i < definition.length) {
    if (/\s/.test(definition[i]!)) { i++; continue; }
    const end = endOf(definition, i);
    const sticks = definition[i] === '(' && i > 0 && /\S/.test(definition[i - 1]!) && found.length > 0;
    const token = definition.slice(i, end);
    if (token.startsWith("'") && /^_[a-z0-9]+$/i.test(found.at(-1) ?? '')) found[found.length - 1] += ` ${token}`; // an introducer
    else if (sticks) found[found.length - 1] += token;
    else found.push(token);
    i = end;
  }
  return found;
}

function endOf(text: string, start: number): number {
  const first = text[start]!;
  if (first === "'" || first === '`' || first === '"') return endOfQuoted(text, start);
  if (first === '(') {
    let depth = 0;
    for (let i = start; i < text.length; i++) {
      const c = text[i]!;
      if (c === "'" || c === '`') i = endOfQuoted(text, i) - 1;
      else if (c === '(') depth++;
      else if (c === ')' && --depth === 0) return i + 1;
    }
    return text.length;
  }
  let i = start;
  while (i < text.length && !/[\s(,'`]/.test(text[i]!)) i++;
  // b'1', x'ff', _utf8mb4'text': apart they would be two words, and mean something else.
  if (text[i] === "'" && i > start) return endOfQuoted(text, i);
  return i === start ? start + 1 : i;
}

function endOfQuoted(text: string, start: number): number {
  const mark = text[start]!;
  for (let i = start + 1; i < text.length; i++) {
    if (mark === "'" && text[i] === '\\') { i++; continue; }
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
    const c = create[i]!;
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

/** What stands behind the columns: engine, character set, partitions; without what changes by itself or is told elsewhere. */
export function optionsOf(create: string): string {
  return blank(create.slice(endOf(create, create.indexOf('(')))).replace(/ (AUTO_INCREMENT=\d+|COMMENT='\s*')/g, '').trim();
}

/** SQL with its string literals and comments emptied: what is left are words and names that mean something. */
export function blank(sql: string): string {
  return sql.replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|\/\*(?!!|M!)[\s\S]*?\*\/|(?:--\s|#)[^\n]*|`(?:[^`]|``)*`/g, (found) => (found.startsWith('`') ? found : found.startsWith("'") ? "''" : ' '));
}

/** A column's new name wherever an expression or a key names it. */
export function renameIn(definition: string, from: string, to: string): string {
  return definition.replace(/'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`/g, (found) => (found.startsWith('`') && unquote(found).toLowerCase() === from.toLowerCase() ? quote(to) : found));
}

export function unquote(token: string): string {
  const mark = token[0]!;
  const inside = token.slice(1, -1).replaceAll(mark + mark, mark);
  if (mark !== "'") return inside;
  return inside.replace(/\\(.)/gs, (_all, c: string) => ({ n: '\n', r: '\r', t: '\t', 0: '\0', Z: '\x1a' })[c] ?? c);
}
