import { ApiError } from '../http/api-error.js';

/**
 * One at a time for each subject, first come first served. A hundred commands on one table at once would otherwise all
 * read the
 * same version and, but for one, try again: on a server's core database with a connection held by each.
 */
export class Turns {
  private readonly lines = new Map<string, { tail: Promise<unknown>; length: number }>();

  constructor(private readonly longest: number) {}

  /** Errors: ApiError rate_limited when too many wait; what `work` throws. */
  async take<T>(subject: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(subject) ?? { tail: Promise.resolve(), length: 0 };
    if (line.length >= this.longest)
      throw new ApiError('rate_limited', `${this.longest} commands on this table wait to be accepted already`);
    this.lines.set(subject, line);
    line.length++;
    const mine = line.tail.then(work);
    line.tail = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      if (--line.length === 0) this.lines.delete(subject);
    }
  }
}
