/** `name`, quoted; backticks doubled. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/**
 * A string literal where backslashes escape, as every session of ours has it: SHOW CREATE TABLE prints its literals so
 * whatever
 * the mode, and what it printed must mean the same when it is restored verbatim.
 */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

export function unquote(token: string): string {
  const mark = token.charAt(0);
  const inside = token.slice(1, -1).replaceAll(mark + mark, mark);
  if (mark !== "'") return inside;
  return inside.replace(/\\(.)/gs, (_all, c: string) => ({ n: '\n', r: '\r', t: '\t', 0: '\0', Z: '\x1a' })[c] ?? c);
}
