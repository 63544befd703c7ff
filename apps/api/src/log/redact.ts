export const LEFT_OUT = '[left out]';

const secretKey = /pass|secret|token|credential|authorization|api_?key|private/i;
const plainFields = new Set(['name', 'engine', 'schema']);
const connectionFields = new Set(['host', 'port', 'user', 'database', 'tls']);
const knownAddress = /^(postgres|postgresql|mysql|mariadb|sqlite):/;

/** What was asked, for the record: never with what opens a database, however wrongly it was put in. */
export function withoutSecrets(route: string, body: unknown): unknown {
  return route.startsWith('/databases') ? registration(body) : masked(body);
}

/** Of a database's address only what is known to be no secret: a password under a misspelt name must not pass. */
function registration(body: unknown): unknown {
  return fields(body, (key, value) => {
    if (key === 'url') return typeof value === 'string' && knownAddress.test(value) ? withoutUser(value) : LEFT_OUT;
    if (key === 'connection')
      return fields(value, (field, part) => (connectionFields.has(field) ? plain(part) : LEFT_OUT));
    // adopt, drift: names and ids of tables.
    return plainFields.has(key)
      ? plain(value)
      : key === 'tables' || key === 'table_id' || key === 'as'
        ? masked(value)
        : LEFT_OUT;
  });
}

function masked(value: unknown): unknown {
  if (typeof value === 'string') return withoutUser(value);
  if (Array.isArray(value)) return value.map(masked);
  return typeof value === 'object' && value !== null
    ? fields(value, (key, part) => (secretKey.test(key) ? LEFT_OUT : masked(part)))
    : value;
}

function fields(value: unknown, each: (key: string, value: unknown) => unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) return LEFT_OUT;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, each(key, part)]));
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return withoutUser(value);
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? value : LEFT_OUT;
}

/**
 * Between the first colon and the last @ behind it, and all behind the first question mark of an address: a password
 * may hold either.
 */
function withoutUser(text: string): string {
  return withoutQuery(withoutLogin(text));
}

/** By indexOf, not by a pattern: one that looks for the @ anew at each colon takes the square of the text's length. */
function withoutLogin(text: string): string {
  const [colon, at] = [text.indexOf(':'), text.lastIndexOf('@')];
  if (colon === -1 || at <= colon) return text;
  let start = colon + 1;
  while (text[start] === '/') start++;
  return `${text.slice(0, start)}${LEFT_OUT}${text.slice(at)}`;
}

function withoutQuery(text: string): string {
  const begin = text.indexOf('://');
  const query = begin === -1 ? -1 : text.indexOf('?', begin);
  return query === -1 ? text : `${text.slice(0, query)}?${LEFT_OUT}`;
}
