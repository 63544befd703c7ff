import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuid } from 'uuid';
import {
  CoreUnavailable,
  sql,
  UniqueViolation,
  VersionConflict,
  type Append,
  type CoreClock,
  type CoreDatabase,
  type EventStore,
  type StoredEvent,
} from '#event-store';
import { engineOf, type Engine, type Limits } from '#byodb';
import {
  isEnded,
  letGo,
  loadSaga,
  appendToSaga,
  requestSaga,
  sagaStreams,
  type Orchestrator,
  type Saga,
  type SagaEvent,
} from '#sagas';
import {
  loadTable,
  nameOwner,
  newTable,
  appendToTable,
  changeOf,
  consider,
  type EventOf,
  type RequestEvent,
  decideLost,
  type Change,
  type DatabaseChange,
  type DatabaseRef,
  type Table,
  typeOf,
} from '#tables';
import type { Databases } from '../databases/databases.js';
import type { Answer } from '../http/answer.js';
import { ApiError } from '../http/api-error.js';
import type { CommandContext } from '../http/input.js';
import { sagaView } from '../sagas/view.js';
import { dryRun } from './dry-run.js';
import { Turns } from './turns.js';
import { statusesOf, tableView } from './view.js';

/** A command decided: the event that asks for a change, and the databases on which a saga will carry it out. */
export interface Decided {
  event: RequestEvent;
  databases: DatabaseRef[];
  /** Sagas ahead of it that are told something in the same commit. */
  told?: Told[];
}

/** A command decided that makes a table. */
export interface Creation extends Decided {
  event: EventOf<'TableCreationRequested'>;
}

export interface Told {
  saga: Saga;
  events: SagaEvent[];
}

/**
 * Other processes may be accepting commands on the same table, and sagas end on it: so long a command tries to get
 * between them, in milliseconds.
 */
const TRY_MS = 20_000;
const LONGEST_PAUSE_MS = 100;
/** Commands on one table, or one database, that wait for their turn in this process. */
const MOST_WAITING = 1000;
/** A name or key that is still another's after so many tries stays it for now: a change under way keeps it. */
const ATTEMPTS_FOR_A_KEY = 5;
const KEY_LIFETIME_MS = 24 * 3600 * 1000;

/**
 * A command about a database and several of its tables, decided: the event for each table's stream, `version` being the
 * one it is at.
 */
export interface DecidedForDatabase {
  change: DatabaseChange;
  events: { table_id: string; name: string; version: number; event: RequestEvent }[];
  steps: object[];
  /** Tables that an adoption of all of them left out, and why. */
  skipped?: Skipped[];
}

export interface Skipped {
  name: string;
  kind: string;
  reason: string;
}

/** The body of a 202, first or again. */
interface Accepted {
  accepted: string;
  replayed: boolean;
}
interface AcceptedBody {
  table?: { table_id: string };
  tables?: { table_id: string }[];
  skipped?: Skipped[];
  saga: { saga_id: string };
}

/** What is to be appended, and the 202's body but for the saga. */
interface Requested {
  sagaId: string;
  tables: { table_id: string; version: number; event: RequestEvent }[];
  change: Change | DatabaseChange;
  subject: { id: string; name: string };
  targets: DatabaseRef[];
  body: object;
  told: Told[];
}

/** Turns a decided command into its two events in one commit, and into the answer. */
export class Commands {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly turns = new Turns(MOST_WAITING);
  private stopping = false;

  constructor(
    private readonly ports: {
      core: CoreDatabase;
      clock: CoreClock;
      store: EventStore;
      databases: Databases;
      orchestrator: Orchestrator;
      deadlineSeconds: number;
      retentionSeconds: number;
      limits: Limits;
    },
  ) {
    ports.store.onAppended((events: StoredEvent[]) => {
      for (const { stream } of events) this.waiting.get(stream)?.forEach((notice) => notice());
    });
  }

  /** `decide` is called with the table as it is, again after each lost race; it throws to refuse. */
  async run(
    context: CommandContext,
    tableId: string,
    decide: (table: Table, sagaId: string) => Promise<Decided>,
  ): Promise<Answer> {
    return this.concluded(context, tableId, () =>
      this.judge(context, async (sagaId) => {
        const table = await this.table(tableId);
        refuseOtherVersion(context, table.version);
        return this.decided(context, await decide(table, sagaId), table, table.name, sagaId);
      }),
    );
  }

