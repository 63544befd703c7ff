/** A word of a function's text: a name as PostgreSQL takes it, a text in quotes, or a sign. */
export interface Token {
  kind: 'name' | 'text' | 'sign';
  value: string;
}

const PATTERN = new RegExp(
  [
    String.raw`(?<skip>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`"(?<quoted>(?:[^"]|"")*)"`,
    String.raw`(?:[eE]|[bBxX]|[uU]&)?'(?<text>(?:[^'\\]|''|\\[\s\S])*)'`,
    String.raw`\$(?<tag>\w*)\$(?<dollar>[\s\S]*?)\$\k<tag>\$`,
    String.raw`(?<name>[\p{L}_][\p{L}\p{N}_$]*)`,
    String.raw`(?<sign>[\s\S])`,
  ].join('|'),
  'gu',
);

/** The words of a function's text; texts within it, which it may run, are taken apart as well, behind themselves. */
export function tokensOf(body: string, depth = 0): Token[] {
  const tokens: Token[] = [];
  for (const { groups = {} } of body.matchAll(PATTERN)) {
    const { skip, quoted, text, dollar, name, sign } = groups;
    if (skip !== undefined) continue;
    if (quoted !== undefined) tokens.push({ kind: 'name', value: quoted.replaceAll('""', '"') });
    else if (name !== undefined) tokens.push({ kind: 'name', value: name.toLowerCase() });
    else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign });
    else {
      const value = (text ?? dollar ?? '').replaceAll("''", "'");
      tokens.push({ kind: 'text', value });
      if (depth < 3) tokens.push(...tokensOf(value, depth + 1), { kind: 'sign', value: ';' });
    }
  }
  return tokens;
}

const BEFORE_A_TABLE = new Set([
  'from',
  'join',
  'into',
  'update',
  'table',
  'only',
  'truncate',
  'using',
  'references',
  'lock',
  ',',
]);

/** Whether it reads or writes the table by its name. */
export function namesTable(tokens: readonly Token[], table: string): boolean {
  return tokens.some((token, i) => {
    if (token.kind !== 'name' || token.value !== table) return false;
    // With its schema before it.
    const before = tokens[tokens[i - 1]?.value === '.' ? i - 3 : i - 1];
    return (
      tokens[i + 1]?.value === '%' ||
      (before !== undefined && before.kind !== 'text' && BEFORE_A_TABLE.has(before.value))
    );
  });
}

export function namesColumn(tokens: readonly Token[], column: string): boolean {
  return tokens.some((token) => token.kind !== 'sign' && token.value === column);
}

/**
 * Whether a trigger's function names a column of the row that it is called for: NEW.a, (old) . "a", or 'a' as a text.
 */
export function namesRow(tokens: readonly Token[], column: string): boolean {
  const isRow = (token: Token | undefined): boolean =>
    token?.kind === 'name' && (token.value === 'new' || token.value === 'old');
  return tokens.some((token, i) => {
    if (token.kind === 'text') return token.value === column;
    if (token.kind !== 'name' || token.value !== column || tokens[i - 1]?.value !== '.') return false;
    return (
      isRow(tokens[i - 2]) || (tokens[i - 2]?.value === ')' && isRow(tokens[i - 3]) && tokens[i - 4]?.value === '(')
    );
  });
}
