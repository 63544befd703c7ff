import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { CoreDatabase, EventStore } from '#event-store';
import { isEnded, loadSaga, pageOfSagas, sagaStreams, type Saga } from '#sagas';
import { databaseName, findDatabase } from '#tables';
import { SAGA_STATUSES } from '../core/answer-parts.js';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { cursorAfter, pageShape, toldAs, type PageQuery } from '../http/input.js';
import { KINDS } from './kinds.js';
import { sagaView } from './view.js';

export const sagasQuery = z.strictObject({
  ...pageShape,
  status: z.enum(SAGA_STATUSES).optional(),
  table_id: z.string().optional(),
  database: toldAs(databaseName, z.string().optional()),
  kind: z.enum(KINDS).optional(),
});

export type SagasQuery = z.output<typeof sagasQuery>;

/** Sagas whose subject is a database, and which may name a table. */
const OF_DATABASES = KINDS.filter((kind) => kind.startsWith('database.'));

/** The saga calls. */
@Injectable()
export class SagaQueries {
  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  async one(id: string): Promise<Saga> {
    const saga = await loadSaga(this.core, id);
    if (saga === null) throw new ApiError('saga_not_found', `no saga ${id}`);
    return saga;
  }

  async list({ limit, cursor, status, table_id, database, kind }: SagasQuery): Promise<object> {
    const at = database === undefined ? undefined : await findDatabase(this.core, database);
    if (at === null) throw new ApiError('database_not_found', `no database ${JSON.stringify(database)}`);
    const { sagas, more } = await pageOfSagas(this.core, {
      limit,
      before: cursor,
      status,
      ...(table_id === undefined ? {} : { named_in: { id: table_id, kinds: OF_DATABASES } }),
      kind,
      target_id: at?.database_id,
    });
    return {
      sagas: sagas.map((r) => sagaView(r.saga)),
      next_cursor: cursorAfter(sagas, more, (last) => last.position),
    };
  }

  async events(id: string, { limit, cursor = 0 }: PageQuery): Promise<object> {
    await this.one(id);
    const { events, more } = await this.store.asStored.pageOfStream(sagaStreams.name(id), cursor, limit);
    return { events, next_cursor: cursorAfter(events, more, (last) => last.version) };
  }

  /** Whether the saga has ended and its last event is not after this position: there is nothing to wait for then. */
  async isOver(id: string, position: number): Promise<boolean> {
    const saga = await this.one(id);
    return (
      isEnded(saga) &&
      (await this.store.readStream(sagaStreams.name(id), { after: saga.version - 1 })).every(
        (event) => event.position <= position,
      )
    );
  }
}