  /** As `run`, for a table that is not there yet. */
  async create(context: CommandContext, decide: (sagaId: string) => Promise<Creation>): Promise<Answer> {
    return this.concluded(context, null, () =>
      this.judge(context, async (sagaId) => {
        refuseOtherVersion(context, 0);
        const creation = await decide(sagaId);
        return this.decided(context, creation, newTable(uuid(), creation.databases), creation.event.name, sagaId);
      }),
    );
  }

  private async decided(
    context: CommandContext,
    decided: Decided,
    table: Table,
    name: string,
    sagaId: string,
  ): Promise<{ answer: Answer } | Requested> {
    await this.refuseTakenName(decided, table);
    return context.dryRun
      ? {
          answer: { status: 200, headers: {}, body: await dryRun(this.ports, decided.event, decided.databases, table) },
        }
      : this.requested(decided, table, name, sagaId);
  }

  /** As `run`, for what concerns a database; there is no version that it could be matched with. */
  async runOnDatabase(
    context: CommandContext,
    decide: (sagaId: string) => Promise<DecidedForDatabase>,
  ): Promise<Answer> {
    return this.concluded(context, null, () =>
      this.judge(context, async (sagaId) => {
        const { change, events, steps, skipped } = await decide(sagaId);
        const left = skipped === undefined ? {} : { skipped };
        if (context.dryRun)
          return {
            answer: {
              status: 200,
              headers: {},
              body: {
                plan: {
                  based_on: { version: null, pending: 0 },
                  steps,
                  reversible: change.kind === 'database.adopt',
                  reversible_until: null,
                  blocked_by: null,
                },
                ...left,
              },
            },
          };
        const tables = events.map(({ table_id, name, version }) => ({ table_id, name, version: version + 1 }));
        return {
          sagaId,
          tables: events,
          change,
          subject: change.database,
          targets: events.length === 0 ? [] : [change.database],
          body: { status: 'ok', ...(tables.length === 1 ? { table: tables[0] } : {}), tables, ...left },
          told: [],
        };
      }),
    );
  }

  /**
   * `subject`: the table, whose commands are accepted in the order in which they came; null: there is no such order.
   */
  private async concluded(
    context: CommandContext,
    subject: string | null,
    judge: () => Promise<Answer | Accepted>,
  ): Promise<Answer> {
    let judged: Answer | Accepted;
    try {
      judged = await (subject === null || context.dryRun ? judge() : this.turns.take(subject, judge));
    } catch (error) {
      // Of two twins at the same instant the second one may be refused for what the first one did: its name is taken,
      // the table moved on.
      const first = await this.replay(context);
      if (first === null) throw error;
      judged = { accepted: first, replayed: true };
    }
    return 'accepted' in judged ? this.answer(context, judged.accepted, judged.replayed) : judged;
  }

  private async judge(
    context: CommandContext,
    decide: (sagaId: string) => Promise<{ answer: Answer } | Requested>,
  ): Promise<Answer | Accepted> {
    let taken = 0;
    const until = performance.now() + TRY_MS;
    for (let attempt = 0; ; attempt++) {
      const replayed = await this.replay(context);
      if (replayed !== null) return { accepted: replayed, replayed: true };
      const decided = await decide(uuid());
      if ('answer' in decided) return decided.answer;
      try {
        return { accepted: await this.append(context, decided), replayed: false };
      } catch (error) {
        // The name or the idempotency key went to another one at the same instant, or the table moved on: judged
        // afresh.
        if (error instanceof UniqueViolation && ++taken > ATTEMPTS_FOR_A_KEY)
          throw new ApiError('table_name_taken', 'the name is reserved by a change under way on one of the databases');
        if (!(error instanceof VersionConflict || error instanceof UniqueViolation)) throw error;
        if (performance.now() > until)
          throw new ApiError(
            'rate_limited',
            'too much is asked of this at once: it was not accepted, and nothing was changed',
          );
        await sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
      }
    }
  }

