import { v7 as uuidv7 } from 'uuid';
import { onlyRow, sql, textOrNull } from './core-database.js';
import type { CoreDatabase, Row, Tx } from './core-database.js';
import { breathe } from './core/handle.js';
import { CoreUnavailable, UniqueViolation } from './errors.js';
import { nameEvent } from './event-row.js';
import type { EventStore, InlineProjection, StoredEvent } from './event-store.js';
import { withoutAppends } from './order/alone.js';
import { createShadows, dropShadows, onShadows, switchTo } from './shadow.js';
import { checkpointPosition } from './subscription.js';

/**
 * A projection and every table it writes. `beside`: tables it writes too that are no read model; a rebuild leaves them
 * as they are. `behind`: it is not kept in the appending transaction but from a checkpoint, see followers.ts. `shape`:
 * raised with every change of what a row holds, and of what folding the same events gives; see shapes.ts.
 */
export interface ReadModel {
  projection: InlineProjection;
  shape: number;
  tables: readonly string[];
  beside?: readonly string[];
  behind?: true;
}

/** The last rebuild of a read model. `position` of `target` is its progress. */
export interface Rebuild {
  name: string;
  status: 'running' | 'done' | 'failed';
  position: number;
  target: number;
  processed: number;
  error: string | null;
  started_at: string;
  updated_at: string;
}

export class UnknownReadModel extends Error {
  constructor(readonly readModel: string) {
    super(`no read model ${readModel} that could be rebuilt`);
  }
}

class Superseded extends Error {}
class Stopped extends Error {}

const batchSize = 500;
const mostBatchesBehind = 5;
/** A rebuild that was not heard of for so long belongs to a process that is gone. */
const abandonedMs = 30_000;

/**
 * Rebuilds read models from the first event, beside the living ones, and puts them in their place in one transaction.
 */
export class ReadModels {
  private readonly running = new Map<string, Promise<void>>();
  private stopped = false;

  constructor(
    private readonly core: CoreDatabase,
    private readonly store: EventStore,
    private readonly models: readonly ReadModel[],
    private readonly now: () => Date = () => new Date(),
  ) {}

  get inline(): string[] {
    return this.models.filter(({ behind }) => behind === undefined).map(({ projection }) => projection.name);
  }

  get behind(): string[] {
    return this.models.filter(({ behind }) => behind === true).map(({ projection }) => projection.name);
  }

  async rebuilds(): Promise<Rebuild[]> {
    const rows = await this.core.query(
      sql`select name, status, position, target, processed, error, started_at, updated_at from rebuilds order by name`,
    );
    return rows.map((row: Row) => ({
      name: String(row['name']),
      status: row['status'] as Rebuild['status'],
      position: Number(row['position']),
      target: Number(row['target']),
      processed: Number(row['processed']),
      error: textOrNull(row['error']),
      started_at: String(row['started_at']),
      updated_at: String(row['updated_at']),
    }));
  }

  /** Begins, unless one is under way in whatever process. Errors: UnknownReadModel, CoreUnavailable. */
  async start(name: string): Promise<void> {
    const model = this.models.find(({ projection }) => projection.name === name);
    if (model === undefined) throw new UnknownReadModel(name);
    const owner = uuidv7();
    if (this.stopped || !(await this.claim(name, owner))) return;
    const run = this.run(model, owner)
      .catch((error: unknown) => this.fail(name, owner, error))
      .finally(() => {
        if (this.running.get(name) === run) this.running.delete(name);
      });
    this.running.set(name, run);
  }

