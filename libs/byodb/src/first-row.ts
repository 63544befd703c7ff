/** Of a query that always gives a row. Errors: TypeError. */
export function firstRow<R>(rows: readonly R[]): R {
  const [row] = rows;
  if (row === undefined) throw new TypeError('the database gave no row where there always is one');
  return row;
}
