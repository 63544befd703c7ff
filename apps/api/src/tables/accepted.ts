import { CoreUnavailable, type CoreDatabase } from '#event-store';
import { isEnded, type Saga } from '#sagas';
import type { Table } from '#tables';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';
import { sagaView } from '../sagas/view.js';
import type { Skipped } from './decided.js';
import { knownTable } from './known-table.js';
import type { SagaEnds } from './saga-ends.js';
import { statusesOf, tableView } from './view.js';

/** The body of a 202, first or again. */
export interface Accepted {
  accepted: string;
  replayed: boolean;
}

interface AcceptedBody {
  table?: { table_id: string };
  tables?: { table_id: string }[];
  skipped?: Skipped[];
  saga: { saga_id: string };
}

/** Answers commands that were accepted. */
export class AcceptedAnswers {
  constructor(
    private readonly core: CoreDatabase,
    private readonly ends: SagaEnds,
  ) {}

  /** The 202, or with `Prefer: wait` how the saga ended. Errors: ApiError saga_rejected, saga_compensated. */
  async answer({ waitMs }: CommandContext, { accepted, replayed }: Accepted): Promise<Answer> {
    const body = JSON.parse(accepted) as AcceptedBody;
    const headers: Record<string, string> = {
      Location: `/sagas/${body.saga.saga_id}`,
      ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    };
    if (waitMs === 0) return { status: 202, body, headers };
    try {
      return await this.awaited(waitMs, body, headers);
    } catch (error) {
      // It is accepted, and stays so while the core database is away: 503 would say that it may be asked again.
      if (!(error instanceof CoreUnavailable)) throw error;
      return { status: 202, body, headers };
    }
  }

  private async awaited(waitMs: number, body: AcceptedBody, headers: Record<string, string>): Promise<Answer> {
    const saga = await this.ends.wait(body.saga.saga_id, waitMs);
    if (saga === null || !isEnded(saga)) {
      const status = saga?.status ?? 'pending';
      return { status: 202, body: { ...body, saga: { ...body.saga, status } }, headers };
    }
    if (saga.status === 'completed') return this.completed(saga, body, headers);
    throw new ApiError(
      saga.status === 'rejected' ? 'saga_rejected' : 'saga_compensated',
      saga.error?.message ?? saga.status,
      { members: { saga: sagaView(saga) }, headers },
    );
  }

  private async completed(saga: Saga, body: AcceptedBody, headers: Record<string, string>): Promise<Answer> {
    const table = body.table === undefined ? null : await knownTable(this.core, body.table.table_id);
    const tables =
      body.tables === undefined
        ? undefined
        : await Promise.all(body.tables.map(async ({ table_id }) => this.shown(await knownTable(this.core, table_id))));
    return {
      status: 200,
      headers: { ...headers, ...(table === null ? {} : { ETag: `"${table.version}"` }) },
      body: {
        status: 'ok',
        ...(table === null ? {} : { table: await this.shown(table) }),
        ...(tables === undefined ? {} : { tables }),
        ...(body.skipped === undefined ? {} : { skipped: body.skipped }),
        saga: sagaView(saga),
      },
    };
  }

  private async shown(table: Table): Promise<object> {
    return tableView(table, await statusesOf(this.core, [table]));
  }
}