  /** Resolves when nothing of this process is being rebuilt any more: a rebuild under way is given up. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running.values());
  }

  private async claim(name: string, owner: string): Promise<boolean> {
    const [now, target] = [this.now(), await this.store.head()];
    const at = now.toISOString();
    try {
      await this.core.execute(
        sql`insert into rebuilds (name, owner, status, position, target, processed, started_at, updated_at)
          values (${name}, ${owner}, 'running', 0, ${target}, 0, ${at}, ${at})`,
      );
      return true;
    } catch (error) {
      if (!(error instanceof UniqueViolation)) throw error;
    }
    const abandoned = new Date(now.getTime() - abandonedMs).toISOString();
    const taken = await this.core.execute(
      sql`update rebuilds set owner = ${owner}, status = 'running', position = 0, target = ${target}, processed = 0,
          error = null, started_at = ${at}, updated_at = ${at}
        where name = ${name} and (status <> 'running' or updated_at < ${abandoned})`,
    );
    return taken === 1;
  }

  private async run({ projection, tables, beside = [], behind: follows }: ReadModel, owner: string): Promise<void> {
    const { core } = this;
    const { name } = projection;
    const all = [...tables, ...beside];
    await createShadows(core, all);
    const target = await this.store.head();
    let position = 0;
    let behind = 0;
    /** Up to there one by one, after a batch failed: so that the event is known that it cannot take. */
    let singly = 0;
    for (;;) {
      await breathe();
      if (this.stopped) throw new Stopped('given up: the process was stopped');
      const size = position < singly ? 1 : batchSize;
      const events = await this.store.readAll(position, size);
      const last = events.at(-1);
      if (last === undefined) break;
      try {
        await core.transaction(async (tx) => {
          await this.progress(tx, name, owner, last, events.length);
          await projection.apply(onShadows(tx, all), events);
        });
      } catch (error) {
        // After a commit that was not answered the batch may have been applied already.
        if (error instanceof Superseded || error instanceof CoreUnavailable) throw error;
        if (size === 1)
          throw new Error(`${nameEvent(last)}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          });
        singly = last.position;
        continue;
      }
      position = last.position;
      // The rest is done while appends wait. Appends faster than this would otherwise be run after for ever.
      if (events.length < size || (position > target && ++behind === mostBatchesBehind)) break;
    }
    const rest = async (tx: Tx, upTo: number): Promise<number> => {
      for (let at = position; ;) {
        const events = (await this.store.readWithin(tx, at, batchSize)).filter((event) => event.position <= upTo);
        const last = events.at(-1);
        if (last === undefined) return at;
        at = last.position;
        await this.progress(tx, name, owner, last, events.length);
        await projection.apply(onShadows(tx, all), events);
      }
    };
    const finish = async (tx: Tx): Promise<void> => {
      await switchTo(tx, tables);
      const done = await tx.execute(
        sql`update rebuilds set status = 'done', target = position, updated_at = ${this.now().toISOString()}
          where name = ${name} and owner = ${owner} and status = 'running'`,
      );
      if (done !== 1) throw new Superseded();
    };
    if (follows) {
      await checkpointPosition(core, name, 0);
      await core.transaction(async (tx) => {
        // Whoever keeps it waits at this row; what was handled is settled, so nothing can appear before it any more.
        await tx.execute(sql`update checkpoints set name = name where name = ${name}`);
        const living = onlyRow(await tx.query(sql`select position from checkpoints where name = ${name}`));
        // Where the living one stands, or further if that one is parked: a reader must never see it go back.
        const at = await rest(tx, Number(living['position']));
        await finish(tx);
        await tx.execute(
          sql`update checkpoints set position = ${at}, failures = 0, error = null, failed_at = null
            where name = ${name}`,
        );
      });
    } else {
      await withoutAppends(core, async (tx) => {
        await rest(tx, Number.MAX_SAFE_INTEGER);
        await finish(tx);
      });
    }
    await dropShadows(core, all);
  }

  private async progress(tx: Tx, name: string, owner: string, last: StoredEvent, events: number): Promise<void> {
    const own = await tx.execute(
      sql`update rebuilds set position = ${last.position}, processed = processed + ${events},
          updated_at = ${this.now().toISOString()}
        where name = ${name} and owner = ${owner} and status = 'running'`,
    );
    if (own !== 1) throw new Superseded();
  }

  /**
   * The living read model is as it was. When even this cannot be written, the rebuild is taken for abandoned after a
   * while.
   */
  private async fail(name: string, owner: string, error: unknown): Promise<void> {
    // Somebody else took it over: the tables it works on are theirs.
    if (error instanceof Superseded) return;
    const text = (error instanceof Error ? error.message : String(error)).replaceAll('\0', '').slice(0, 4000);
    await this.core
      .execute(
        sql`update rebuilds set status = 'failed', error = ${text}, updated_at = ${this.now().toISOString()}
          where name = ${name} and owner = ${owner}`,
      )
      .catch(() => undefined);
  }
}
