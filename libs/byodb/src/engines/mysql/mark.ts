const BEGINNING = 'schemasaga ';

/** The table comment by which a creation knows its own table after a crash. `owner`: the table's id in history. */
export function markOf(owner: string): string {
  return BEGINNING + owner;
}

/** Null: the comment is no mark. */
export function ownerIn(comment: string): string | null {
  const owner = comment.slice(BEGINNING.length);
  return comment.startsWith(BEGINNING) && /^\S+$/.test(owner) ? owner : null;
}
