import type { CoreDatabase, Queryable, Row, Sql, Tx } from '../src/core-database.js';
import type { UncommittedReads } from '../src/core/mysql.js';

/**
 * A core database that awaits `before` ahead of every statement and every commit ('commit'): to order things badly on
 * purpose.
 */
export function hookedCore(core: CoreDatabase, before: (text: string) => Promise<void>): CoreDatabase {
  const hooked = <T extends Queryable>(target: T): Queryable => ({
    query: async (statement) => {
      await before(statement.texts.join('?').trim());
      return target.query(statement);
    },
    execute: async (statement) => {
      await before(statement.texts.join('?').trim());
      return target.execute(statement);
    },
  });
  return {
    engine: core.engine,
    clock: core.clock,
    ...hooked(core),
    ...('queryUncommitted' in core
      ? {
          queryUncommitted: async (statement: Sql): Promise<Row[]> => {
            await before(statement.texts.join('?').trim());
            return (core as CoreDatabase & UncommittedReads).queryUncommitted(statement);
          },
        }
      : {}),
    transaction: (work) =>
      core.transaction(async (tx) => {
        const inner: Tx = { ...hooked(tx), upsert: (...of) => tx.upsert(...of) };
        const result = await work(inner);
        await before('commit');
        return result;
      }),
    countUp: (...of) => core.countUp(...of),
    inSequence: (work) => core.inSequence((on) => work({ ...hooked(on), countUp: (...of) => on.countUp(...of) })),
    now: () => core.now(),
    ping: () => core.ping(),
    close: () => core.close(),
  };
}

/** Somebody arrives and waits; the test sees that they have arrived, and lets them go. */
export interface Gate {
  readonly arrived: Promise<void>;
  pass(): Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let arrive = (): void => undefined;
  let open = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    arrived,
    async pass() {
      arrive();
      await opened;
    },
    open,
  };
}

/** Polls until it holds; throws after `ms`. */
export async function eventually(holds: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`still not so after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const metadata = { correlation_id: 'request-1', causation_id: null, actor: 'tester' };

export function happened(n: number | string = 1): { type: string; schema_version: number; data: object } {
  return { type: 'happened', schema_version: 1, data: { n } };
}
