import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  sql,
  type CoreDatabase,
  type EventStore,
  type SealedHead,
  type StoredEvent,
  type Verification,
} from '#event-store';
import { CORE, EVENT_STORE } from '../core/tokens.js';
import { ApiError } from '../http/api-error.js';
import { cursorAfter, pageShape, toldAs } from '../http/input.js';
import type { StreamOptions } from './streams.js';
import { causalTree } from './causal-tree.js';
import { readHead, verify } from './verify-log.js';

/** As the store takes them: a name that it could not hold is told as such, whatever the core database's engine. */
const name = toldAs(
  z.string(),
  z
    .string()
    .regex(/^[!-~]{1,200}$/, 'must be 1 to 200 visible ASCII characters')
    .optional(),
);
const position = toldAs(
  z.int().min(0),
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a position')
    .transform(Number)
    .optional(),
);
const filters = { stream: name, type: name, correlation_id: name };
export const eventsQuery = z
  .strictObject({ after: position, limit: pageShape.limit, cursor: position, ...filters })
  .refine(
    ({ after, cursor }) => after === undefined || cursor === undefined,
    'give either after or cursor, they are the same',
  );
export type EventsQuery = z.output<typeof eventsQuery>;
export const liveQuery = z.strictObject({ after: position, ...filters });
export type LiveQuery = z.output<typeof liveQuery>;
export const verifyQuery = z.strictObject({
  head: toldAs(
    z.string().describe('`<position>:<hash>` as it was kept elsewhere: without it a cut tail cannot be found.'),
    z
      .string()
      .transform((text, context): SealedHead => {
        const head = readHead(text);
        if (head === null) context.addIssue({ code: 'custom', message: 'must be <position>:<hash>' });
        return head ?? { position: 0, hash: '' };
      })
      .optional(),
  ),
});
export type VerifyQuery = z.output<typeof verifyQuery>;
const PAGE = 500;

/** The calls that read the log. */
@Injectable()
export class LogQueries {
  /** By the head that was asked for: callers at the same time share one reading of the whole log. */
  private readonly verifying = new Map<string, Promise<Verification>>();

  constructor(
    @Inject(CORE) private readonly core: CoreDatabase,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** As stored: a hash is over the schema version that it was recorded with. */
  async list({ limit, after, cursor, ...filter }: EventsQuery): Promise<object> {
    const { events, more } = await this.store.asStored.pageOfAll(after ?? cursor ?? 0, limit, filter);
    return { events, next_cursor: cursorAfter(events, more, (last) => last.position) };
  }

  /** What a stream is to give, from its address. */
  live({ after = 0, ...filter }: LiveQuery): StreamOptions {
    return { after, filter };
  }

  async correlation(eventId: string): Promise<object> {
    const [row] = /^[0-9a-f-]{36}$/.test(eventId)
      ? await this.core.query(sql`select correlation_id from events where event_id = ${eventId}`)
      : [];
    if (row === undefined) throw new ApiError('not_found', `no event ${eventId}`);
    const correlation_id = String(row['correlation_id']);
    const events: StoredEvent[] = [];
    for (let more = true; more;) {
      const next = await this.store.asStored.pageOfAll(events.at(-1)?.position ?? 0, PAGE, { correlation_id });
      events.push(...next.events);
      more = next.more;
    }
    return { correlation_id, events: causalTree(events) };
  }

  async verify({ head: given }: VerifyQuery): Promise<object> {
    const head = given ?? null;
    const key = JSON.stringify(head);
    const running =
      this.verifying.get(key) ?? verify(this.core, this.store, head).finally(() => this.verifying.delete(key));
    this.verifying.set(key, running);
    const { valid, events, head: sealed, problems, more } = await running;
    return valid ? { valid, events, head: sealed } : { valid, events, head: sealed, problems, more };
  }
}
