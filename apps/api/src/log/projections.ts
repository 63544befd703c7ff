import { lastBlock, readCheckpoints, sql, UnknownReadModel, type CoreDatabase, type EventStore, type ReadModels, type Rebuild } from '../../../../libs/event-store/src/index.js';
import { ApiError } from '../http/api-error.js';

interface Projection {
  name: string;
  /** Kept in the appending transaction, or run after it from a checkpoint. */
  kept: 'inline' | 'behind';
  position: number; head: number; lag: number; processed: number;
  /** `parked`: stands before an event that it cannot take, and tries again. */
  status: 'live' | 'rebuilding' | 'parked';
  error: string | null;
  rebuild: Omit<Rebuild, 'name'> | null;
}

/** What is kept from the log, and how far each has come. */
export class Projections {
  constructor(private readonly core: CoreDatabase, private readonly store: EventStore, private readonly models: ReadModels) {}

  async list(): Promise<Projection[]> {
    const head = await this.store.head();
    const [rebuilds, checkpoints, sealed] = await Promise.all([this.models.rebuilds(), readCheckpoints(this.core), lastBlock(this.core)]);
    const all = await this.count(0, head);
    const inline = this.models.names.map((name): Projection => {
      const { name: _name, ...rebuild } = rebuilds.find((one) => one.name === name) ?? { name };
      const last = 'status' in rebuild ? rebuild : null;
      return { name, kept: 'inline', position: head, head, lag: 0, processed: all, status: last?.status === 'running' ? 'rebuilding' : 'live', error: last?.error ?? null, rebuild: last };
    });
    const behind = [{ name: 'blocks', position: sealed?.to_position ?? 0, failures: 0, error: null }, ...checkpoints].map(async ({ name, position, failures, error }): Promise<Projection> => {
      const lag = await this.count(position, head);
      return { name, kept: 'behind', position, head: Math.max(head, position), lag, processed: all - lag, status: failures > 0 ? 'parked' : 'live', error, rebuild: null };
    });
    return [...inline, ...await Promise.all(behind)];
  }

  async rebuild(name: string): Promise<Projection> {
    try {
      await this.models.start(name);
    } catch (error) {
      if (error instanceof UnknownReadModel) throw new ApiError('not_found', error.message);
      throw error;
    }
    return (await this.list()).find((one) => one.name === name)!;
  }

  private async count(after: number, upTo: number): Promise<number> {
    const [row] = await this.core.query(sql`select count(*) as n from events where position > ${after} and position <= ${upTo}`);
    return Number(row!['n']);
  }
}
