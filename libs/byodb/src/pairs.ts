/** Two lists of the same length, side by side. Errors: TypeError. */
export function pairs<A, B>(first: readonly A[], second: readonly B[]): [A, B][] {
  return first.map((one, i) => {
    const other = second[i];
    if (other === undefined) throw new TypeError(`of ${first.length} there are ${second.length} beside`);
    return [one, other];
  });
}
