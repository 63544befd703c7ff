/** A list of texts, as a database gives it in JSON. Errors: TypeError. */
export function textsOf(list: unknown): string[] {
  if (!Array.isArray(list)) throw new TypeError('the database gave something else than a list');
  return list.map(String);
}
