import { CoreUnavailable } from '../errors.js';
import { breathe } from './handle.js';

/** What a connection does for a group of transactions. Errors come translated. */
export interface GroupVerbs {
  /** Begins what all of them are committed with. */
  begin(): Promise<void>;
  /** Rolls back by itself when it fails. */
  commit(): Promise<void>;
  rollback(): void;
  /** False: the engine has rolled everything back by itself, as it does when the disk is full. */
  isOpen(): boolean;
}

interface Member {
  /** Does the transaction's work; never rejects. */
  run(): Promise<void>;
  hasFailed(): boolean;
  /** Its outcome becomes known: that of its work, or `error`, which undid it. */
  settle(error?: unknown): void;
}

/** How long a group takes more members in, milliseconds: the first of them waits for the last. */
const GROUP_MS = 5;

/**
 * Transactions of one connection, one after another in the order in which they came. Those that wait at the same time
 * share one commit, and with it one wait for the disk. Each has a savepoint of its own: one that fails undoes nothing
 * of the others. No outcome is known before the commit.
 */
export class GroupCommit {
  private waiting: Member[] = [];
  private working: Promise<void> | null = null;

  constructor(private readonly verbs: GroupVerbs) {}

  /** Calls `work` inside the group's transaction. Errors: what `work` throws; what begin or commit throw. */
  join<T>(work: () => Promise<T>): { outcome: Promise<T>; leave(error: Error): void } {
    let [resolve, reject] = [(_value: T): void => undefined, (_error: unknown): void => undefined];
    const outcome = new Promise<T>((resolved, rejected) => {
      [resolve, reject] = [resolved, rejected];
    });
    let done: { value: T } | { error: unknown } | undefined;
    const member: Member = {
      async run() {
        done = await work().then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        );
      },
      hasFailed: () => done !== undefined && 'error' in done,
      settle(error) {
        if (done !== undefined && 'error' in done) reject(done.error);
        else if (done === undefined || error !== undefined) reject(error);
        else resolve(done.value);
      },
    };
    this.waiting.push(member);
    this.working ??= this.work();
    return {
      outcome,
      leave: (error) => {
        const place = this.waiting.indexOf(member);
        if (place === -1) return;
        this.waiting.splice(place, 1);
        reject(error);
      },
    };
  }

  /** Resolves when nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    while (this.working !== null) await this.working;
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      // Whoever is ready in this turn of the event loop comes along.
      await breathe();
      await this.group();
    }
    // In the same breath as the look: who joined in between would wait for ever.
    this.working = null;
  }

  private async group(): Promise<void> {
    try {
      await this.verbs.begin();
    } catch (error) {
      this.waiting.shift()?.settle(error);
      return;
    }
    const members = await this.runMembers();
    const lost = await this.conclude(members);
    for (const member of members) member.settle(lost);
  }

  private async runMembers(): Promise<Member[]> {
    const members: Member[] = [];
    const until = performance.now() + GROUP_MS;
    do {
      const member = this.waiting.shift();
      if (member === undefined) break;
      members.push(member);
      await member.run();
    } while (this.verbs.isOpen() && performance.now() < until);
    return members;
  }

  /** What undid the work of all of them; undefined: it is committed. */
  private async conclude(members: readonly Member[]): Promise<unknown> {
    if (!this.verbs.isOpen()) return new CoreUnavailable('the core database rolled back what was to be committed');
    try {
      if (members.every((member) => member.hasFailed())) this.verbs.rollback();
      else await this.verbs.commit();
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
