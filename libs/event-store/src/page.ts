import { sql, sqlList, sqlName, type Queryable, type Row, type Sql } from './core-database.js';
import { breathe } from './core/handle.js';

/** Of what a page is made of, bytes: what is parsed and printed at once must not hold everybody else up. */
const PAGE_BYTES = 1024 * 1024;
/** What is read at once of it. */
const PIECE_BYTES = 128 * 1024;

export interface PageOf {
  /** Table and condition: `from … where …`. */
  from: Sql;
  /** A whole number, unique there, in whose order the page is; or a text of which that holds. */
  key: string;
  order: 'asc' | 'desc';
  /** The column that may be long. */
  heavy: string;
  columns: Sql;
  limit: number;
}

/** At most `limit` rows and about a megabyte, but one at least; `more`: there are others behind them. */
export async function readPage(db: Queryable, page: PageOf): Promise<{ rows: Row[]; more: boolean }> {
  const [key, heavy] = [sqlName(page.key), sqlName(page.heavy)];
  const order = page.order === 'asc' ? sql`asc` : sql`desc`;
  const sizes = await db.query(
    sql`select ${key} as page_key, coalesce(octet_length(${heavy}), 0) as page_bytes
      ${page.from}
      order by ${key} ${order}
      limit ${page.limit + 1}`,
  );
  const pieces: (string | number)[][] = [];
  let keysOfPiece: (string | number)[] = [];
  let [all, piece, count] = [0, Infinity, 0];
  for (const row of sizes.slice(0, page.limit)) {
    const bytes = Number(row['page_bytes']);
    if (count > 0 && all + bytes > PAGE_BYTES) break;
    if (piece + bytes > PIECE_BYTES) {
      keysOfPiece = [];
      pieces.push(keysOfPiece);
      piece = 0;
    }
    const found = row['page_key'];
    keysOfPiece.push(typeof found === 'number' ? found : String(found));
    all += bytes;
    piece += bytes;
    count++;
  }
  const rows: Row[] = [];
  for (const [i, keys] of pieces.entries()) {
    // SQLite answers at once: without it the pieces would be one.
    if (i > 0) await breathe();
    rows.push(
      ...(await db.query(
        sql`select ${page.columns} ${page.from} and ${key} in (${sqlList(keys)}) order by ${key} ${order}`,
      )),
    );
  }
  return { rows, more: sizes.length > count };
}
