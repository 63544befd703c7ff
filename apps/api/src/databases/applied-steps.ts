import { Inject, Injectable } from '@nestjs/common';
import { Followers, type CoreDatabase, type EventStore } from '#event-store';
import { listSagas } from '#sagas';
import { appliedSteps, listApplied, pageOfApplied, readApplied, type Applied } from '#tables';
import { CORE, EVENT_STORE } from '../core/tokens.js';

const EVERYTHING = 1_000_000;
const WAIT_MS = 2000;

/**
 * What took effect in a database. The read model is behind the log, but who has seen a saga end must see its steps: a
 * read
 * waits until all that was committed before it is there, and else reads the sagas' own streams.
 */
@Injectable()
export class AppliedSteps {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly followers: Followers,
  ) {}

  /** Oldest first. */
  async list(filter: {
    database_id: string;
    table_id?: string;
    after?: number | undefined;
    limit?: number;
  }): Promise<Applied[]> {
    const { after = 0, ...rest } = filter;
    if (await this.followers.reached(appliedSteps.projection.name, await this.store.committed(), WAIT_MS))
      return listApplied(this.core, { ...rest, after });
    const sagas = await listSagas(this.core, { target_id: rest.database_id, limit: EVERYTHING });
    return readApplied(
      this.store,
      sagas.map(({ saga }) => saga.saga_id),
      { ...rest, after },
    );
  }

  /** A page of them, bounded in bytes too. */
  async page(filter: {
    database_id: string;
    after?: number | undefined;
    limit: number;
  }): Promise<{ steps: Applied[]; more: boolean }> {
    const { after = 0, ...rest } = filter;
    if (await this.followers.reached(appliedSteps.projection.name, await this.store.committed(), WAIT_MS))
      return pageOfApplied(this.core, { ...rest, after });
    const steps = await this.list({ ...filter, limit: filter.limit + 1 });
    return { steps: steps.slice(0, filter.limit), more: steps.length > filter.limit };
  }
}
