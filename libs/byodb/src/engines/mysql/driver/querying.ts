export type Row = Record<string, unknown>;

/** One connection, as far as it asks. */
export interface Querying {
  query(sql: string, values?: unknown[]): Promise<Row[]>;
}