  /**
   * By which is judged what is still kept, milliseconds since the epoch: what may not be destroyed yet can be brought
   * back.
   */
  async keptBy(): Promise<number> {
    return this.ports.clock.earliest();
  }

  async table(tableId: string): Promise<Table> {
    const table = await loadTable(this.ports.core, tableId);
    if (table === null) throw new ApiError('table_not_found', `no table ${tableId}`);
    return table;
  }

  private requested({ event, databases, told = [] }: Decided, table: Table, name: string, sagaId: string): Requested {
    const { table_id, version } = table;
    return {
      sagaId,
      tables: [{ table_id, version, event }],
      change: changeOf(event),
      subject: { id: table_id, name },
      targets: databases,
      body: { status: 'ok', table: { table_id, name, version: version + 1 } },
      told,
    };
  }

  /** Nothing is sent to what is lost: changes that wait for it end, and the table goes on without it. */
  async letGoOf(table: Table, databases: DatabaseRef[], reason: string, sagaId: string): Promise<Decided> {
    const told = await this.toldOfLoss(table, databases, reason);
    return { event: decideLost(consider(table), databases, reason, sagaId), databases: [], told };
  }

  /**
   * What the changes of a table that are under way are told when databases of theirs are lost: they end, and wait for
   * these no longer.
   */
  private async toldOfLoss(table: Table, lost: DatabaseRef[], reason: string): Promise<Told[]> {
    const told: Told[] = [];
    for (const { saga_id } of table.pending) {
      const saga = await loadSaga(this.ports.core, saga_id);
      if (saga === null) continue;
      const events = lost.flatMap((database) => letGo(saga, database, reason));
      if (events.length > 0)
        told.push({ saga, events: events.filter((e, i) => e.type !== 'AbortRequested' || i === 0) });
    }
    return told;
  }

  private async append(
    context: CommandContext,
    { sagaId, tables, change, subject, targets, body: shown, told }: Requested,
  ): Promise<string> {
    const causes = tables.map(() => uuid());
    const appends: Append[] = [
      ...tables.map(({ event, ...table }, i) => appendToTable(table, event, { event_id: causes[i]! })),
      requestSaga({
        saga_id: sagaId,
        change,
        subject,
        targets,
        deadlineAt: this.ports.clock.now() + this.ports.deadlineSeconds * 1000,
        cause: causes[0],
      }),
      ...told.map(({ saga, events }) => appendToSaga(saga, events)),
    ];
    const body = JSON.stringify({ ...shown, saga: { saga_id: sagaId, status: 'pending', href: `/sagas/${sagaId}` } });
    const { idempotency } = context;
    await this.ports.store.append(
      appends,
      context.metadata,
      idempotency === null
        ? undefined
        : async (tx) => {
            await tx.execute(
              sql`insert into idempotency_keys (scope, idempotency_key, request_hash, status, answer, created_at)
                values (${context.metadata.actor}, ${idempotency.key}, ${idempotency.hash}, 202, ${body},
                ${this.ports.clock.now()})`,
            );
          },
    );
    // Not waited for: with Redis away the answer would be late, and the reconciler finds the saga all the same.
    for (const { saga } of told) void this.ports.orchestrator.wake(saga.saga_id);
    void this.ports.orchestrator.wake(sagaId);
    return body;
  }

  /** The 202, or with `Prefer: wait` how the saga ended. */
  private async answer(context: CommandContext, accepted: string, replayed: boolean): Promise<Answer> {
    const body = JSON.parse(accepted) as AcceptedBody;
    const headers: Record<string, string> = {
      Location: `/sagas/${body.saga.saga_id}`,
      ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    };
    if (context.waitMs === 0) return { status: 202, body, headers };
    try {
      return await this.concluding(context, body, headers);
    } catch (error) {
      // It is accepted, and stays so while the core database is away: 503 would say that it may be asked again.
      if (!(error instanceof CoreUnavailable)) throw error;
      return { status: 202, body, headers };
    }
  }

