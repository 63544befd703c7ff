import { sql, type CoreClock, type CoreDatabase, type Tx } from '#event-store';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';

const LIFETIME_MS = 24 * 3600 * 1000;

/** What was answered to requests that came with an `Idempotency-Key`: the same request again gets the same answer. */
export class IdempotencyKeys {
  constructor(
    private readonly core: CoreDatabase,
    private readonly clock: CoreClock,
  ) {}

  /** The body of the 202 that the first of these requests got; null: there was none. Errors: ApiError. */
  async find({ idempotency, dryRun, metadata: { actor } }: CommandContext): Promise<string | null> {
    if (idempotency === null || dryRun) return null;
    const [row] = await this.core.query(
      sql`select request_hash, answer, created_at from idempotency_keys where scope = ${actor}
        and idempotency_key = ${idempotency.key}`,
    );
    if (row === undefined) return null;
    const createdAt = Number(row['created_at']);
    if (createdAt < (await this.oldest())) {
      await this.core.execute(
        sql`delete from idempotency_keys where scope = ${actor}
          and idempotency_key = ${idempotency.key} and created_at = ${createdAt}`,
      );
      return null;
    }
    if (row['request_hash'] !== idempotency.hash)
      throw new ApiError('idempotency_key_reused', 'this key came with another request before');
    return String(row['answer']);
  }

  /**
   * What keeps a request's answer in the transaction that accepts it; undefined: it came without a key. Errors of that:
   * UniqueViolation (its twin was accepted first).
   */
  keeping(
    { idempotency, metadata: { actor } }: CommandContext,
    answer: string,
  ): ((tx: Tx) => Promise<void>) | undefined {
    if (idempotency === null) return undefined;
    return async (tx) => {
      await tx.execute(
        sql`insert into idempotency_keys (scope, idempotency_key, request_hash, status, answer, created_at)
          values (${actor}, ${idempotency.key}, ${idempotency.hash}, 202, ${answer}, ${this.clock.now()})`,
      );
    };
  }

  /** Forgets keys whose time is over; what comes with one of them afterwards is a new request. */
  async forgetOld(): Promise<void> {
    await this.core.execute(sql`delete from idempotency_keys where created_at < ${await this.oldest()}`);
  }

  private async oldest(): Promise<number> {
    return (await this.clock.earliest()) - LIFETIME_MS;
  }
}
