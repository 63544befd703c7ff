import {
  onlyRow,
  sql,
  sqlList,
  UniqueViolation,
  type CoreDatabase,
  type Counting,
  type Queryable,
  type Sql,
  type Tx,
} from '#event-store';

/** Thrown inside an append whose lease another process has taken meanwhile: nothing of it is recorded. */
export class LeaseLost extends Error {
  readonly code = 'lease_lost';
  constructor(subject: string) {
    super(`the lease on ${subject} is another's now`);
  }
}

/** The row whose token was the last one given. No subject: those are UUIDs. */
const COUNTER = 'tokens';

/**
 * Whether the lease of a row of `leases` is held now, by the core database's clock. One that lies further in the future
 * than it can last was written before that clock was set back, or by a process that went by its own: nobody waits for
 * it.
 */
export function isHeld(core: CoreDatabase, ttlMs: number): Sql {
  return sql`(expires_at > ${core.clock} and expires_at <= ${core.clock} + ${ttlMs})`;
}

/**
 * One holder per subject at a time; `token` rises with every new holder and fences the former one out. Durations in
 * milliseconds. No process's own clock is asked.
 */
export class Leases {
  private readonly held = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly core: CoreDatabase,
    private readonly owner: string,
    private readonly ttlMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** The token, or null while another holds it. */
  async acquire(subject: string): Promise<number | null> {
    if (this.held.has(subject)) return null;
    this.held.set(subject, 0);
    try {
      const token = await this.take(subject);
      if (token === null) this.held.delete(subject);
      else this.held.set(subject, token);
      this.beat();
      return token;
    } catch (error) {
      this.held.delete(subject);
      // Two first holders at once: the second insert meets the first one's row.
      if (error instanceof UniqueViolation) return null;
      throw error;
    }
  }

  /** In the transaction of an append: throws LeaseLost unless the token is still the newest. */
  async check(tx: Tx, subject: string, token: number): Promise<void> {
    const same = await tx.execute(
      sql`update leases set expires_at = ${this.fromNow()}
        where subject = ${subject} and token = ${token} and owner = ${this.owner}`,
    );
    if (same !== 1) throw new LeaseLost(subject);
  }

  /**
   * In the transaction of the last append under the lease; throws as `check`. `forget` follows once it is committed.
   */
  async giveBack(tx: Tx, subject: string, token: number): Promise<void> {
    if ((await tx.execute(this.over(subject, token))) !== 1) throw new LeaseLost(subject);
  }

  forget(subject: string): void {
    this.held.delete(subject);
  }

  /**
   * Nothing where it was given back already: another run of this process may hold the subject by then, under a `token`
   * of its own.
   */
  async release(subject: string, token = this.held.get(subject)): Promise<void> {
    if (token === undefined || token === 0 || this.held.get(subject) !== token) return;
    this.forget(subject);
    await this.core.execute(this.over(subject, token));
  }

  private over(subject: string, token: number): Sql {
    return sql`update leases set expires_at = 0
      where subject = ${subject} and token = ${token} and owner = ${this.owner}`;
  }

  /** Tokens given from now on are higher than this one, which was met somewhere. */
  async exceed(token: number): Promise<void> {
    await exceedIn(this.core, token);
  }

  private take(subject: string): Promise<number | null> {
    return this.core.inSequence((core) => this.takeFrom(core, subject));
  }

  private async takeFrom(core: Counting, subject: string): Promise<number | null> {
    const token = await this.nextToken(core);
    const taken = await core.execute(
      sql`update leases set owner = ${this.owner}, token = ${token}, expires_at = ${this.fromNow()}
        where subject = ${subject} and token < ${token} and not ${isHeld(this.core, this.ttlMs)}`,
    );
    if (taken === 1) return token;
    const [row] = await core.query(sql`select token from leases where subject = ${subject}`);
    if (row === undefined) {
      await core.execute(
        sql`insert into leases (subject, owner, token, expires_at)
          values (${subject}, ${this.owner}, ${token}, ${this.fromNow()})`,
      );
      return token;
    }
    // Given by a process of a former version, by its clock: the next try is above it.
    if (Number(row['token']) > token) await exceedIn(core, Number(row['token']));
    return null;
  }

  /**
   * One counter for all subjects, so that a saga of a whole database and one of a table in it, with a lease each, fence
   * one another out too.
   */
  private async nextToken(core: Counting): Promise<number> {
    for (;;) {
      const next = await core.countUp('leases', 'token', sql`subject = ${COUNTER}`);
      if (next !== null) return next;
      await this.beginCounting(core);
    }
  }

  /**
   * Tokens used to be times: the first that is counted is above all that were given, and above those of an installation
   * given up for this one.
   */
  private async beginCounting(core: Counting): Promise<void> {
    const { last, now } = onlyRow(
      await core.query(sql`select coalesce(max(token), 0) as last, ${this.core.clock} as now from leases`),
    );
    const start = Math.max(Number(last), Number(now));
    try {
      await core.execute(
        sql`insert into leases (subject, owner, token, expires_at) values (${COUNTER}, ${''}, ${start}, ${0})`,
      );
    } catch (error) {
      // Another process began.
      if (!(error instanceof UniqueViolation)) throw error;
    }
  }

  private fromNow(): Sql {
    return sql`${this.core.clock} + ${this.ttlMs}`;
  }

  private beat(): void {
    if (this.timer !== null) return;
    const timer = setInterval(() => {
      if (this.held.size === 0) {
        clearInterval(timer);
        this.timer = null;
        return;
      }
      // Those alone that somebody here works under: a lease whose release, or whose taking, was not answered must run
      // out.
      this.core
        .execute(
          sql`update leases set expires_at = ${this.fromNow()}
            where owner = ${this.owner} and expires_at > 0 and subject in (${sqlList([...this.held.keys()])})`,
        )
        .catch(this.onError);
    }, this.ttlMs / 4);
    timer.unref();
    this.timer = timer;
  }
}

async function exceedIn(core: Queryable, token: number): Promise<void> {
  await core.execute(sql`update leases set token = ${token} where subject = ${COUNTER} and token < ${token}`);
}
