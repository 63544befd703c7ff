import { Inject, Injectable } from '@nestjs/common';
import {
  lastBlock,
  readCheckpoints,
  ReadModels,
  sql,
  UnknownReadModel,
  type CoreDatabase,
  type EventStore,
  type Rebuild,
} from '#event-store';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';

interface Projection {
  name: string;
  /** Kept in the appending transaction, or run after it from a checkpoint. */
  kept: 'inline' | 'behind';
  position: number;
  head: number;
  lag: number;
  processed: number;
  /** `parked`: stands before an event that it cannot take, and tries again. */
  status: 'live' | 'rebuilding' | 'parked';
  error: string | null;
  rebuild: Omit<Rebuild, 'name'> | null;
}

/** What is kept from the log, and how far each has come. */
@Injectable()
export class Projections {
  /** How many events stand at or before a position where somebody stood last: only those since are counted again. */
  private readonly counted = new Map<string, { position: number; events: number }>();

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly models: ReadModels,
  ) {}

  async list(): Promise<Projection[]> {
    const head = await this.store.head();
    const [rebuilds, checkpoints, sealed] = await Promise.all([
      this.models.rebuilds(),
      readCheckpoints(this.core),
      lastBlock(this.core),
    ]);
    const all = await this.upTo('', head);
    const lastRebuild = (name: string): Projection['rebuild'] => {
      const { name: _name, ...rebuild } = rebuilds.find((one) => one.name === name) ?? { name };
      return 'status' in rebuild ? rebuild : null;
    };
    const inline = this.models.inline.map((name): Projection => {
      const rebuild = lastRebuild(name);
      return {
        name,
        kept: 'inline',
        position: head,
        head,
        lag: 0,
        processed: all,
        status: rebuild?.status === 'running' ? 'rebuilding' : 'live',
        error: rebuild?.error ?? null,
        rebuild,
      };
    });
    const begun = this.models.behind
      .filter((name) => !checkpoints.some((one) => one.name === name))
      .map((name) => ({ name, position: 0, failures: 0, error: null }));
    const behind: Projection[] = [];
    for (const { name, position, failures, error } of [
      { name: 'blocks', position: sealed?.to_position ?? 0, failures: 0, error: null },
      ...checkpoints,
      ...begun,
    ]) {
      const rebuild = lastRebuild(name);
      const processed = await this.upTo(name, position);
      behind.push({
        name,
        kept: 'behind',
        position,
        head: Math.max(head, position),
        lag: Math.max(0, all - processed),
        processed,
        status: rebuild?.status === 'running' ? 'rebuilding' : failures > 0 ? 'parked' : 'live',
        error: error ?? rebuild?.error ?? null,
        rebuild,
      });
    }
    return [...inline, ...behind];
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

  /**
   * How many events there are up to this position, which must be settled. Counting a long log from its beginning takes
   * seconds.
   */
  private async upTo(name: string, position: number): Promise<number> {
    const known = this.counted.get(name) ?? this.counted.get('') ?? { position: 0, events: 0 };
    const [from, to] = [Math.min(known.position, position), Math.max(known.position, position)];
    const [row] =
      from === to
        ? [{ n: 0 }]
        : await this.core.query(sql`select count(*) as n from events where position > ${from} and position <= ${to}`);
    const events = known.events + (known.position < position ? 1 : -1) * Number(row!['n']);
    this.counted.set(name, { position, events });
    return events;
  }
}
