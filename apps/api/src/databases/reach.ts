import { DatabaseError } from '#byodb';

/**
 * A failure that took so long was a wait for an answer. One that is told at once costs nobody anything. Milliseconds.
 */
const SLOW_MS = 1000;
/** Longer than every connection's own wait for a socket or for a file: what is not over then never will be. */
const ANSWER_MS = 12_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;

interface State {
  version: number;
  failures: number;
  closedUntil: number;
  asking: boolean;
  why: string;
  askedAt: string;
}

/**
 * Which databases answer. One that did not is not asked again by everybody who needs it: for a while all are told at
 * once that
 * it is away, and then one of them asks.
 */
export class Reach {
  private readonly states = new Map<string, State>();

  /**
   * `version`: of the address; a new one is a new chance. Errors: DatabaseError database_unreachable; what `ask`
   * throws.
   */
  async through<T>(id: string, version: number, ask: () => Promise<T>): Promise<T> {
    const state = this.stateOf(id, version);
    const began = performance.now();
    if (state.failures > 0 && (began < state.closedUntil || state.asking)) {
      throw new DatabaseError(
        'database_unreachable',
        `${state.why} (asked at ${state.askedAt}; it is asked again soon)`,
        { retryable: true, details: { asked_at: state.askedAt } },
      );
    }
    const askedAt = new Date().toISOString();
    state.asking = true;
    try {
      const answer = await within(ask(), ANSWER_MS);
      state.failures = 0;
      return answer;
    } catch (error) {
      const took = performance.now() - began;
      if (!(error instanceof DatabaseError) || error.code !== 'database_unreachable' || took < SLOW_MS)
        state.failures = 0;
      // Of several that waited at the same time the first one counts.
      else if (state.closedUntil <= began) {
        state.failures++;
        state.closedUntil =
          performance.now() + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(state.failures - 1, 10));
        state.why = error.message;
        state.askedAt = askedAt;
      }
      throw error;
    } finally {
      state.asking = false;
    }
  }

  forget(id: string): void {
    this.states.delete(id);
  }

  private stateOf(id: string, version: number): State {
    const known = this.states.get(id);
    if (known !== undefined && known.version >= version) return known;
    const state: State = { version, failures: 0, closedUntil: 0, asking: false, why: '', askedAt: '' };
    this.states.set(id, state);
    return state;
  }
}

/**
 * Errors: DatabaseError database_unreachable when it takes longer; the work may go on, and nobody hears how it ends.
 */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  work.catch(() => undefined);
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new DatabaseError('database_unreachable', `it did not answer within ${ms / 1000} s`, {
          retryable: true,
          outcome: 'unknown',
        }),
      );
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What came of it in that time; null: nothing yet. */
export async function soon<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<null>((resolve) => {
        timer = setTimeout(() => {
          resolve(null);
        }, ms);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