  private async concluding(
    context: CommandContext,
    body: AcceptedBody,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const saga = await this.ended(body.saga.saga_id, context.waitMs);
    if (saga === null || !isEnded(saga))
      return { status: 202, body: { ...body, saga: { ...body.saga, status: saga?.status ?? 'pending' } }, headers };
    if (saga.status === 'completed') {
      const table = body.table === undefined ? null : await this.table(body.table.table_id);
      const tables =
        body.tables === undefined
          ? undefined
          : await Promise.all(body.tables.map(async ({ table_id }) => this.shown(await this.table(table_id))));
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
    throw new ApiError(
      saga.status === 'rejected' ? 'saga_rejected' : 'saga_compensated',
      saga.error?.message ?? saga.status,
      { members: { saga: sagaView(saga) }, headers },
    );
  }

  /** The saga when it has ended, is stuck, or the time is over. Polls as well, for sagas that another process runs. */
  private async ended(sagaId: string, waitMs: number): Promise<Saga | null> {
    const until = performance.now() + waitMs;
    const stream = sagaStreams.name(sagaId);
    for (;;) {
      let notice = (): void => undefined;
      const noticed = new Promise<void>((resolve) => {
        notice = resolve;
      });
      const listeners = this.waiting.get(stream) ?? new Set();
      this.waiting.set(stream, listeners.add(notice));
      let timer: NodeJS.Timeout | undefined;
      try {
        const saga = await loadSaga(this.ports.core, sagaId);
        if (saga !== null && isEnded(saga)) return saga;
        const left = until - performance.now();
        if (left <= 0 || this.stopping || saga?.status === 'stuck') return saga;
        await Promise.race([
          noticed,
          new Promise((resolve) => {
            timer = setTimeout(resolve, Math.min(left, 200));
          }),
        ]);
      } finally {
        clearTimeout(timer);
        listeners.delete(notice);
        if (listeners.size === 0) this.waiting.delete(stream);
      }
    }
  }

  /** Who waits for the end of a saga is told now how far it is: a stop does not wait for it. */
  stop(): void {
    this.stopping = true;
    for (const listeners of this.waiting.values()) for (const notice of listeners) notice();
  }

  private async shown(table: Table): Promise<object> {
    return tableView(table, await statusesOf(this.ports.core, [table]));
  }

  private async replay(context: CommandContext): Promise<string | null> {
    const { idempotency, metadata } = context;
    if (idempotency === null || context.dryRun) return null;
    const [row] = await this.ports.core.query(
      sql`select request_hash, answer, created_at from idempotency_keys where scope = ${metadata.actor}
        and idempotency_key = ${idempotency.key}`,
    );
    if (row === undefined) return null;
    if (Number(row['created_at']) < (await this.ports.clock.earliest()) - KEY_LIFETIME_MS) {
      await this.ports.core.execute(
        sql`delete from idempotency_keys where scope = ${metadata.actor}
          and idempotency_key = ${idempotency.key} and created_at = ${Number(row['created_at'])}`,
      );
      return null;
    }
    if (row['request_hash'] !== idempotency.hash)
      throw new ApiError('idempotency_key_reused', 'this key came with another request before');
    return String(row['answer']);
  }

  /** Forgets keys whose time is over; what comes with one of them afterwards is a new request. */
  async forgetKeys(): Promise<void> {
    await this.ports.core.execute(
      sql`delete from idempotency_keys where created_at < ${(await this.ports.clock.earliest()) - KEY_LIFETIME_MS}`,
    );
  }

  /** Told here for a good message; two at the same instant are told apart by the core database's unique key. */
  private async refuseTakenName({ event, databases }: Decided, table: Table): Promise<void> {
    const change = changeOf(event);
    const ids = databases.map((database) => database.id);
    for (const name of typeOf(change).names(change, table)) {
      const owner = await nameOwner(this.ports.core, ids, name);
      if (owner !== null && owner !== table.table_id)
        throw new ApiError('table_name_taken', `the name ${name} is taken on one of the databases`);
    }
  }
}

function refuseOtherVersion({ ifMatch }: CommandContext, version: number): void {
  if (ifMatch !== null && ifMatch !== version)
    throw new ApiError('version_conflict', `the table is at version ${version}`);
}

/** One of each. */
export function enginesOf(databases: DatabaseRef[]): Engine[] {
  return [...new Set(databases.map((d) => d.engine))].map((engine) => engineOf(engine as Engine['name']));
}
