import type { LiveTable } from './live.js';

type Read = (table: string) => Promise<LiveTable | null>;

/**
 * The tables that a session has read: none is read twice before the session itself writes something or has waited for a
 * lock. Between the two, somebody else's change would be met by chance alone; what is read after the session's own
 * statement tells it.
 */
export class SeenTables {
  private readonly seen = new Map<string, Promise<LiveTable | null>>();

  constructor(private readonly read: Read) {}

  of(table: string): Promise<LiveTable | null> {
    const known = this.seen.get(table);
    if (known !== undefined) return known;
    const reading = this.read(table);
    this.seen.set(table, reading);
    // What could not be read is asked for again.
    reading.catch(() => this.seen.delete(table));
    return reading;
  }

  forget(): void {
    this.seen.clear();
  }
}
