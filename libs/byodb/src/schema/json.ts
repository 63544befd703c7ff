export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * null: none. bigint and decimal literals are strings; json's are any JSON but null; see `defaultFunction` for
 * functions.
 */
export type Default = Json;

/** Errors: SyntaxError. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** JSON with sorted keys: equal content gives equal text. */
export function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
