import { sql, sqlList, type CoreDatabase, type Tx } from '../../event-store/src/index.js';

/** Thrown inside an append whose lease another process has taken meanwhile: nothing of it is recorded. */
export class LeaseLost extends Error {
  readonly code = 'lease_lost';
  constructor(subject: string) { super(`the lease on ${subject} is another's now`); }
}

/** One holder per subject at a time; `token` rises with every new holder and fences the former one out. Times in milliseconds. */
export class Leases {
  private readonly held = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly core: CoreDatabase, private readonly owner: string, private readonly ttlMs: number, private readonly onError: (error: unknown) => void) {}

  /** The token, or null while another holds it. */
  async acquire(subject: string): Promise<number | null> {
    if (this.held.has(subject)) return null;
    this.held.set(subject, 0);
    try {
      const token = await this.core.transaction(async (tx) => {
        const now = Date.now();
        const lock = this.core.engine === 'sqlite' ? sql`` : sql` for update`;
        const [row] = await tx.query(sql`select token, expires_at from leases where subject = ${subject}${lock}`);
        if (row !== undefined && Number(row['expires_at']) > now) return null;
        // By the clock, so that a saga of a whole database and one of a table in it, with a lease each, fence one another out too.
        const next = Math.max(now, row === undefined ? 1 : Number(row['token']) + 1);
        if (row === undefined) await tx.execute(sql`insert into leases (subject, owner, token, expires_at) values (${subject}, ${this.owner}, ${next}, ${now + this.ttlMs})`);
        else await tx.execute(sql`update leases set owner = ${this.owner}, token = ${next}, expires_at = ${now + this.ttlMs} where subject = ${subject}`);
        return next;
      });
      if (token === null) this.held.delete(subject);
      else this.held.set(subject, token);
      this.beat();
      return token;
    } catch (error) {
      this.held.delete(subject);
      // Two first holders at once: the second insert meets the first one's row.
      if (error instanceof Error && 'code' in error && error.code === 'unique_violation') return null;
      throw error;
    }
  }

  /** In the transaction of an append: throws LeaseLost unless the token is still the newest. */
  async check(tx: Tx, subject: string, token: number): Promise<void> {
    const same = await tx.execute(sql`update leases set expires_at = ${Date.now() + this.ttlMs} where subject = ${subject} and token = ${token} and owner = ${this.owner}`);
    if (same !== 1) throw new LeaseLost(subject);
  }

  async release(subject: string): Promise<void> {
    const token = this.held.get(subject);
    this.held.delete(subject);
    if (token === undefined || token === 0) return;
    await this.core.execute(sql`update leases set expires_at = 0 where subject = ${subject} and token = ${token} and owner = ${this.owner}`);
  }

  private beat(): void {
    if (this.timer !== null) return;
    this.timer = setInterval(() => {
      if (this.held.size === 0) {
        clearInterval(this.timer!);
        this.timer = null;
        return;
      }
      const now = Date.now();
      // Those alone that somebody here works under: a lease whose release, or whose taking, was not answered must run out.
      this.core.execute(sql`update leases set expires_at = ${now + this.ttlMs} where owner = ${this.owner} and expires_at > 0 and subject in (${sqlList([...this.held.keys()])})`).catch(this.onError);
    }, this.ttlMs / 4);
    this.timer.unref();
  }
}
